#include "perdita/report/png.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstddef>

#include "perdita/core/error.hpp"

namespace perdita::report {
namespace {

void append_number(std::string& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>((value >> shift) & 0xFF));
}

void append_chunk(std::string& bytes, std::string_view type, std::string_view data) {
  append_number(bytes, static_cast<std::uint32_t>(data.size()));
  const std::size_t start = bytes.size();
  bytes.append(type).append(data);
  const auto* checked = reinterpret_cast<const Bytef*>(bytes.data() + start);
  append_number(bytes, static_cast<std::uint32_t>(crc32(0, checked, static_cast<uInt>(bytes.size() - start))));
}

std::string deflate(const std::string& raw) {
  uLongf size = compressBound(raw.size());
  std::string packed(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(raw.data()), raw.size(), Z_BEST_COMPRESSION);
  if (status != Z_OK) fail<Error>("to_png: zlib failed with status {}", status);
  packed.resize(size);
  return packed;
}

}  // namespace

std::string to_png(const Image& image) {
  const auto row = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  if (image.width <= 0 || image.height <= 0 || (image.channels != 1 && image.channels != 3) ||
      image.pixels.size() != row * static_cast<std::size_t>(image.height)) {
    fail<ShapeError>(
        "to_png: there are {} bytes for {} x {} pixels of {} channels (valid: one byte per pixel and channel, 1 or 3 "
        "channels)",
        image.pixels.size(), image.width, image.height, image.channels);
  }
  std::string header;
  append_number(header, static_cast<std::uint32_t>(image.width));
  append_number(header, static_cast<std::uint32_t>(image.height));
  header += '\x08';                               // bits a channel
  header += image.channels == 1 ? '\0' : '\x02';  // grey or RGB
  header.append(3, '\0');                         // deflate, standard filters, not interlaced
  std::string raw;
  for (std::size_t start = 0; start < image.pixels.size(); start += row) {
    raw += '\0';  // no filter
    raw.append(reinterpret_cast<const char*>(image.pixels.data() + start), row);
  }
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", deflate(raw));
  append_chunk(png, "IEND", "");
  return png;
}

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t got = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < got ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) text += j <= got ? alphabet[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return text;
}

}  // namespace perdita::report
