#include "perdita/train/fields.hpp"

#include <cmath>
#include <utility>

#include "perdita/core/error.hpp"

namespace perdita::train {

namespace {

std::string shown(const Fields::Json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  const std::string text = value.dump(-1, ' ', true, Fields::Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

}  // namespace

Fields::Fields(const Json& object, std::string name) : object_(object), name_(std::move(name)) {
  if (!object.is_object()) fail<DataError>("{}: got {} (valid: a JSON object)", name_, shown(object));
}

const Fields::Json& Fields::at(const char* key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) fail<DataError>("{}: {} is missing", name_, key);
  return *found;
}

void Fields::refuse(const char* key, std::string_view valid) const {
  fail<DataError>("{}: {} is {} (valid: {})", name_, key, shown(at(key)), valid);
}

std::int64_t Fields::whole(const char* key, std::int64_t least, std::int64_t most) const {
  const Json& value = at(key);
  const bool fits = value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() >> 63 != 0);
  if (!fits || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) {
    refuse(key, fmt::format("a whole number, {}..{}", least, most));
  }
  return value.get<std::int64_t>();
}

std::uint64_t Fields::whole_unsigned(const char* key) const {
  if (!at(key).is_number_unsigned()) refuse(key, "a whole number, 0..2^64-1");
  return at(key).get<std::uint64_t>();
}

double Fields::number(const char* key) const {
  const Json& value = at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) refuse(key, "a finite number");
  return value.get<double>();
}

std::string Fields::text(const char* key) const {
  if (!at(key).is_string()) refuse(key, "a string");
  return at(key).get<std::string>();
}

const Fields::Json& Fields::list(const char* key) const {
  if (!at(key).is_array()) refuse(key, "a list");
  return at(key);
}

std::vector<double> Fields::numbers(const char* key, std::size_t count) const {
  std::vector<double> all;
  for (const Json& value : list(key)) {
    if (!value.is_number()) refuse(key, "a list of numbers");
    all.push_back(value.get<double>());
  }
  if (all.size() != count) refuse(key, fmt::format("a list of {} numbers", count));
  return all;
}

}  // namespace perdita::train
