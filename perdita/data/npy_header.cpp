#include "perdita/data/npy_header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

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

/// Reads the dict {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }: that much of Python and no more.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  NpyHeader parse() {
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
        refuse(fmt::format("contains the key {} twice or at an unexpected place", printable(key)),
               "descr, fortran_order, shape, once each");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) refuse("continues after the dict", "spaces and a newline");
    if (!seen_descr_ || !seen_order_ || !seen_shape_) {
      refuse(fmt::format("does not contain the key {}", !seen_descr_   ? "'descr'"
                                                        : !seen_order_ ? "'fortran_order'"
                                                                       : "'shape'"),
             "descr, fortran_order, shape, once each");
    }
    return header_;
  }

 private:
  [[noreturn]] void refuse(std::string_view what, std::string_view valid) const {
    fail<DataError>("read_npy: {}: the header {} (valid: {}); the header is {}", file_, what, valid,
                    printable(text_, 120));
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
    if (!accept_word("False")) refuse("contains a value of fortran_order that is not a bool", "True, False");
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
    refuse(fmt::format("has element type {}", printable(code)), valid);
  }

  void shape() {
    constexpr std::string_view valid = "a tuple of integers such as (3,) or (3, 4)";
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t size = -1;
      const char* end = text_.data() + text_.size();
      const auto [stopped, error] = std::from_chars(text_.data() + at_, end, size);
      if (error != std::errc() || size < 0) refuse(fmt::format("has an invalid shape at character {}", at_), valid);
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
  NpyHeader header_;
  bool seen_descr_ = false, seen_order_ = false, seen_shape_ = false;
};

}  // namespace

std::size_t npy_preamble_bytes(std::string_view prefix, std::string_view file) {
  if (!prefix.starts_with(npy_magic)) {
    fail<DataError>("read_npy: {}: not an NPY file: it begins with {} (valid: '\\x93NUMPY')", file,
                    printable(prefix.substr(0, npy_magic.size()), npy_magic.size()));
  }
  if (prefix.size() < 10) fail<DataError>("read_npy: {}: ends at byte {}, inside its header", file, prefix.size());
  const int major = static_cast<unsigned char>(prefix[6]), minor = static_cast<unsigned char>(prefix[7]);
  if (major < 1 || major > 3 || minor != 0) {
    fail<DataError>("read_npy: {}: version {}.{} (valid: 1.0, 2.0, 3.0)", file, major, minor);
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4, header_at = 8 + length_bytes;
  if (prefix.size() < header_at)
    fail<DataError>("read_npy: {}: ends at byte {}, inside its header", file, prefix.size());
  return header_at + (major == 1 ? load<std::uint16_t>(&prefix[8], std::endian::little)
                                 : load<std::uint32_t>(&prefix[8], std::endian::little));
}

NpyPreamble read_npy_preamble(std::string_view bytes, std::string_view file) {
  const std::size_t end = npy_preamble_bytes(bytes, file);
  if (end > bytes.size()) {
    fail<DataError>("read_npy: {}: the header should end at byte {}, but the file has {} bytes (is it truncated?)",
                    file, end, bytes.size());
  }
  const std::size_t begin = bytes[6] == 1 ? 10 : 12;
  return {end, bytes.substr(begin, end - begin)};
}

NpyHeader parse_npy_dict(std::string_view dict, std::string_view file) { return HeaderParser(dict, file).parse(); }

std::string_view npy_code(DType dtype) {
  for (const Kind& kind : kinds) {
    if (kind.dtype == dtype) return kind.code;
  }
  return "";
}

}  // namespace perdita::data::detail
