// Small pictures for a page: 8-bit grey or RGB pixels as PNG.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::report {

struct Image {
  int width = 0, height = 0;
  int channels = 1;                  ///< 1: grey, 3: red, green, blue
  std::vector<std::uint8_t> pixels;  ///< [height, width, channels]

  bool empty() const { return pixels.empty(); }
};

/// The bytes of a PNG file (ISO/IEC 15948). Throws ShapeError if the pixels are not height * width * channels, or
/// channels is neither 1 nor 3.
std::string to_png(const Image& image);

/// RFC 4648, with padding.
std::string to_base64(std::string_view bytes);

}  // namespace perdita::report
