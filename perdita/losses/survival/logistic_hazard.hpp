#pragma once

#include "perdita/losses/info.hpp"

namespace perdita {

/// Negative log-likelihood of survival in discrete time: a hazard for each interval.
struct LogisticHazard {
  static constexpr LossInfo info{
      .name = "logistic_hazard",
      .torch_name = "",
      .family = Family::survival,
      .operands = {prediction(Meaning::logit).of_shape("[N, T]"),
                   index_target_operand.of(Meaning::interval_index).named("interval").of_shape("[N]"), event_operand,
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::row,
      .summary =
          "The sum over the intervals up to that of the sample of the binary cross-entropy of the hazard and whether "
          "the event happened there.",
      .variables =
          "input: logits of the hazard in each interval; interval: index of that of the event or of censoring; event: "
          "1 if it happened, 0 if the sample is censored, which means that it survived the interval",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth | Trait::never_negative,
      .use_when =
          "survival curves of any shape should be predicted; survival to the end of interval j is the product of 1 - "
          "sigmoid(logit) up to j",
      .avoid_when =
          "times are few or continuous and risks proportional (see cox), or a parametric model fits (see aft)",
      .source =
          "Gensheimer and Narasimhan, A scalable discrete-time survival model for neural networks, PeerJ 7, 2019; "
          "Kvamme and Borgan, Continuous and discrete-time survival prediction, Lifetime Data Anal. 27, 2021",
      .differences = "pycox's nll_logistic_hazard: the same"};
};

}  // namespace perdita
