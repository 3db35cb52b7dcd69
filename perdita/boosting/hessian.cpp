#include "perdita/boosting/hessian.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"

namespace perdita::boosting {

namespace {

struct Named {
  Hessian policy;
  std::string_view name;
};
constexpr std::array<Named, 7> named{{{Hessian::automatic, "auto"},
                                      {Hessian::exact, "exact"},
                                      {Hessian::gauss_newton, "gauss_newton"},
                                      {Hessian::bound, "bound"},
                                      {Hessian::friedman, "friedman"},
                                      {Hessian::residual, "residual"},
                                      {Hessian::ones, "ones"}}};

std::vector<std::string_view> names_of(const std::vector<Hessian>& policies) {
  std::vector<std::string_view> names;
  for (const Hessian policy : policies) names.push_back(name_of(policy));
  return names;
}

/// Whether the score is the mean itself: a loss of log means with log_input=false.
bool is_of_rate(const AnyLoss& loss) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.log_input; })
          return !one.log_input;
        else
          return false;
      },
      loss.loss);
}

}  // namespace

std::string_view name_of(Hessian policy) { return std::ranges::find(named, policy, &Named::policy)->name; }

Hessian parse_hessian(std::string_view name) {
  const auto found = std::ranges::find(named, name, &Named::name);
  if (found != named.end()) return found->policy;
  std::vector<std::string_view> valid;
  for (const Named& each : named) valid.push_back(each.name);
  fail<ValueError>("hessian is '{}' (valid: {})", name, fmt::join(valid, ", "));
}

ScoreKind score_kind_of(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  const Meaning meaning = meaning_of_prediction(info);
  if (is_of_class_rows(info) && meaning != Meaning::log_probability) return ScoreKind::classes;
  if (is_elementwise(info)) {
    if (meaning == Meaning::value || meaning == Meaning::quantiles) return ScoreKind::value;
    if (meaning == Meaning::log_mean) return is_of_rate(any) ? ScoreKind::value : ScoreKind::log_mean;
    if (meaning == Meaning::logit) return ScoreKind::label;
    if (meaning == Meaning::score && meaning_of_target(info) == Meaning::sign) return ScoreKind::sign;
    if (meaning == Meaning::any) return ScoreKind::any;
  }
  fail<ValueError>(
      "loss {}: its input is of {} per {}, not a raw score (valid: losses of values, logarithms of means, logits, "
      "scores and rows of classes, and formulas)",
      info.name, perdita::name_of(meaning), perdita::name_of(info.unit));
}

std::vector<Hessian> hessians_of(const AnyLoss& loss) {
  switch (score_kind_of(loss)) {
    case ScoreKind::any:
      return {Hessian::automatic, Hessian::exact, Hessian::residual, Hessian::ones};
    case ScoreKind::classes:
      return {Hessian::automatic, Hessian::exact,    Hessian::gauss_newton, Hessian::bound,
              Hessian::friedman,  Hessian::residual, Hessian::ones};
    default:
      return {Hessian::automatic, Hessian::exact,    Hessian::gauss_newton,
              Hessian::bound,     Hessian::residual, Hessian::ones};
  }
}

Hessian resolve(Hessian policy, const AnyLoss& loss, bool is_one_score) {
  const std::vector<Hessian> valid = hessians_of(loss);
  const LossInfo& info = info_of(loss);
  if (std::ranges::find(valid, policy) == valid.end()) {
    fail<ValueError>("loss {}: hessian is '{}' (valid: {})", info.name, name_of(policy),
                     fmt::join(names_of(valid), ", "));
  }
  if (policy != Hessian::automatic) return policy;
  const bool is_convex = has(info.traits, Trait::convex);
  switch (score_kind_of(loss)) {
    case ScoreKind::classes:
      if (!is_one_score) return Hessian::bound;
      return is_convex ? Hessian::exact : Hessian::gauss_newton;
    case ScoreKind::value:
      return has(info.traits, Trait::smooth) ? Hessian::bound : Hessian::ones;
    case ScoreKind::label:
    case ScoreKind::sign:
    case ScoreKind::log_mean:
      return is_convex ? Hessian::exact : Hessian::gauss_newton;
    case ScoreKind::any:
      return Hessian::exact;
  }
  return Hessian::exact;
}

}  // namespace perdita::boosting
