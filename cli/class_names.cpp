#include "cli/class_names.hpp"

#include <algorithm>
#include <filesystem>

#include "perdita/core/file.hpp"

namespace perdita::cli {

std::vector<std::string> class_names_of(const std::string& given) {
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(given, ignored);
  std::string text = is_file ? read_file(given) : given;
  std::vector<std::string> names;
  const char separator = is_file ? '\n' : ',';
  if (is_file && text.ends_with('\n')) text.pop_back();
  for (std::size_t at = 0; !given.empty() && at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    std::string name = text.substr(at, end - at);
    if (name.ends_with('\r')) name.pop_back();
    names.push_back(std::move(name));
    at = end + 1;
  }
  return names;
}

}  // namespace perdita::cli
