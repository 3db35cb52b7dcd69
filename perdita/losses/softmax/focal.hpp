#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/math/products.hpp"

namespace perdita {

/// Cross-entropy of several classes times (1 - p)^gamma, which reduces the loss where the true class is already likely.
struct Focal {
  static constexpr LossInfo info{
      .name = "focal",
      .torch_name = "",
      .family = Family::softmax,
      .operands = class_operands,
      .unit = Unit::row,
      .summary =
          "-alpha sum_k t_k (1 - p_k)^gamma log p_k with p = softmax(logits); for one alpha per class, use class "
          "weights and a mean by count.",
      .traits = Trait::smooth | Trait::lipschitz | Trait::never_negative,
      .use_when =
          "most samples are easy and dominate the hard ones; it also improves the calibration of over-confident "
          "networks",
      .avoid_when = "classes are rare rather than hard: the loss does not re-balance them (use class weights)",
      .source =
          "Lin, Goyal, Girshick, He and Dollar, Focal loss for dense object detection, ICCV 2017, eq. 4, on softmax "
          "probabilities",
      .differences = ""};
  static constexpr auto parameters() {
    return std::array{parameter<&Focal::alpha>("alpha", "factor of the losses of all classes", non_negative),
                      parameter<&Focal::gamma>(
                          "gamma", "exponent that reduces the loss of easy samples; 0 is cross-entropy", non_negative)};
  }

  double alpha = 1.0;
  double gamma = 2.0;

  // 1 - p = -expm1(log p) does not cancel.
  auto operator()(auto log_p, auto t) const {
    return share_of(alpha * t, fading_product(faded(-expm1(log_p), gamma), -log_p));
  }
};

}  // namespace perdita
