#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// Treatment of events at the same time.
enum class Ties { efron, breslow };
inline constexpr std::string_view tie_names[] = {"efron", "breslow"};

/// Negative log partial likelihood of a proportional hazards model: at each event, the probability that it happens to
/// its sample and not to another sample at risk.
struct Cox {
  static constexpr LossInfo info{
      .name = "cox",
      .torch_name = "",
      .family = Family::survival,
      .operands = {prediction(Meaning::log_hazard).of_shape("[N]"),
                   target(Meaning::time).named("time").of_shape("[N]").not_deciding_dtype(), event_operand,
                   LossOperand{.name = "strata",
                               .role = Role::side_information,
                               .meaning = Meaning::group,
                               .shape = "[N]",
                               .element = Element::integer,
                               .is_optional = true,
                               .decides_dtype = false},
                   element_weight_operand.of_shape("[N]").not_deciding_dtype()},
      .unit = Unit::event,
      .summary =
          "log sum_j exp(h_j) - h_i for each event i; j runs over the samples of its stratum whose time is not before "
          "that of the event. A mean is taken over the events.",
      .variables =
          "h: log hazards (risk scores) [N]; time [N]; event: 1 if the event happened, 0 if the sample is censored; "
          "strata [N]: samples are compared within their stratum",
      .broadcasts = false,
      .traits = Trait::convex | Trait::lipschitz | Trait::smooth,
      .use_when =
          "the time until an event is modelled, and some samples are censored (the event is only known to be later)",
      .avoid_when =
          "the time itself is needed instead of the order of risks, or batches, and with them the risk sets, are small",
      .source =
          "Cox, Regression models and life-tables, J. R. Statist. Soc. B 34, 1972; ties: Efron, JASA 72, 1977, and "
          "Breslow, Biometrics 30, 1974"};
  static constexpr auto parameters() {
    return std::array{choice<&Cox::ties>("ties", "treatment of events at the same time", tie_names)};
  }

  Ties ties = Ties::efron;
};

}  // namespace perdita
