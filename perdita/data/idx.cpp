#include "perdita/data/idx.hpp"

#include <array>
#include <optional>
#include <vector>

#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/gzip.hpp"

namespace perdita::data {

namespace {

using detail::ByteReader;

/// One row of the format's table of types.
struct Element {
  int code;
  std::size_t bytes;
  DType dtype;  // what it becomes
};

std::optional<Element> element_of(int code) {
  constexpr std::array<Element, 6> known{{{0x08, 1, DType::uint8},
                                          {0x09, 1, DType::int32},
                                          {0x0B, 2, DType::int32},
                                          {0x0C, 4, DType::int32},
                                          {0x0D, 4, DType::float32},
                                          {0x0E, 8, DType::float64}}};
  for (const Element& element : known) {
    if (element.code == code) return element;
  }
  return std::nullopt;
}

struct Header {
  Element element;
  Shape shape;
  std::uint64_t offset;  // of the first element
};

Header read_header(ByteReader& reader, std::string_view name) {
  std::array<unsigned char, 4> magic;
  const std::size_t got = reader.read(magic.data(), magic.size());
  if (got < magic.size())
    fail<DataError>("read_idx: {}: the file has {} bytes, fewer than the 4 bytes of an IDX header", name, got);
  if (magic[0] != 0 || magic[1] != 0) {
    fail<DataError>(
        "read_idx: {}: not an IDX file: it begins with bytes {:02x} {:02x} {:02x} {:02x} (valid: 00 00, type, rank)",
        name, magic[0], magic[1], magic[2], magic[3]);
  }
  const auto element = element_of(magic[2]);
  if (!element) {
    fail<DataError>(
        "read_idx: {}: byte 2, the element type, is 0x{:02x} (valid: 08 uint8, 09 int8, 0b int16, 0c int32, "
        "0d float32, 0e float64)",
        name, magic[2]);
  }
  const int rank = magic[3];
  if (rank < 1 || rank > max_rank) {
    fail<DataError>("read_idx: {}: byte 3, the rank, is {} (valid: 1..{})", name, rank, max_rank);
  }
  Header header{*element, {}, 4 + 4 * static_cast<std::uint64_t>(rank)};
  for (int i = 0; i < rank; ++i) {
    std::array<unsigned char, 4> size;
    if (reader.read(size.data(), size.size()) < size.size()) {
      fail<DataError>("read_idx: {}: the file ends within its header, which has {} bytes for rank {}", name,
                      header.offset, rank);
    }
    header.shape.push_back(detail::load<std::uint32_t>(size.data(), std::endian::big));
  }
  return header;
}

constexpr std::uint64_t most_on_trust = std::uint64_t{1} << 24;

[[noreturn]] void refuse_short(const Header& header, std::uint64_t got, std::uint64_t claimed, std::string_view name) {
  fail<DataError>("read_idx: {}: the file ends at byte {}, but shape {} requires {} bytes (is the file truncated?)",
                  name, header.offset + got, header.shape, header.offset + claimed);
}

/// Inflates without keeping anything: a large claim is believed when the bytes are there.
void check_inflated(std::string_view bytes, const Header& header, std::uint64_t claimed, std::string_view name) {
  ByteReader reader(bytes, "read_idx", std::string(name));
  std::vector<char> room(std::size_t{1} << 16);
  std::uint64_t got = 0;
  for (std::size_t count = room.size(); count == room.size(); got += count) count = reader.read(room.data(), count);
  if (got < header.offset + claimed) refuse_short(header, got - header.offset, claimed, name);
}

/// Spreads narrow integers, which end where the array's block ends, over the whole block. Going up from the front,
/// what is written never overtakes what is still to be read.
template <class Narrow>
void widen(const char* from, const Array& array) {
  auto* to = array.data<std::int32_t>();
  for (std::int64_t i = 0; i < array.size(); ++i) {
    Narrow value;
    std::memcpy(&value, from + i * static_cast<std::int64_t>(sizeof value), sizeof value);
    to[i] = value;
  }
}

}  // namespace

Array parse_idx(std::string_view bytes, std::string_view name) {
  ByteReader reader(bytes, "read_idx", std::string(name));
  const Header header = read_header(reader, name);
  const auto claimed = detail::byte_count(header.shape, header.element.bytes);
  if (!claimed || *claimed > reader.most_bytes()) {
    fail<DataError>(
        "read_idx: {}: the header specifies shape {} of {}-byte elements, more than a file of {} bytes can contain",
        name, header.shape, header.element.bytes, bytes.size());
  }
  if (detail::is_gzip(bytes) && *claimed > most_on_trust) check_inflated(bytes, header, *claimed, name);
  Array array = Array::empty(header.shape, header.element.dtype);
  char* start = static_cast<char*>(array.buffer.data()) + (array.bytes() - *claimed);
  const std::size_t got = reader.read(start, *claimed);
  if (got < *claimed) refuse_short(header, got, *claimed, name);
  if (char extra; reader.read(&extra, 1) != 0) {
    fail<DataError>("read_idx: {}: the file continues after byte {}, where the data of shape {} end", name,
                    header.offset + *claimed, header.shape);
  }
  detail::to_native(start, static_cast<std::size_t>(array.size()), header.element.bytes, std::endian::big);
  if (header.element.code == 0x09) widen<std::int8_t>(start, array);
  if (header.element.code == 0x0B) widen<std::int16_t>(start, array);
  return array;
}

Array read_idx(const std::filesystem::path& path) { return parse_idx(read_file(path), path.string()); }

}  // namespace perdita::data
