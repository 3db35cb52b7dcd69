// IDX, the format of MNIST: two zero bytes, the element type, the rank, big-endian sizes, elements.
#pragma once

#include <filesystem>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// The array in an IDX file, plain or gzip. uint8, int32, float32 and float64 keep their type; int8 and int16 become
/// int32. Throws FileError if the file cannot be read, DataError that names the file and the byte if it is not IDX, is
/// truncated or continues after its last element.
Array read_idx(const std::filesystem::path& path);

/// The same for bytes in memory; `name` is used in messages instead of the file.
Array parse_idx(std::string_view bytes, std::string_view name);

}  // namespace perdita::data
