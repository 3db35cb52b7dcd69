// Fields of a JSON object that a file holds, read as what they must be.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::train {

class Fields {
 public:
  using Json = nlohmann::ordered_json;
  /// `object` must outlive this; `name` is what messages call it. Throws DataError where it is no object. So do the
  /// others where there is no such field, or one of another kind.
  Fields(const Json& object, std::string name);

  bool has(const char* key) const { return object_.contains(key); }
  const Json& at(const char* key) const;
  std::int64_t whole(const char* key, std::int64_t least, std::int64_t most) const;
  std::uint64_t whole_unsigned(const char* key) const;
  /// Finite.
  double number(const char* key) const;
  std::string text(const char* key) const;
  const Json& list(const char* key) const;
  std::vector<double> numbers(const char* key, std::size_t count) const;
  [[noreturn]] void refuse(const char* key, std::string_view valid) const;

 private:
  const Json& object_;
  std::string name_;
};

}  // namespace perdita::train
