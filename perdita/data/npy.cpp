#include "perdita/data/npy.hpp"

#include <fmt/ranges.h>

#include <bit>
#include <optional>

#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/npy_header.hpp"

namespace perdita::data {

namespace {

/// Copies column-major elements to row-major order.
template <class T>
void transpose(const char* from, const Array& array) {
  T* to = array.data<T>();
  const int rank = array.shape.rank();
  Strides strides(rank, 1);  // of the source
  for (int d = 1; d < rank; ++d) strides[d] = strides[d - 1] * array.shape[d - 1];
  Dims index(rank, 0);
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < array.size(); ++i) {
    std::memcpy(to + i, from + at * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    for (int d = rank - 1; d >= 0; --d) {  // the next index, as an odometer counts
      at += strides[d];
      if (++index[d] < array.shape[d]) break;
      at -= strides[d] * array.shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace

Array parse_npy(std::string_view bytes, std::string_view name) {
  const detail::NpyPreamble preamble = detail::read_npy_preamble(bytes, name);
  const detail::NpyHeader header = detail::parse_npy_dict(preamble.dict, name);
  const std::uint64_t present = bytes.size() - preamble.data_at;
  const auto claimed = detail::byte_count(header.shape, size_of(header.dtype));
  if (claimed != present) {
    fail<DataError>("read_npy: {}: there are {} bytes of data after byte {}, but shape {} of {} requires {}{}", name,
                    present, preamble.data_at, header.shape, name_of(header.dtype),
                    claimed ? fmt::format("{}", *claimed) : "more than any file can contain",
                    !claimed || *claimed > present ? " (is the file truncated?)" : "");
  }
  Array array = Array::empty(header.shape, header.dtype);
  const char* from = bytes.data() + preamble.data_at;
  if (header.dtype == DType::boolean) {  // checked as bytes, before anyone reads them as bool
    std::memcpy(array.buffer.data(), from, present);
    detail::check_booleans(array, "read_npy", name, preamble.data_at);
  }
  if (header.fortran_order && header.shape.rank() > 1) {
    visit_dtype(header.dtype, [&]<class T>() { transpose<T>(from, array); });
  } else if (present > 0) {
    std::memcpy(array.buffer.data(), from, present);
  }
  detail::to_native(array.buffer.data(), static_cast<std::size_t>(array.size()), size_of(header.dtype), header.order);
  return array;
}

Array read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path), path.string()); }

std::string encode_npy(const Array& array) {
  if (is_narrow(array.dtype))
    fail<DTypeError>("write_npy: the array holds {} (valid: to(DType::float32) converts)", name_of(array.dtype));
  const char order = size_of(array.dtype) == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  const Shape& shape = array.shape;
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order,
                                   detail::npy_code(array.dtype), fmt::join(shape.begin(), shape.end(), ", "),
                                   shape.rank() == 1 ? "," : "");
  // Spaces and a newline up to a multiple of 64, so that the elements can be mapped into memory aligned.
  const std::size_t before = detail::npy_magic.size() + 4;
  header.append((64 - (before + header.size() + 1) % 64) % 64, ' ') += '\n';
  std::string bytes(detail::npy_magic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  bytes += header;
  return bytes.append(static_cast<const char*>(array.buffer.data()), array.bytes());
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  write_file_atomically(path, encode_npy(array));
}

}  // namespace perdita::data
