// What all fuzz targets do: a file may be read or refused with a DataError; everything else is a defect.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "perdita/core/array.hpp"

namespace perdita {

/// The bytes of the input, and whether a parser took them.
template <class Parse>
int try_to_parse(const std::uint8_t* data, std::size_t size, const Parse& parse) {
  try {
    parse(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const DataError&) {
  }
  return 0;
}

/// Stops the fuzzer where an assertion would.
inline void require(bool condition) {
  if (!condition) std::abort();
}

/// Reads every byte of an array, so that the sanitizers see one that is too small.
inline void touch(const Array& array) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < array.bytes(); ++i) sum += static_cast<const unsigned char*>(array.buffer.data())[i];
  volatile std::size_t keep = sum;
  static_cast<void>(keep);
}

}  // namespace perdita
