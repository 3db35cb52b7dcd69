#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Positions of a window: those where it lies inside the image, or around every pixel of the image mirrored at its
/// edges.
enum class ImagePadding { valid, reflect };
inline constexpr std::string_view image_padding_names[] = {"valid", "reflect"};

/// The parameters of similarities in windows.
template <class L>
constexpr auto window_parameters() {
  return std::array{
      parameter<&L::window>("window", "size of the window in pixels, an odd number", Interval{.low = 1}),
      parameter<&L::sigma>("sigma", "standard deviation of the window in pixels", positive),
      parameter<&L::data_range>("data_range", "difference between the largest and the smallest possible value",
                                positive),
      parameter<&L::k1>("k1", "keeps the quotient of means finite where both are near 0, as a share of data_range",
                        positive),
      parameter<&L::k2>("k2", "does the same for the quotient of variances", positive),
      choice<&L::padding>("padding",
                          "valid: windows inside the image; reflect: a window around every pixel, "
                          "with the image mirrored at its edges",
                          image_padding_names)};
}

/// One minus the structural similarity of two images.
struct Ssim {
  static constexpr LossInfo info{
      .name = "ssim",
      .torch_name = "",
      .family = Family::image,
      .operands = {prediction(Meaning::value).of_shape(image_shape), target(Meaning::value).of_shape(image_shape),
                   image_weight_operand},
      .unit = Unit::image,
      .summary =
          "1 minus the mean over positions and channels of (2 m_x m_t + C1) / (m_x^2 + m_t^2 + C1) * (2 v_xt + C2) / "
          "(v_x + v_t + C2), with the means m, the variances v and the covariance v_xt in a Gaussian window around the "
          "position.",
      .variables =
          "x: image; t: target image of the same shape; C1 = (k1 data_range)^2, C2 = (k2 data_range)^2; "
          "the weights of the window sum to 1, and variances use these weights",
      .broadcasts = false,
      .traits = Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "images are restored, compressed or generated, and their structure (edges, texture, contrast) matters more "
          "than the values of single pixels",
      .avoid_when =
          "absolute brightness or color matters: the loss hardly changes with them (add l1 or mse); or values are not "
          "in a range that is known (see data_range)",
      .source =
          "Wang, Bovik, Sheikh and Simoncelli, Image quality assessment: from error visibility to structural "
          "similarity, IEEE Trans. Image Processing 13, 2004, eq. 13",
      .differences =
          "valid: 1 - pytorch-msssim's ssim (whose data_range is 255), piq's and MONAI's SSIMLoss; reflect: 1 - "
          "torchmetrics' structural_similarity_index_measure; kornia's ssim_loss is half of it. piq first shrinks "
          "images above 384 pixels; pytorch-msssim omits the window in a dimension that is shorter, which is an error "
          "here"};
  static constexpr auto parameters() { return window_parameters<Ssim>(); }

  std::int64_t window = 11;
  double sigma = 1.5;
  double data_range = 1.0;
  double k1 = 0.01;
  double k2 = 0.03;
  ImagePadding padding = ImagePadding::valid;
};

}  // namespace perdita
