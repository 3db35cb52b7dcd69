// JSON from untrusted files.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace perdita::data {

/// Nesting of arrays and objects. Copying, comparing and printing a JSON value recurse, so depth costs stack.
inline constexpr int most_json_depth = 64;
/// Numbers, strings, arrays, objects and keys of a text. Each costs up to 100 bytes of memory, and may be two of text.
inline constexpr std::size_t most_json_values = std::size_t{1} << 18;
/// Keys of one object of ordered_json, which searches them one by one.
inline constexpr std::size_t most_ordered_keys = std::size_t{1} << 14;

/// Parses a JSON text with bounded stack and memory. `name` denotes the text in messages ("read_safetensors: FILE: the
/// header"). Throws DataError if the text is not JSON, is nested deeper than most_json_depth, has more than
/// most_json_values values, or has an object with a duplicate key (which JSON readers handle differently). Json is
/// nlohmann::json or nlohmann::ordered_json.
template <class Json = nlohmann::json>
Json parse_json(std::string_view text, std::string_view name);

}  // namespace perdita::data
