#include "perdita/evaluate/judge.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "perdita/core/suggest.hpp"
#include "perdita/kernels/domain.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/kernels/nll.hpp"
#include "perdita/losses/kernels.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/tensor/functional.hpp"

namespace perdita::evaluate {

namespace {

struct LogOf {
  PERDITA_INLINE auto operator()(auto p) const { return log(p); }
};
struct SigmoidOf {
  PERDITA_INLINE auto operator()(auto z) const { return sigmoid(z); }
};
struct LogitOf {
  PERDITA_INLINE auto operator()(auto p) const { return log(p) - log1p(-p); }
};

template <class Formula, class T>
void apply(const Formula& formula, const T* from, std::vector<T>& to, std::int64_t count) {
  to.resize(static_cast<std::size_t>(count));
  kernels::elementwise<Formula, T, 1>(formula, {from}, {.values = to.data()}, count);
}

/// The elements as T: where they lie, or in `room`.
template <class T>
const T* as(DType dtype, const void* elements, std::int64_t count, std::vector<T>& room) {
  if (dtype == dtype_of<T>()) return static_cast<const T*>(elements);
  room.resize(static_cast<std::size_t>(count));
  visit_dtype(dtype, [&]<class From>() {
    const auto* const from = static_cast<const From*>(elements);
    std::transform(from, from + count, room.begin(), [](From x) { return static_cast<T>(x); });
  });
  return room.data();
}

/// Labels of any type as integers; those of other types must be whole.
kernels::Labels read_labels(const Judgement& how, const RawBlock& block) {
  const std::string operation = fmt::format("evaluate: {}", how.targets_name);
  const auto read = [&](DType dtype, const void* labels) {
    return kernels::read_labels<float>(operation, dtype, labels, block.count, how.columns, how.loss.ignore_index,
                                       nullptr, block.first);
  };
  if (how.targets != DType::float32 && how.targets != DType::float64 && how.targets != DType::boolean)
    return read(how.targets, block.targets);
  std::vector<double> room;
  const double* const numbers = as<double>(how.targets, block.targets, block.count, room);
  std::vector<std::int64_t> whole(static_cast<std::size_t>(block.count));
  for (std::int64_t i = 0; i < block.count; ++i) {
    constexpr double most = 0x1p53;
    if (!(std::abs(numbers[i]) <= most) || numbers[i] != std::floor(numbers[i])) {
      fail<IndexError>("{}: target[{}] is {} (valid: whole numbers 0..{})", operation, block.first + i, numbers[i],
                       how.columns - 1);
    }
    whole[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(numbers[i]);
  }
  return read(DType::int64, whole.data());
}

/// NaN is none of our business here: it is counted.
template <class T>
void check_range(const Judgement& how, const RawBlock& block, const T* numbers, double low, double high,
                 std::string_view what) {
  const std::int64_t count = block.count * how.columns;
  for (std::int64_t i = kernels::first_outside(numbers, count, low, high); i < count; ++i) {
    const auto number = static_cast<double>(numbers[i]);
    if (number >= low && number <= high) continue;
    if (std::isnan(number)) continue;
    fail<DataError>("evaluate: {}: row {} holds {}, which is not {}", how.predictions_name,
                    block.first + i / how.columns, number, what);
  }
}

template <class T>
void check_scale(const Judgement& how, const RawBlock& block, const T* numbers) {
  constexpr double slack = 1e-5;  // of softmax in single precision
  if (how.scale == Scale::probabilities)
    check_range(how, block, numbers, 0.0, how.kind == Kind::binary ? 1.0 : 1 + slack, "a probability");
  if (how.scale == Scale::log_probabilities)
    check_range(how, block, numbers, -std::numeric_limits<double>::infinity(), slack, "the logarithm of one");
}

/// The loss of each row, by a written formula.
template <class T>
void compute_rows(const ClassFormula& formula, const Judgement& how, Judged<T>& out) {
  const NoGrad no_grad;
  const auto rows = static_cast<std::int64_t>(out.losses.size());
  const std::vector<T> logits(out.logits, out.logits + rows * how.columns);
  const Tensor losses = functional::formula_loss(Tensor::from(logits, {rows, how.columns}), Tensor::from(out.labels),
                                                 formula, {.ignore_index = -1, .reduction = Reduction::none});
  std::copy_n(losses.data<T>(), rows, out.losses.begin());
}

template <class T>
void judge_classes(const Judgement& how, const RawBlock& block, Judged<T>& out) {
  const std::int64_t elements = block.count * how.columns;
  const kernels::Labels labels = read_labels(how, block);
  out.labels.assign(labels.data(), labels.data() + block.count);
  const T* const given = as(how.predictions, block.predictions, elements, out.inputs);
  check_scale(how, block, given);
  // The softmax of log-probabilities is the probabilities again.
  if (how.scale == Scale::probabilities) apply(LogOf{}, given, out.made_logits, elements);
  out.logits = how.scale == Scale::probabilities ? out.made_logits.data() : given;
  const auto size = static_cast<std::size_t>(block.count);
  out.losses.resize(size), out.confidences.resize(size), out.predicted.resize(size);
  kernels::SoftmaxTask<T> task{.logits = out.logits,
                               .layout = {.outer = block.count, .classes = how.columns},
                               .labels = out.labels.data(),
                               .label_smoothing = how.loss.label_smoothing,
                               .losses = out.losses.data(),
                               .predicted = out.predicted.data(),
                               .confidences = out.confidences.data()};
  std::visit(
      [&]<class Loss>(const Loss& loss) {
        if constexpr (is_in<Loss, SoftmaxLosses>) {
          kernels::softmax_loss(loss, task);
        } else if constexpr (std::is_same_v<Loss, Nll>) {
          kernels::softmax_loss(CrossEntropy{}, task);
          kernels::nll_loss(task);
        } else if constexpr (std::is_same_v<Loss, ClassFormula>) {
          kernels::softmax_loss(CrossEntropy{}, task);
          compute_rows(loss, how, out);
        }
      },
      how.loss.loss);
}

/// Inputs of the loss from predictions, and the logits that calibration needs.
template <class T>
const T* read_binary(const Judgement& how, const T* given, std::int64_t count, Judged<T>& out) {
  const bool takes_probabilities = default_scale(how.loss) == Scale::probabilities;
  if (how.scale == Scale::probabilities) {
    apply(LogitOf{}, given, out.made_logits, count);
    out.logits = out.made_logits.data();
    return takes_probabilities ? given : out.logits;
  }
  out.logits = given;
  if (!takes_probabilities) return given;
  apply(SigmoidOf{}, given, out.made_logits, count);
  return out.made_logits.data();
}

template <class T>
void read_binary_labels(const Judgement& how, const RawBlock& block, const T* targets, Judged<T>& out) {
  const double no = info_of(how.loss).target.ends_only ? -1 : 0;
  out.labels.resize(static_cast<std::size_t>(out.units));
  for (std::int64_t i = 0; i < out.units; ++i) {
    const auto target = static_cast<double>(targets[i]);
    if (target != no && target != 1) {
      fail<DataError>("evaluate: {}: target[{}] is {} (valid for {}: {} or 1)", how.targets_name,
                      block.first + i / how.columns, target, info_of(how.loss).name, no);
    }
    out.labels[static_cast<std::size_t>(i)] = target == 1 ? 1 : 0;
  }
}

bool is_of_masks(const AnyLoss& any) { return info_of(any).family == Family::overlap; }

/// A mask a row.
template <class T>
void judge_masks(const Judgement& how, const RawBlock& block, Judged<T>& out) {
  const std::int64_t count = block.count * how.columns;
  const T* const logits = as(how.predictions, block.predictions, count, out.inputs);
  const T* const targets = as(how.targets, block.targets, count, out.targets);
  const Interval valid = info_of(how.loss).target;
  const double ignored = std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (is_in<Loss, OverlapLosses>)
          return static_cast<double>(loss.ignore_index);
        else
          return 0.0;
      },
      how.loss.loss);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto t = static_cast<double>(targets[i]);
    if (valid.contains(t) || t == ignored) continue;
    fail<DataError>("evaluate: {}: row {} holds {} (valid for {}: {}, or {}, which is ignored)", how.targets_name,
                    block.first + i / how.columns, t, info_of(how.loss).name, to_string(valid), ignored);
  }
  const Shape shape{block.count, how.columns};
  const auto seen = [&](const T* from) { return Tensor::from(std::vector<T>(from, from + count), shape); };
  out.losses = functional::evaluate_loss(how.loss, seen(logits), seen(targets), {.reduction = Reduction::none})
                   .template to_vector<T>();
}

template <class T>
void judge_pairs(const Judgement& how, const RawBlock& block, Judged<T>& out) {
  const std::int64_t count = block.count * how.columns;
  const T* const given = as(how.predictions, block.predictions, count, out.inputs);
  const T* const targets = as(how.targets, block.targets, count, out.targets);
  check_scale(how, block, given);
  const T* input = given;
  if (how.kind == Kind::binary) {
    read_binary_labels(how, block, targets, out);
    input = read_binary(how, given, count, out);
    apply(SigmoidOf{}, out.logits, out.confidences, count);
    out.predicted.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < out.predicted.size(); ++i) out.predicted[i] = out.logits[i] > 0;
  } else {
    const Interval valid = info_of(how.loss).target;
    if (const std::int64_t bad = kernels::first_outside(targets, count, valid.low, valid.high); bad < count) {
      fail<DataError>("evaluate: {}: target[{}] is {} (valid for {}: {})", how.targets_name,
                      block.first + bad / how.columns, targets[bad], info_of(how.loss).name, to_string(valid));
    }
  }
  out.losses.resize(static_cast<std::size_t>(count));
  std::visit(
      [&]<class Loss>(const Loss& loss) {
        if constexpr (is_in<Loss, PairLosses>)
          kernels::elementwise<Loss, T, 2>(loss, {input, targets}, {.values = out.losses.data()}, count);
        else if constexpr (std::is_same_v<Loss, Formula>)
          loss.template compute<T>(input, targets, count, {.losses = out.losses.data()});
      },
      how.loss.loss);
  if (how.kind != Kind::regression) return;
  if (input != out.inputs.data()) out.inputs.assign(given, given + count);
  if (targets != out.targets.data()) out.targets.assign(targets, targets + count);
}

/// The divergence of a row is the sum over its classes.
template <class T>
void sum_rows(std::int64_t columns, std::vector<T>& losses) {
  const std::size_t rows = losses.size() / static_cast<std::size_t>(columns);
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(columns); ++k)
      sum += static_cast<double>(losses[row * static_cast<std::size_t>(columns) + k]);
    losses[row] = static_cast<T>(sum);
  }
  losses.resize(rows);
}

}  // namespace

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

template <class T>
void judge(const Judgement& how, const RawBlock& block, Judged<T>& out) {
  out.units = block.count * how.units_per_row;
  if (how.kind == Kind::classes) return judge_classes(how, block, out);
  if (is_of_masks(how.loss)) return judge_masks(how, block, out);
  judge_pairs(how, block, out);
  if (how.units_per_row < how.columns) sum_rows(how.columns, out.losses);
}

template void judge(const Judgement&, const RawBlock&, Judged<float>&);
template void judge(const Judgement&, const RawBlock&, Judged<double>&);

}  // namespace perdita::evaluate
