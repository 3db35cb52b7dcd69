#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/evaluate/judge.hpp"

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

Kind kind_of(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) -> Kind {
        const LossInfo& info = loss.info;
        if constexpr (is_in<Loss, SoftmaxLosses> || std::is_same_v<Loss, Nll> || std::is_same_v<Loss, ClassFormula>)
          return Kind::classes;
        if (std::is_same_v<Loss, Formula>) return Kind::losses_only;  // it does not tell what its input is
        if constexpr (is_in<Loss, PairLosses>) {
          if (std::is_same_v<Loss, HingeEmbedding>) return Kind::losses_only;  // its input is a distance
          if (info.family == Family::binary) return Kind::binary;
          // Residuals say something where both are on one scale.
          const bool one_scale = info.target.low == reals.low && info.target.high == reals.high;
          return one_scale ? Kind::regression : Kind::losses_only;
        }
        if constexpr (std::is_same_v<Loss, Quantiles>) {
          fail<ValueError>("evaluate: {} has several q, of which each has predictions of its own (valid: one q)",
                           info.name);
        }
        if constexpr (is_in<Loss, OverlapLosses>) {
          if (!loss.batch && !loss.multilabel) return Kind::losses_only;
          fail<ValueError>("evaluate: {} has {}=true, but each row is a mask with a loss of its own (valid: false)",
                           info.name, loss.batch ? "batch" : "multilabel");
        }
        fail<ValueError>(
            "evaluate: {} takes more than predictions and targets (valid: the losses of {}, {}, {} and {})", info.name,
            perdita::name_of(Family::regression), perdita::name_of(Family::binary), perdita::name_of(Family::softmax),
            perdita::name_of(Family::overlap));
      },
      any.loss);
}

Scale default_scale(const AnyLoss& any) {
  if (std::holds_alternative<Nll>(any.loss)) return Scale::log_probabilities;
  const Interval& input = info_of(any).input;
  const bool takes_probabilities = info_of(any).family == Family::binary && input.low == 0 && input.high == 1;
  return takes_probabilities ? Scale::probabilities : Scale::logits;
}

Judgement plan_judgement(const AnyLoss& loss, Scale scale, const data::RowReader& predictions,
                         const data::RowReader& targets) {
  Judgement how{.loss = loss,
                .kind = kind_of(loss),
                .scale = scale,
                .predictions = predictions.dtype,
                .targets = targets.dtype,
                .predictions_name = predictions.name,
                .targets_name = targets.name,
                .columns = predictions.row_elements()};
  const std::string_view name = info_of(loss).name;
  if (how.kind == Kind::classes) {
    if (predictions.row_shape.rank() != 1 || how.columns < 2) {
      fail<ShapeError>("evaluate: {}: rows have shape {} (valid for {}: [classes], at least 2)", predictions.name,
                       predictions.row_shape, name);
    }
    if (targets.row_elements() != 1) {
      fail<ShapeError>("evaluate: {}: rows have shape {} (valid for {}: a class index a row, [] or [1])", targets.name,
                       targets.row_shape, name);
    }
    return how;
  }
  if (how.columns < 1 || targets.row_elements() != how.columns) {
    fail<ShapeError>("evaluate: {} has rows of shape {}, and {} of shape {} (valid for {}: equal)", predictions.name,
                     predictions.row_shape, targets.name, targets.row_shape, name);
  }
  if (how.kind == Kind::binary ? scale == Scale::log_probabilities : scale != default_scale(loss)) {
    fail<ValueError>("evaluate: {} is not computed from {}", name, name_of(scale));
  }
  how.units_per_row = std::holds_alternative<KlDiv>(loss.loss) || is_of_masks(loss) ? 1 : how.columns;
  return how;
}

bool is_of_masks(const AnyLoss& any) { return info_of(any).family == Family::overlap; }

bool is_computed_in_float(const Judgement& how) {
  if (how.predictions != DType::float32) return false;
  if (how.kind == Kind::classes) return true;  // labels stay integers
  const bool are_zeros_and_ones = how.kind == Kind::binary || is_of_masks(how.loss);
  const bool are_wide_integers = how.targets == DType::int32 || how.targets == DType::int64;
  return how.targets != DType::float64 && (are_zeros_and_ones || !are_wide_integers);
}

}  // namespace perdita::evaluate
