#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Connectionist temporal classification: a network says something for every frame, the target only what is to be read,
/// and nobody knows which frame belongs to which label. A loss of whole sequences: it has no formula of an element.
struct Ctc {
  static constexpr LossInfo info{
      .name = "ctc",
      .torch_name = "ctc_loss",
      .family = Family::sequence,
      .operands = {prediction(Meaning::log_probability).named("log_probs").of_shape("[T, N, C] or [T, C]"),
                   index_target_operand.named("targets").of_shape("[N, S], [S] or all labels in a row"),
                   index_target_operand.named("input_lengths")
                       .of(Role::side_information, Meaning::length)
                       .of_shape("[N] or []"),
                   index_target_operand.named("target_lengths")
                       .of(Role::side_information, Meaning::length)
                       .of_shape("[N] or []")},
      .unit = Unit::sequence,
      .summary =
          "-log of the probability, summed over all alignments, that the frames spell the target once repeats are "
          "merged and blanks dropped.",
      .variables =
          "log_probs [T, N, C] or [T, C]; targets: labels [N, S], or all one after the other; the lengths of both",
      .use_when = "speech, handwriting or other sequences are to be read, labelled but not aligned",
      .avoid_when = "every frame has a label of its own (cross_entropy), or labels may be more than frames",
      .source =
          "Graves, Fernandez, Gomez and Schmidhuber, Connectionist temporal classification, ICML 2006, eq. 5 to 16",
      .differences =
          "the gradient is the derivative by log_probs, minus the posterior; PyTorch gives exp(log_probs) minus the "
          "posterior, which is right only behind log_softmax, where both lead to the same gradient of the logits "
          "(torch_gradient=true gives it). Labels are checked. An infinite loss has gradient 0 where PyTorch gives "
          "nan. A batch may be empty, and options.weight weighs its items"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Ctc::blank>("blank", "the class that stands for no label", non_negative),
        parameter<&Ctc::zero_infinity>("zero_infinity", "whether targets that cannot be spelt lose 0, not infinity"),
        parameter<&Ctc::torch_gradient>("torch_gradient", "whether the gradient is exp(log_probs) - posterior")};
  }

  std::int64_t blank = 0;
  bool zero_infinity = false;
  bool torch_gradient = false;
};

}  // namespace perdita
