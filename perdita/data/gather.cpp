#include "perdita/data/gather.hpp"

#include <cstring>

namespace perdita::data::detail {

PixelTable pixel_table(const PixelScale& scale) {
  PixelTable table;
  for (std::size_t x = 0; x < table.size(); ++x) {
    table[x] = static_cast<float>((static_cast<double>(x) / 255 - scale.mean) / scale.deviation);
  }
  return table;
}

namespace {

std::size_t elements_of_row(const Array& source) {
  std::size_t count = 1;
  for (int d = 1; d < source.shape.rank(); ++d) count *= static_cast<std::size_t>(source.shape[d]);
  return count;
}

/// Rows of a size known when compiled are moved by an instruction or two, not by a call.
template <std::size_t bytes>
void copy_small(const char* from, std::span<const std::int64_t> rows, char* to) {
  for (std::int64_t row : rows) {
    std::memcpy(to, from + static_cast<std::size_t>(row) * bytes, bytes);
    to += bytes;
  }
}

}  // namespace

Array empty_rows(const Array& source, std::int64_t count, DType dtype) {
  Shape shape = source.shape;
  shape[0] = count;
  return Array::empty(shape, dtype);
}

void gather_rows(const Array& source, std::span<const std::int64_t> rows, const Array& result) {
  const std::size_t bytes = elements_of_row(source) * size_of(source.dtype);
  const char* from = static_cast<const char*>(source.buffer.data());
  char* to = static_cast<char*>(result.buffer.data());
  switch (bytes) {
    case 0:
      break;
    case 4:
      copy_small<4>(from, rows, to);
      break;
    case 8:
      copy_small<8>(from, rows, to);
      break;
    default:
      for (std::int64_t row : rows) {
        std::memcpy(to, from + static_cast<std::size_t>(row) * bytes, bytes);
        to += bytes;
      }
  }
}

void gather_pixels(const Array& source, std::span<const std::int64_t> rows, const PixelTable& table,
                   const Array& result) {
  const std::size_t count = elements_of_row(source);
  const std::uint8_t* from = source.data<std::uint8_t>();
  float* to = result.data<float>();
  for (std::int64_t row : rows) {
    const std::uint8_t* pixel = from + static_cast<std::size_t>(row) * count;
    for (std::size_t i = 0; i < count; ++i) to[i] = table[pixel[i]];
    to += count;
  }
}

void check_rows(std::span<const std::int64_t> rows, std::int64_t count, std::string_view operation) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= 0 && rows[i] < count) continue;
    if (count == 0) fail<IndexError>("{}: index {} of an empty dataset", operation, rows[i]);
    fail<IndexError>("{}: index[{}] is {}, but there are {} samples (valid: 0..{})", operation, i, rows[i], count,
                     count - 1);
  }
}

}  // namespace perdita::data::detail
