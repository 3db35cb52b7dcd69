// NPY, NumPy's format for one array: magic, version, a Python dict as text, elements.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// The array in an .npy file of version 1.0, 2.0 or 3.0: float32, float64, int64, int32, uint8 or bool, of either byte
/// order. Fortran order is converted to row-major order. Throws FileError if the file cannot be read, DataError that
/// names the file and the header field or byte if it is malformed, truncated, too long or of another element type.
Array read_npy(const std::filesystem::path& path);

/// The same for bytes in memory; `name` is used in messages instead of the file.
Array parse_npy(std::string_view bytes, std::string_view name);

/// The bytes that numpy.save writes for this array.
std::string encode_npy(const Array& array);

/// Writes encode_npy(array) atomically. Throws FileError.
void write_npy(const std::filesystem::path& path, const Array& array);

}  // namespace perdita::data
