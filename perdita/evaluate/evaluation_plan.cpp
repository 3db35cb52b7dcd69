#include "perdita/evaluate/evaluation_plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/kernels/softcap.hpp"

namespace perdita::evaluate {

std::string_view name_of(Scale scale) {
  switch (scale) {
    case Scale::logits:
      return "logits";
    case Scale::probabilities:
      return "probabilities";
    case Scale::log_probabilities:
      return "log-probabilities";
  }
  return "unknown";
}

Scale parse_scale(std::string_view name) {
  constexpr std::array scales{Scale::logits, Scale::probabilities, Scale::log_probabilities};
  std::array<std::string_view, scales.size()> names;
  std::ranges::transform(scales, names.begin(), [](Scale scale) { return name_of(scale); });
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    fail<ValueError>("evaluate: scale is '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
  }
  return scales[static_cast<std::size_t>(found - names.begin())];
}

/// Throws ValueError where several masks would share a row, or several rows a mask.
void check_one_mask_a_row(const AnyLoss& any) {
  std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (requires { loss.multilabel; }) {
          if (!loss.batch && !loss.multilabel) return;
          fail<ValueError>("evaluate: {} has {}=true, but each row is a separate mask (valid: false)", Loss::info.name,
                           loss.batch ? "batch" : "multilabel");
        }
      },
      any.loss);
}

Kind kind_of_elements(const LossInfo& info) {
  switch (meaning_of_prediction(info)) {
    case Meaning::logit:
    case Meaning::probability:
    case Meaning::score:
      return Kind::binary;
    case Meaning::value:
      return Kind::regression;  // both are on one scale, and residuals say something
    default:
      return Kind::losses_only;
  }
}

Kind kind_of(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  if (meaning_of_prediction(info) == Meaning::quantiles) {
    fail<ValueError>("evaluate: {} has several values of q, each of which requires separate predictions (valid: one q)",
                     info.name);
  }
  const auto needed =
      std::ranges::count_if(info.operands, [](const LossOperand& operand) { return !operand.is_optional; });
  if (needed == 2 && !compares_predictions(info) && !is_of_several_operands(info)) {
    if (info.unit == Unit::element) return kind_of_elements(info);
    if (info.unit == Unit::row) return Kind::classes;
    if (info.unit == Unit::mask) {
      check_one_mask_a_row(any);
      return Kind::losses_only;
    }
  }
  fail<ValueError>("evaluate: {} requires more than predictions and targets (valid: the losses of {}, {}, {} and {})",
                   info.name, perdita::name_of(Family::regression), perdita::name_of(Family::binary),
                   perdita::name_of(Family::softmax), perdita::name_of(Family::overlap));
}

Scale default_scale(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  if (meaning_of_prediction(info) == Meaning::probability) return Scale::probabilities;
  return info.unit == Unit::row && meaning_of_prediction(info) == Meaning::log_probability ? Scale::log_probabilities
                                                                                           : Scale::logits;
}

namespace {

bool has_loss_per_row(const AnyLoss& any) { return sums_distributions(info_of(any)) || is_of_masks(any); }

void check_part(const LossSum& sum, const LossPart& part) {
  const AnyLoss& leading = sum.leading();
  const std::string_view name = info_of(leading).name;
  kind_of(part.loss);
  if (part.loss.missing) {
    fail<ValueError>("evaluate: missing of {} is nan, but missing targets are not supported here (valid: none)",
                     part.name);
  }
  if (part.weight.is_learned) {
    fail<ValueError>("evaluate: the weight of {} is learned, and not known here (valid: a number)", part.name);
  }
  if (has_loss_per_row(part.loss) != has_loss_per_row(leading)) {
    fail<ValueError>("evaluate: {} has one loss per {}, but {} one per {} (valid: parts with the same)", part.name,
                     has_loss_per_row(part.loss) ? "row" : "element", name,
                     has_loss_per_row(leading) ? "row" : "element");
  }
  if (default_scale(part.loss) != default_scale(leading)) {
    fail<ValueError>("evaluate: {} takes {}, but {} takes {} (valid: parts that take the same)", part.name,
                     name_of(default_scale(part.loss)), name, name_of(default_scale(leading)));
  }
  if (part.loss.ignore_index != leading.ignore_index) {
    fail<ValueError>("evaluate: ignore_index of {} is {}, but that of {} is {} (valid: the same)", part.name,
                     part.loss.ignore_index, name, leading.ignore_index);
  }
}

std::vector<EvaluatedPart> parts_of(const LossSum& sum) {
  std::vector<EvaluatedPart> parts;
  if (sum.single()) return parts;
  for (const LossPart& part : sum.parts()) {
    constexpr auto last = std::numeric_limits<std::int64_t>::max();
    parts.push_back({part.name, part.weight.at(last), part.loss, &part.loss == &sum.leading()});
  }
  return parts;
}

/// Throws ValueError for a cap of logits where the predictions are not logits.
void check_softcap(const LossPart& part, Scale scale) {
  const double cap = std::visit([](const auto& loss) { return kernels::softcap_of(loss); }, part.loss.loss);
  if (scale == Scale::logits || !std::isfinite(cap)) return;
  fail<ValueError>("evaluate: {} has softcap={}, but the predictions are {} (valid: logits, or no softcap)", part.name,
                   cap, name_of(scale));
}

}  // namespace

Kind kind_of(const LossSum& sum) {
  for (const LossPart& part : sum.parts()) check_part(sum, part);
  return kind_of(sum.leading());
}

EvaluationPlan plan_evaluation(const LossSum& sum, Scale scale, const data::RowReader& predictions,
                               const data::RowReader& targets) {
  const AnyLoss& loss = sum.leading();
  EvaluationPlan how{.loss = loss,
                     .kind = kind_of(sum),
                     .scale = scale,
                     .predictions = predictions.dtype,
                     .targets = targets.dtype,
                     .predictions_name = predictions.name,
                     .targets_name = targets.name,
                     .columns = predictions.row_elements(),
                     .parts = parts_of(sum)};
  const std::string_view name = info_of(loss).name;
  if (how.kind == Kind::classes) {
    if (predictions.row_shape.rank() != 1 || how.columns < 2) {
      fail<ShapeError>("evaluate: {}: rows have shape {} (valid for {}: [classes], at least 2)", predictions.name,
                       predictions.row_shape, name);
    }
    if (targets.row_elements() != 1) {
      fail<ShapeError>("evaluate: {}: rows have shape {} (valid for {}: one class index per row, [] or [1])",
                       targets.name, targets.row_shape, name);
    }
    for (const LossPart& part : sum.parts()) check_softcap(part, scale);
    return how;
  }
  if (how.columns < 1 || targets.row_elements() != how.columns) {
    fail<ShapeError>("evaluate: {} has rows of shape {}, and {} of shape {} (valid for {}: equal)", predictions.name,
                     predictions.row_shape, targets.name, targets.row_shape, name);
  }
  if (how.kind == Kind::binary ? scale == Scale::log_probabilities : scale != default_scale(loss)) {
    fail<ValueError>("evaluate: {} cannot be computed from {}", name, name_of(scale));
  }
  how.units_per_row = has_loss_per_row(loss) ? 1 : how.columns;
  return how;
}

perdita::Interval valid_targets(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (requires { loss.log_target; }) {
          if (loss.log_target) return reals;
        }
        return Loss::info.target;
      },
      any.loss);
}

bool is_of_masks(const AnyLoss& any) { return info_of(any).unit == Unit::mask; }

bool is_computed_in_float(const EvaluationPlan& how) {
  if (how.predictions != DType::float32) return false;
  if (how.kind == Kind::classes) return true;  // labels stay integers
  const bool are_zeros_and_ones = how.kind == Kind::binary || is_of_masks(how.loss);
  const bool are_wide_integers = how.targets == DType::int32 || how.targets == DType::int64;
  return how.targets != DType::float64 && (are_zeros_and_ones || !are_wide_integers);
}

}  // namespace perdita::evaluate
