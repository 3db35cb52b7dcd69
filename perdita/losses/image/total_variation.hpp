#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// How the differences of a pixel from its right and its lower neighbor are combined.
enum class VariationNorm { l1, squared, isotropic };
inline constexpr std::string_view variation_norm_names[] = {"l1", "squared", "isotropic"};

/// The sum of the differences between neighboring pixels.
struct TotalVariation {
  static constexpr LossInfo info{
      .name = "total_variation",
      .torch_name = "",
      .family = Family::image,
      .operands = {prediction(Meaning::value).of_shape(image_shape), image_weight_operand},
      .unit = Unit::image,
      .summary =
          "The sum over pixels and channels of |d_x| + |d_y| (l1), d_x^2 + d_y^2 (squared) or "
          "sqrt(d_x^2 + d_y^2 + eps) (isotropic), with the differences d_x and d_y from the right and the lower "
          "neighbor.",
      .variables = "d_x, d_y: differences of an image, 0 in the last column and in the last row",
      .traits = Trait::convex | Trait::never_negative,
      .use_when =
          "an image that is reconstructed or generated should be smooth apart from edges: as a regularizer, added to a "
          "loss of the target",
      .avoid_when =
          "texture matters: it is removed, and l1 and isotropic leave flat patches with steps between them; or images "
          "of different sizes are compared (it is a sum, not a mean)",
      .source =
          "Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 60, 1992; "
          "differences as in Chambolle, J. Math. Imaging and Vision 20, 2004",
      .differences =
          "l1: kornia's total_variation, summed over channels, and piq's with norm_type l1; squared: piq's with "
          "l2_squared. piq's l2 is the root of the sum"};
  static constexpr auto parameters() {
    return std::array{
        choice<&TotalVariation::norm>("norm", "norm of the differences of a pixel", variation_norm_names),
        parameter<&TotalVariation::eps>(
            "eps", "added under the square root of the isotropic norm, which makes it differentiable at 0", positive)};
  }

  VariationNorm norm = VariationNorm::l1;
  double eps = 1e-8;
};

}  // namespace perdita
