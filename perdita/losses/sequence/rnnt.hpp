#pragma once

#include <array>
#include <cstdint>

#include "perdita/losses/info.hpp"

namespace perdita {

/// RNN transducer: the network predicts a distribution over labels and a blank for each pair of a frame and a number of
/// labels that were emitted before. It is not a formula of an element.
struct Rnnt {
  static constexpr LossInfo info{
      .name = "rnnt",
      .torch_name = "",
      .family = Family::sequence,
      .operands =
          {prediction(Meaning::logit).named("logits").of_shape("[B, T, U + 1, V]"),
           index_target_operand.named("targets").of_shape("[B, U]"),
           index_target_operand.named("logit_lengths").of(Role::side_information, Meaning::length).of_shape("[B]"),
           index_target_operand.named("target_lengths").of(Role::side_information, Meaning::length).of_shape("[B]")},
      .unit = Unit::sequence,
      .summary =
          "-log of the probability that the frames emit the target, summed over all alignments; a frame emits any "
          "number of labels, and a blank ends it.",
      .variables =
          "logits [B, T, U + 1, V]: scores of V classes, one of which is the blank, for each frame and each number of "
          "labels before; targets: labels [B, U]; the lengths of both",
      .use_when =
          "a transducer is trained: sequences such as speech are transcribed, possibly while they arrive, and the next "
          "label depends on the labels before",
      .avoid_when =
          "frames are classified independently of the labels before (see ctc, whose input does not have the dimension "
          "U + 1), or each frame has a label (see cross_entropy)",
      .source =
          "Graves, Sequence transduction with recurrent neural networks, arXiv 1211.3711, 2012, eq. 12 to 20; "
          "fastemit: Yu et al., FastEmit, ICASSP 2021",
      .differences =
          "values, gradients and clamp agree with torchaudio.functional.rnnt_loss, which also divides a mean by the "
          "number of sequences. Lengths may be shorter than the tensors, labels are checked, and an infinite loss has "
          "the gradient 0. fastemit changes the gradient, not the value, as in warp_rnnt; NeMo also multiplies the "
          "value by 1 + fastemit"};
  static constexpr auto parameters() {
    return std::array{
        parameter<&Rnnt::blank>("blank", "class that ends a frame; -1 is the last class", Interval{.low = -1}),
        parameter<&Rnnt::clamp>("clamp",
                                "largest absolute value of an element of the gradient of a sequence's loss; unlimited "
                                "if 0 or negative"),
        parameter<&Rnnt::fastemit>("fastemit",
                                   "lambda of FastEmit: the gradient of emitted labels is multiplied by 1 + lambda, so "
                                   "that labels are emitted earlier",
                                   non_negative)};
  }

  std::int64_t blank = -1;
  double clamp = -1;
  double fastemit = 0;
};

}  // namespace perdita
