#include "perdita/data/bytes.hpp"

#include <algorithm>

namespace perdita::data::detail {

void to_native(void* elements, std::size_t count, std::size_t width, std::endian order) {
  if (order == std::endian::native || width == 1) return;
  auto* bytes = static_cast<unsigned char*>(elements);
  for (std::size_t i = 0; i < count; ++i, bytes += width) std::reverse(bytes, bytes + width);
}

std::optional<std::uint64_t> byte_count(const Shape& shape, std::size_t element_bytes) {
  // Zeros are counted as ones first: strides are products of the other sizes and must fit too.
  std::int64_t total = static_cast<std::int64_t>(element_bytes);
  bool is_empty = false;
  for (std::int64_t size : shape) {
    is_empty |= size == 0;
    if (size < 0 || __builtin_mul_overflow(total, std::max<std::int64_t>(size, 1), &total)) return std::nullopt;
  }
  return is_empty ? 0 : static_cast<std::uint64_t>(total);
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text = "'";
  for (char c : bytes.substr(0, limit)) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  text += '\'';
  if (bytes.size() > limit) text += fmt::format("... ({} bytes)", bytes.size());
  return text;
}

void check_booleans(const Array& array, std::string_view operation, std::string_view file, std::uint64_t offset) {
  const auto* bytes = static_cast<const unsigned char*>(array.buffer.data());
  const auto* end = bytes + array.bytes();
  const auto* bad = std::find_if(bytes, end, [](unsigned char byte) { return byte > 1; });
  if (bad == end) return;
  fail<DataError>("{}: {}: byte {} is {}, in an array of bools (valid: 0, 1)", operation, file,
                  offset + static_cast<std::uint64_t>(bad - bytes), *bad);
}

}  // namespace perdita::data::detail
