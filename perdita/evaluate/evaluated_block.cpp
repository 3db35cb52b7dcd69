#include "perdita/evaluate/evaluated_block.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "perdita/evaluate/predicted.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/kernels/domain.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/kernels/nll.hpp"
#include "perdita/kernels/softcap.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/math/functions.hpp"

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
kernels::Labels read_labels(const EvaluationPlan& how, const RawBlock& block) {
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
      fail<IndexError>("{}: target[{}] is {} (valid: integers 0..{})", operation, block.first + i, numbers[i],
                       how.columns - 1);
    }
    whole[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(numbers[i]);
  }
  return read(DType::int64, whole.data());
}

/// NaN is none of our business here: it is counted.
template <class T>
void check_range(const EvaluationPlan& how, const RawBlock& block, const T* numbers, double low, double high,
                 std::string_view what) {
  const std::int64_t count = block.count * how.columns;
  for (std::int64_t i = kernels::first_outside(numbers, count, low, high); i < count; ++i) {
    const auto number = static_cast<double>(numbers[i]);
    if (number >= low && number <= high) continue;
    if (std::isnan(number)) continue;
    fail<DataError>("evaluate: {}: row {} contains {}, which is not {}", how.predictions_name,
                    block.first + i / how.columns, number, what);
  }
}

template <class T>
void check_scale(const EvaluationPlan& how, const RawBlock& block, const T* numbers) {
  constexpr double slack = 1e-5;  // of softmax in single precision
  if (how.scale == Scale::probabilities)
    check_range(how, block, numbers, 0.0, how.kind == Kind::binary ? 1.0 : 1 + slack, "a probability");
  if (how.scale == Scale::log_probabilities)
    check_range(how, block, numbers, -std::numeric_limits<double>::infinity(), slack, "a log-probability");
}

/// The loss of each row, by its function of tensors.
template <class T, class Loss>
void compute_rows(const Loss& loss, const EvaluationPlan& how, EvaluatedBlock<T>& out) {
  const NoGrad no_grad;
  const auto rows = static_cast<std::int64_t>(out.losses.size());
  const std::vector<T> logits(out.logits, out.logits + rows * how.columns);
  const Tensor losses = functional::formula_loss(Tensor::from(logits, {rows, how.columns}), Tensor::from(out.labels),
                                                 loss, {.ignore_index = -1, .reduction = Reduction::none});
  std::copy_n(losses.data<T>(), rows, out.losses.begin());
}

/// Predicted classes and confidences, where the softmax of the logits does not have them: of probabilities, which need
/// no softmax, and of logits that are not finite.
template <class T>
void complete_predictions(const EvaluationPlan& how, const T* given, EvaluatedBlock<T>& out) {
  for (std::size_t row = 0; row < out.predicted.size(); ++row) {
    const bool has_probabilities = how.scale == Scale::probabilities;
    if (!has_probabilities && !std::isnan(out.confidences[row])) continue;
    const T* const scores = given + static_cast<std::int64_t>(row) * how.columns;
    const Prediction p =
        has_probabilities ? predicted_by_probabilities(scores, how.columns) : predicted_by_logits(scores, how.columns);
    out.predicted[row] = p.label;
    out.confidences[row] = static_cast<T>(p.confidence);
  }
}

/// Capped logits take the place of the logits, of which calibration and temperature are those, too.
template <class T>
void cap_logits(const EvaluationPlan& how, std::int64_t elements, EvaluatedBlock<T>& out) {
  const double cap = std::visit([](const auto& loss) { return kernels::softcap_of(loss); }, how.loss.loss);
  if (!std::isfinite(cap)) return;
  out.made_logits.assign(out.logits, out.logits + elements);
  kernels::cap_logits<T>(out.made_logits.data(), nullptr, cap, elements);
  out.logits = out.made_logits.data();
}

/// The loss of logits that are capped already.
template <class Loss>
Loss without_softcap(Loss loss) {
  if constexpr (requires { loss.softcap; }) loss.softcap = std::numeric_limits<double>::infinity();
  return loss;
}

template <class T>
void evaluate_classes(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  const std::int64_t elements = block.count * how.columns;
  const kernels::Labels labels = read_labels(how, block);
  out.labels.assign(labels.data(), labels.data() + block.count);
  const T* const given = as(how.predictions, block.predictions, elements, out.inputs);
  check_scale(how, block, given);
  // The softmax of log-probabilities is the probabilities again.
  if (how.scale == Scale::probabilities) apply(LogOf{}, given, out.made_logits, elements);
  out.logits = how.scale == Scale::probabilities ? out.made_logits.data() : given;
  cap_logits(how, elements, out);
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
        if constexpr (ListedClassRows<Loss>) {
          // Predicted classes and confidences are those of the softmax, which a loss of log-probabilities lacks.
          if (!takes_class_probabilities(Loss::info)) kernels::class_rows_loss(CrossEntropy{}, task);
          kernels::class_rows_loss(without_softcap(loss), task);
        } else if constexpr (is_of_class_rows(Loss::info) && !takes_class_counts(Loss::info)) {
          kernels::class_rows_loss(CrossEntropy{}, task);
          compute_rows(loss, how, out);
        }
      },
      how.loss.loss);
  complete_predictions(how, given, out);
}

/// Inputs of the loss from predictions (logits where they are logits, whatever the loss takes), and the logits that
/// calibration needs.
template <class T>
const T* read_binary(const EvaluationPlan& how, const T* given, std::int64_t count, EvaluatedBlock<T>& out) {
  const bool takes_probabilities = default_scale(how.loss) == Scale::probabilities;
  if (how.scale == Scale::probabilities) {
    apply(LogitOf{}, given, out.made_logits, count);
    out.logits = out.made_logits.data();
    return takes_probabilities ? given : out.logits;
  }
  out.logits = given;
  return given;
}

template <class T>
void read_binary_labels(const EvaluationPlan& how, const RawBlock& block, const T* targets, EvaluatedBlock<T>& out) {
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

/// Confidences are those of a 1.
template <class T>
void predict_binary(const EvaluationPlan& how, const T* given, std::int64_t count, EvaluatedBlock<T>& out) {
  out.scores = given;
  const bool has_probabilities = how.scale == Scale::probabilities;
  if (has_probabilities)
    out.confidences.assign(given, given + count);
  else
    apply(SigmoidOf{}, given, out.confidences, count);
  const T border = has_probabilities ? T(0.5) : T(0);
  out.predicted.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.predicted.size(); ++i)
    out.predicted[i] = std::isnan(given[i]) ? -1 : given[i] > border ? 1 : 0;
}

/// A mask a row.
template <class T>
void evaluate_masks(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  const std::int64_t count = block.count * how.columns;
  const T* const logits = as(how.predictions, block.predictions, count, out.inputs);
  const T* const targets = as(how.targets, block.targets, count, out.targets);
  const Interval valid = info_of(how.loss).target;
  const double ignored = std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (requires { loss.ignore_index; })
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
  out.losses =
      functional::call(how.loss, {seen(logits), seen(targets)}, {.reduction = Reduction::none}).template to_vector<T>();
}

/// At an infinite logit a formula may come to 0 times infinity. The loss there is its limit.
template <class T, class Loss>
void take_limits(const Loss& loss, const T* targets, EvaluatedBlock<T>& out) {
  constexpr T far = T(0x1p60), huge = T(0x1p40);
  for (std::size_t i = 0; i < out.losses.size(); ++i) {
    if (!std::isnan(out.losses[i]) || !std::isinf(out.logits[i])) continue;
    const T logit = std::copysign(far, out.logits[i]);
    T value = 0;
    kernels::elementwise_loss<Loss, T>(loss, {&logit, targets + i}, {.values = &value}, 1);
    out.losses[i] = value < huge ? value : std::numeric_limits<T>::infinity();
  }
}

/// The losses of a block. Where predictions are logits and the loss takes probabilities, its form for logits is used:
/// probabilities near 1 would be rounded to 1.
template <class T, class Loss>
void compute_pairs(const Loss& loss, const EvaluationPlan& how, const T* input, const T* targets,
                   EvaluatedBlock<T>& out) {
  if constexpr (requires { typename Loss::OfLogits; }) {
    if (how.scale == Scale::logits) {
      compute_pairs(typename Loss::OfLogits{}, how, input, targets, out);
      for (T& value : out.losses) value = value > T(Loss::largest) ? T(Loss::largest) : value;
      return;
    }
  }
  kernels::elementwise_loss<Loss, T>(loss, {input, targets}, {.values = out.losses.data()}, std::ssize(out.losses));
  if (how.kind == Kind::binary && input == out.logits) take_limits(loss, targets, out);
}

template <class T>
void evaluate_pairs(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  const std::int64_t count = block.count * how.columns;
  const T* const given = as(how.predictions, block.predictions, count, out.inputs);
  const T* const targets = as(how.targets, block.targets, count, out.targets);
  check_scale(how, block, given);
  const T* input = given;
  if (how.kind == Kind::binary) {
    read_binary_labels(how, block, targets, out);
    input = read_binary(how, given, count, out);
    predict_binary(how, given, count, out);
  } else {
    const perdita::Interval valid = valid_targets(how.loss);
    if (const std::int64_t bad = kernels::first_outside(targets, count, valid.low, valid.high); bad < count) {
      fail<DataError>("evaluate: {}: target[{}] is {} (valid for {}: {})", how.targets_name,
                      block.first + bad / how.columns, targets[bad], info_of(how.loss).name, to_string(valid));
    }
  }
  out.losses.resize(static_cast<std::size_t>(count));
  std::vector<T> smoothed;
  if (const double share = how.loss.label_smoothing; share > 0) {
    smoothed.assign(targets, targets + count);
    for (T& t : smoothed) t = static_cast<T>((1 - share) * static_cast<double>(t) + 0.5 * share);
  }
  const T* const labels = smoothed.empty() ? targets : smoothed.data();
  std::visit(
      [&]<class Loss>(const Loss& loss) {
        if constexpr (ListedElementwise<Loss>)
          compute_pairs(loss, how, input, labels, out);
        else if constexpr (requires { &Loss::template compute<T>; })
          loss.template compute<T>(input, labels, count, {.losses = out.losses.data()});
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

template <class T>
void evaluate_single(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  out.units = block.count * how.units_per_row;
  if (how.kind == Kind::classes) return evaluate_classes(how, block, out);
  if (is_of_masks(how.loss)) return evaluate_masks(how, block, out);
  evaluate_pairs(how, block, out);
  if (how.units_per_row < how.columns) sum_rows(how.columns, out.losses);
}

/// Makes the losses of `out`, which are the leading part's, those of the sum.
template <class T>
void add_parts(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  thread_local EvaluatedBlock<T> other;
  EvaluationPlan of_part = how;
  out.parts.resize(how.parts.size());
  std::vector<double> sums(out.losses.size());
  for (std::size_t k = 0; k < how.parts.size(); ++k) {
    if (how.parts[k].is_leading) {
      out.parts[k] = out.losses;
    } else {
      of_part.loss = how.parts[k].loss;
      evaluate_single(of_part, block, other);
      out.parts[k] = other.losses;
    }
    for (std::size_t i = 0; i < sums.size() && how.parts[k].weight != 0; ++i)
      sums[i] += how.parts[k].weight * static_cast<double>(out.parts[k][i]);
  }
  std::ranges::transform(sums, out.losses.begin(), [](double sum) { return static_cast<T>(sum); });
}

}  // namespace

template <class T>
void evaluate_block(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out) {
  evaluate_single(how, block, out);
  out.parts.clear();  // `out` may have served another evaluation
  if (!how.parts.empty()) add_parts(how, block, out);
}

template void evaluate_block(const EvaluationPlan&, const RawBlock&, EvaluatedBlock<float>&);
template void evaluate_block(const EvaluationPlan&, const RawBlock&, EvaluatedBlock<double>&);

}  // namespace perdita::evaluate
