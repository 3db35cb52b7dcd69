// Shared by the readers of binary files: integers of either byte order, sizes without overflow, and bytes formatted for
// messages.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita::data::detail {

/// Turns `count` elements of `width` bytes from the given byte order into this machine's.
void to_native(void* elements, std::size_t count, std::size_t width, std::endian order);

/// An unsigned integer of the given byte order at p, of any alignment.
template <class T>
T load(const void* p, std::endian order) {
  T value;
  std::memcpy(&value, p, sizeof value);
  to_native(&value, 1, sizeof value, order);
  return value;
}

/// Size of a dense array in bytes, or nothing if the product of its sizes overflows.
std::optional<std::uint64_t> byte_count(const Shape& shape, std::size_t element_bytes);

/// Up to `limit` of the bytes in quotes; nonprintable bytes are written as \xNN, and truncation is marked.
std::string printable(std::string_view bytes, std::size_t limit = 40);

/// Throws DataError unless every byte of a bool array is 0 or 1. `offset` is where the array starts in the file.
void check_booleans(const Array& array, std::string_view operation, std::string_view file, std::uint64_t offset);

}  // namespace perdita::data::detail
