#include "perdita/data/npy.hpp"

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <optional>

#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data {

namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct Kind {
  std::string_view code;  // descr without the byte order
  DType dtype;
};
constexpr std::array<Kind, 6> kinds{{{"f4", DType::float32},
                                     {"f8", DType::float64},
                                     {"i8", DType::int64},
                                     {"i4", DType::int32},
                                     {"u1", DType::uint8},
                                     {"b1", DType::boolean}}};

struct Header {
  DType dtype = DType::float32;
  std::endian order = std::endian::little;
  bool fortran_order = false;
  Shape shape;
};

/// Reads the dict {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }: that much of Python and no more.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  Header parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !seen_descr_) {
        seen_descr_ = true;
        descr();
      } else if (key == "fortran_order" && !seen_order_) {
        seen_order_ = true;
        header_.fortran_order = boolean();
      } else if (key == "shape" && !seen_shape_) {
        seen_shape_ = true;
        shape();
      } else {
        refuse(fmt::format("has key {} twice or out of place", detail::printable(key)),
               "descr, fortran_order, shape, once each");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) refuse("goes on after its dict", "spaces and a newline");
    if (!seen_descr_ || !seen_order_ || !seen_shape_) {
      refuse(fmt::format("has no key {}", !seen_descr_   ? "'descr'"
                                          : !seen_order_ ? "'fortran_order'"
                                                         : "'shape'"),
             "descr, fortran_order, shape, once each");
    }
    return header_;
  }

 private:
  [[noreturn]] void refuse(std::string_view what, std::string_view valid) const {
    fail<DataError>("read_npy: {}: the header {} (valid: {}); it reads {}", file_, what, valid,
                    detail::printable(text_, 120));
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(fmt::format("is malformed at character {}", at_), fmt::format("'{}' there", c));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string_view quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse("has an unclosed quote", "a closing quote");
    const std::string_view content = text_.substr(at_, end - at_);
    at_ = end + 1;
    return content;
  }

  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) refuse("has no bool for fortran_order", "True, False");
    return false;
  }

  void descr() {
    constexpr std::string_view valid =
        "'<f4', '<f8', '<i8', '<i4', '|u1', '|b1', or > for big-endian; use numpy.astype";
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') refuse("describes a structured array", valid);
    const std::string_view code = quoted();
    for (const Kind& kind : kinds) {
      if (code.empty() || code.substr(1) != kind.code) continue;
      const bool one_byte = size_of(kind.dtype) == 1;
      if (code[0] != '<' && code[0] != '>' && !(code[0] == '|' && one_byte)) continue;
      header_.dtype = kind.dtype;
      header_.order = code[0] == '>' ? std::endian::big : std::endian::little;
      return;
    }
    refuse(fmt::format("has element type {}", detail::printable(code)), valid);
  }

  void shape() {
    constexpr std::string_view valid = "a tuple of whole numbers, (3,) or (3, 4)";
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t size = -1;
      const char* end = text_.data() + text_.size();
      const auto [stopped, error] = std::from_chars(text_.data() + at_, end, size);
      if (error != std::errc() || size < 0) refuse(fmt::format("has a bad shape at character {}", at_), valid);
      at_ = static_cast<std::size_t>(stopped - text_.data());
      if (header_.shape.rank() == max_rank) refuse("has too many dimensions", fmt::format("up to {}", max_rank));
      header_.shape.push_back(size);
      if (accept(',')) continue;
      expect(')');
      break;
    }
  }

  std::string_view text_, file_;
  std::size_t at_ = 0;
  Header header_;
  bool seen_descr_ = false, seen_order_ = false, seen_shape_ = false;
};

/// Where the elements begin, and the header's text.
struct Preamble {
  std::size_t data_at;
  std::string_view header;
};

Preamble read_preamble(std::string_view bytes, std::string_view name) {
  if (!bytes.starts_with(magic)) {
    fail<DataError>("read_npy: {}: not an NPY file: begins with {} (valid: '\\x93NUMPY')", name,
                    detail::printable(bytes.substr(0, magic.size()), magic.size()));
  }
  if (bytes.size() < 10) fail<DataError>("read_npy: {}: ends at byte {}, inside its header", name, bytes.size());
  const int major = static_cast<unsigned char>(bytes[6]), minor = static_cast<unsigned char>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0) {
    fail<DataError>("read_npy: {}: version {}.{} (valid: 1.0, 2.0, 3.0)", name, major, minor);
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4, header_at = 8 + length_bytes;
  if (bytes.size() < header_at) fail<DataError>("read_npy: {}: ends at byte {}, inside its header", name, bytes.size());
  const std::size_t length = major == 1 ? detail::load<std::uint16_t>(&bytes[8], std::endian::little)
                                        : detail::load<std::uint32_t>(&bytes[8], std::endian::little);
  if (length > bytes.size() - header_at) {
    fail<DataError>("read_npy: {}: the header should end at byte {}, but the file has {} bytes (is it cut off?)", name,
                    header_at + length, bytes.size());
  }
  return {header_at + length, bytes.substr(header_at, length)};
}

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
  const Preamble preamble = read_preamble(bytes, name);
  const Header header = HeaderParser(preamble.header, name).parse();
  const std::uint64_t present = bytes.size() - preamble.data_at;
  const auto claimed = detail::byte_count(header.shape, size_of(header.dtype));
  if (claimed != present) {
    fail<DataError>("read_npy: {}: {} bytes of elements from byte {} on, but shape {} of {} needs {}{}", name, present,
                    preamble.data_at, header.shape, name_of(header.dtype),
                    claimed ? fmt::format("{}", *claimed) : "more than any file has",
                    !claimed || *claimed > present ? " (is the file cut off?)" : "");
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
  std::string_view code;
  for (const Kind& kind : kinds) {
    if (kind.dtype == array.dtype) code = kind.code;
  }
  const char order = size_of(array.dtype) == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  const Shape& shape = array.shape;
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order, code,
                                   fmt::join(shape.begin(), shape.end(), ", "), shape.rank() == 1 ? "," : "");
  // Spaces and a newline up to a multiple of 64, so that the elements can be mapped into memory aligned.
  const std::size_t before = magic.size() + 4;
  header.append((64 - (before + header.size() + 1) % 64) % 64, ' ') += '\n';
  std::string bytes(magic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  bytes += header;
  return bytes.append(static_cast<const char*>(array.buffer.data()), array.bytes());
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  write_file_atomically(path, encode_npy(array));
}

}  // namespace perdita::data
