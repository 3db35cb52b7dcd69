// What stands before the elements of an NPY file: magic, version, a Python dict as text.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"

namespace perdita::data::detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

struct NpyHeader {
  DType dtype = DType::float32;
  std::endian order = std::endian::little;
  bool fortran_order = false;
  Shape shape;
};

/// Where the elements begin, and the dict's text.
struct NpyPreamble {
  std::size_t data_at;
  std::string_view dict;
};

/// Bytes that tell how long the preamble is.
inline constexpr std::size_t npy_prefix_bytes = 12;
/// The length of the preamble that begins with `prefix`, of npy_prefix_bytes or of all there are. Throws DataError for
/// another format or version, or too few bytes.
std::size_t npy_preamble_bytes(std::string_view prefix, std::string_view file);
/// `bytes` begins with a whole preamble; throws DataError if it does not.
NpyPreamble read_npy_preamble(std::string_view bytes, std::string_view file);
/// Throws DataError that names the file, what is wrong and what is valid.
NpyHeader parse_npy_dict(std::string_view dict, std::string_view file);

/// The type's code in a dict, without the byte order: "f4".
std::string_view npy_code(DType dtype);

}  // namespace perdita::data::detail
