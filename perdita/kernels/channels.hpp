// Losses of images that are sums over their channels, which threads compute separately.
#pragma once

#include <cstdint>
#include <span>

namespace perdita::kernels {

/// Adds up the losses of the channels of each image, in their order.
inline void sum_channels(std::span<const double> of_channels, std::int64_t channels, double* of_images) {
  for (std::int64_t i = 0; i < std::ssize(of_channels); i += channels) {
    double total = 0;
    for (std::int64_t c = 0; c < channels; ++c) total += of_channels[static_cast<std::size_t>(i + c)];
    of_images[i / channels] = total;
  }
}

}  // namespace perdita::kernels
