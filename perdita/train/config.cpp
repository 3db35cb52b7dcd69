#include "perdita/train/config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/data/json.hpp"

namespace perdita::train {

namespace {

using Json = nlohmann::ordered_json;

std::string key_of(const Option& option) {
  std::string key(option.name);
  std::ranges::replace(key, '-', '_');
  return key;
}

/// A number stays a number; every other value is a text.
Json to_value(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_number() ? value : Json(text);
}

bool is_safe_in_shell(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./:=,+%@").find(c) != std::string_view::npos;
}

}  // namespace

Config complete(Config config, const DataFacts& facts) {
  check(config.optimizer);
  if (!config.loss) config.loss = facts.default_loss;
  if (!config.lr) config.lr = default_lr(config.optimizer);
  if (!config.standardize) config.standardize = facts.standardize;
  if (facts.has_test_set && config.test_fraction.value_or(0) > 0) {
    fail<ValueError>("test-fraction is {}, but the data have a separate test set (valid: omit test-fraction)",
                     *config.test_fraction);
  }
  if (!config.test_fraction && !facts.has_test_set) config.test_fraction = 0.2;
  if (!config.batch_size) config.batch_size = facts.training_samples < 10000 ? 32 : 128;
  if (!config.epochs) {
    const std::int64_t steps = (facts.training_samples + *config.batch_size - 1) / *config.batch_size;
    config.epochs = std::clamp<std::int64_t>(2000 / std::max<std::int64_t>(steps, 1), 10, 200);
  }
  if (!config.threads) config.threads = num_threads();
  return config;
}

std::string to_json(const Config& config) {
  Json object;
  for (const Option& option : options()) {
    if (option.get == nullptr) continue;
    if (const std::string text = option.get(config); !text.empty()) object[key_of(option)] = to_value(text);
  }
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Config config_from_json(std::string_view text, std::string_view name) {
  const Json object = data::parse_json<Json>(text, name);
  if (!object.is_object()) fail<DataError>("{}: got '{}' (valid: one JSON object)", name, text.substr(0, 40));
  Config config;
  for (const auto& item : object.items()) {
    const std::string& key = item.key();
    const Json& value = item.value();
    const auto option = std::ranges::find_if(options(), [&](const Option& o) { return o.get && key_of(o) == key; });
    if (option == options().end()) fail<DataError>("{}: unknown option '{}'", name, key);
    if (!value.is_string() && !value.is_number() && !value.is_boolean()) {
      fail<DataError>("{}: {} is {} (valid: a string or a number)", name, key,
                      value.is_null() ? "null" : "a list or object");
    }
    try {
      option->set(config, value.is_string() ? value.get<std::string>() : value.dump());
    } catch (const ValueError& error) {
      fail<DataError>("{}: {}: {}", name, key, error.what());
    }
  }
  return config;
}

std::string command_line(const Config& config) {
  std::string command = "perdita train";
  for (const Option& option : options()) {
    if (option.get == nullptr) continue;
    const std::string text = option.get(config);
    if (!text.empty()) command += fmt::format(" --{} {}", option.name, quote_for_shell(text));
  }
  return command;
}

std::string quote_for_shell(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_safe_in_shell)) return std::string(word);
  std::string quoted = "'";
  for (char c : word) c == '\'' ? quoted.append("'\\''") : quoted.append(1, c);
  return quoted.append("'");
}

}  // namespace perdita::train
