#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/image/ssim.hpp"

namespace perdita {

/// Exponents of the scales of ms_ssim: those that Wang et al. measured, or 1 / scales.
enum class ScaleWeights { standard, uniform };
inline constexpr std::string_view scale_weights_names[] = {"standard", "uniform"};

/// One minus the structural similarity of two images at several scales.
struct MsSsim {
  static constexpr LossInfo info{
      .name = "ms_ssim",
      .torch_name = "",
      .family = Family::image,
      .operands = Ssim::info.operands,
      .unit = Unit::image,
      .summary =
          "1 minus the mean over channels of S_m^{w_m} prod_{j < m} c_j^{w_j}, where S is the similarity of ssim, c "
          "its "
          "factor of contrast and structure, both averaged over positions, and the images are halved from scale to "
          "scale.",
      .variables =
          "x: image; t: target image of the same shape; the weights w_j are 0.0448, 0.2856, 0.3001, 0.2363, 0.1333",
      .broadcasts = false,
      .traits = Trait::never_negative,
      .use_when = "images are seen at different sizes or from different distances, and their structure matters",
      .avoid_when =
          "images are small: at 5 scales and a window of 11 they need 161 pixels in height and width (use fewer "
          "scales, "
          "or ssim)",
      .source =
          "Wang, Simoncelli and Bovik, Multi-scale structural similarity for image quality assessment, Asilomar 2003, "
          "eq. 7",
      .differences =
          "1 - pytorch-msssim's ms_ssim (whose data_range is 255) and piq's measure. Where an average is not "
          "positive, the loss of the channel is 1 and its gradient 0. An image of odd size is extended by its last "
          "row or column before it is halved, as in TensorFlow and piq (pytorch-msssim: by zeros on both sides). "
          "torchmetrics averages channels before the product"};
  static constexpr auto parameters() {
    return joined(
        window_parameters<MsSsim>(),
        std::array{parameter<&MsSsim::scales>("scales", "number of scales", Interval{.low = 1, .high = 5}),
                   choice<&MsSsim::weights>("weights", "standard: the first of the weights above; uniform: 1 / scales",
                                            scale_weights_names)});
  }

  std::int64_t window = 11;
  double sigma = 1.5;
  double data_range = 1.0;
  double k1 = 0.01;
  double k2 = 0.03;
  ImagePadding padding = ImagePadding::valid;
  std::int64_t scales = 5;
  ScaleWeights weights = ScaleWeights::standard;

  /// Of a single scale.
  constexpr Ssim at_one_scale() const {
    return {.window = window, .sigma = sigma, .data_range = data_range, .k1 = k1, .k2 = k2, .padding = padding};
  }
  /// The exponent of a scale, counted from 0.
  constexpr double weight_of(std::int64_t scale) const {
    constexpr std::array standard{0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    if (weights == ScaleWeights::uniform) return 1.0 / static_cast<double>(scales);
    return standard[static_cast<std::size_t>(scale)];
  }
};

}  // namespace perdita
