#include "perdita/data/json.hpp"

#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data {

namespace {

/// Counts brackets, commas and colons outside strings. Of text that is not JSON the counts mean nothing, but they bound
/// what the parser does before it finds out.
void check_size(std::string_view text, std::string_view name) {
  std::size_t depth = 0, values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == ']' || c == '}') depth -= depth > 0;
    if (c != '[' && c != '{' && c != ',' && c != ':') continue;
    if (++values > most_json_values)
      fail<DataError>("{} has too many JSON values (valid: up to {})", name, most_json_values);
    if ((c == '[' || c == '{') && ++depth > most_json_depth)
      fail<DataError>("{} is nested too deeply at character {} (valid: up to {} levels)", name, i, most_json_depth);
  }
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text, std::string_view name) {
  check_size(text, name);
  using Event = typename Json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check_keys = [&](int, Event event, Json& value) {
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event != Event::key) return true;
    if (!keys.back().insert(value.template get<std::string>()).second)
      fail<DataError>("{} contains the key {} twice", name,
                      detail::printable(value.template get_ref<const std::string&>()));
    if (std::is_same_v<Json, nlohmann::ordered_json> && keys.back().size() > most_ordered_keys)
      fail<DataError>("{} has an object of too many keys (valid: up to {})", name, most_ordered_keys);
    return true;
  };
  try {
    return Json::parse(text, check_keys);
  } catch (const nlohmann::json::exception& error) {
    fail<DataError>("{} is not valid JSON: {}", name, detail::printable(error.what(), 160));
  }
}

template nlohmann::json parse_json(std::string_view, std::string_view);
template nlohmann::ordered_json parse_json(std::string_view, std::string_view);

}  // namespace perdita::data
