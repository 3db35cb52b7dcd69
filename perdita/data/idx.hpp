// IDX, the format of MNIST and its relatives: two zero bytes, the element type, the rank, big-endian sizes, elements.
#pragma once

#include <filesystem>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// The array in an IDX file, plain or gzip. uint8, int32, float32 and float64 keep their type; int8 and int16 become
/// int32. Throws FileError when it cannot be read, DataError that names the file and the byte when it is not IDX, is
/// cut off or goes on after its last element.
Array read_idx(const std::filesystem::path& path);

/// The same from bytes in memory; `name` stands for the file in messages.
Array parse_idx(std::string_view bytes, std::string_view name);

}  // namespace perdita::data
