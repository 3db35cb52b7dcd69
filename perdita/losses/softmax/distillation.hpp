#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Cross-entropy of the labels, and divergence from the softened distribution of a teacher.
struct Distillation {
  static constexpr LossInfo info{
      .name = "distillation",
      .torch_name = "",
      .family = Family::softmax,
      .operands = {prediction(Meaning::logit).of_shape("[N, C]"), index_target_operand.of_shape("[N]"),
                   prediction(Meaning::logit)
                       .of(Role::side_information, Meaning::logit)
                       .named("teacher")
                       .of_shape("[N, C]")
                       .not_deciding_dtype(),
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::row,
      .summary =
          "alpha temperature^2 KL(softmax(teacher / temperature) || softmax(input / temperature)) + (1 - alpha) "
          "cross_entropy(input, target).",
      .variables = "input: logits of the student; target: class indices; teacher: logits of the teacher, constants",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when = "a small model is trained with the predictions of a large one in addition to labels",
      .avoid_when = "there are no labels (see kl_div and js_div, of log-probabilities)",
      .source = "Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, arXiv 1503.02531, section 2",
      .differences =
          "a mean over rows: mmdet's loss is also divided by the number of classes, and Liger's has no factor "
          "temperature^2"};
  static constexpr auto parameters() {
    return std::array{parameter<&Distillation::alpha>("alpha", "weight of the teacher", probabilities),
                      parameter<&Distillation::temperature>("temperature", "divides the logits of both", positive)};
  }

  double alpha = 0.9;
  double temperature = 2.0;
};

}  // namespace perdita
