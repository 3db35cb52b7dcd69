// NPY, NumPy's format for one array: magic, version, a Python dict as text, elements.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data {

/// The array in an .npy file of version 1.0, 2.0 or 3.0: float32, float64, int64, int32, uint8 or bool, of either byte
/// order. Fortran order is turned into row-major order. Throws FileError when it cannot be read, DataError that names
/// the file and the header field or byte when it is malformed, cut off, too long or of another element type.
Array read_npy(const std::filesystem::path& path);

/// The same from bytes in memory; `name` stands for the file in messages.
Array parse_npy(std::string_view bytes, std::string_view name);

/// The bytes that numpy.save writes for this array.
std::string encode_npy(const Array& array);

/// Writes encode_npy(array); the file is the old one or the new one, never half of it. Throws FileError.
void write_npy(const std::filesystem::path& path, const Array& array);

}  // namespace perdita::data
