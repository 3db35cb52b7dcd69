#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Connectionist temporal classification: the network predicts a label for every frame, the target is a shorter
/// sequence of labels, and the alignment of frames and labels is unknown. It is not a formula of an element.
struct Ctc {
  static constexpr LossInfo info{
      .name = "ctc",
      .torch_name = "ctc_loss",
      .family = Family::sequence,
      .operands = {prediction(Meaning::log_probability).named("log_probs").of_shape("[T, N, C] or [T, C]"),
                   index_target_operand.named("targets").of_shape(
                       "[N, S], [S] or the labels of all items concatenated"),
                   index_target_operand.named("input_lengths")
                       .of(Role::side_information, Meaning::length)
                       .of_shape("[N] or []"),
                   index_target_operand.named("target_lengths")
                       .of(Role::side_information, Meaning::length)
                       .of_shape("[N] or []")},
      .unit = Unit::sequence,
      .summary =
          "-log of the probability that the frames spell the target, summed over all alignments; repeats are merged "
          "and blanks removed.",
      .variables =
          "log_probs [T, N, C] or [T, C]; targets: labels [N, S], or the labels of all items concatenated; the lengths "
          "of both",
      .counted = "the number of sequences; each loss is first divided by its target length",
      .use_when = "sequences such as speech or handwriting are transcribed, and labels are not aligned with frames",
      .avoid_when = "each frame has a label (see cross_entropy), or there may be more labels than frames (see rnnt)",
      .source =
          "Graves, Fernandez, Gomez and Schmidhuber, Connectionist temporal classification, ICML 2006, eq. 5 to 16",
      .differences =
          "the gradient is the derivative with respect to log_probs, -posterior; that of PyTorch is exp(log_probs) - "
          "posterior, which is correct only after log_softmax, where both lead to the same gradient of the logits "
          "(torch_gradient=true selects it). Labels are checked. The gradient of an infinite loss is 0 (PyTorch: nan). "
          "A batch may be empty, and options.weight multiplies the losses of its items"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Ctc::blank>("blank", "class that represents no label", non_negative),
        parameter<&Ctc::zero_infinity>("zero_infinity",
                                       "whether the loss of targets that cannot be aligned is 0 instead of infinity"),
        parameter<&Ctc::torch_gradient>("torch_gradient", "whether the gradient is exp(log_probs) - posterior")};
  }

  std::int64_t blank = 0;
  bool zero_infinity = false;
  bool torch_gradient = false;
};

}  // namespace perdita
