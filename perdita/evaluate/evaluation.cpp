#include "perdita/evaluate/evaluation.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What the first rows look like.
struct FirstRows {
  std::int64_t count = 0, in_range = 0, sums_to_one = 0;
};

FirstRows look_at(const EvaluationPlan& how, const RawBlock& block) {
  FirstRows rows{.count = std::min<std::int64_t>(block.count, 1000)};
  visit_dtype(how.predictions, [&]<class T>() {
    const T* const p = static_cast<const T*>(block.predictions);
    for (std::int64_t row = 0; row < rows.count; ++row) {
      double sum = 0;
      bool inside = true;
      for (std::int64_t k = 0; k < how.columns; ++k) {
        const auto x = static_cast<double>(p[row * how.columns + k]);
        inside &= x >= 0 && x <= 1;
        sum += how.scale == Scale::log_probabilities ? std::exp(x) : x;
      }
      rows.in_range += inside;
      rows.sums_to_one += std::abs(sum - 1) < 1e-3;
    }
  });
  return rows;
}

/// Whether the first rows are what they are said to be.
std::string suspicion(const EvaluationPlan& how, const RawBlock& block, std::string_view remedy) {
  if (how.kind != Kind::classes && how.kind != Kind::binary) return {};
  const FirstRows rows = look_at(how, block);
  const bool are_classes = how.kind == Kind::classes;
  if (how.scale == Scale::logits && rows.in_range == rows.count &&
      (are_classes ? rows.sums_to_one == rows.count : rows.count >= 20)) {
    return fmt::format(
        "{}: the predictions appear to be probabilities ({}), but are interpreted as logits; for probabilities, set {}",
        how.predictions_name, are_classes ? "rows have sum 1" : "all numbers are in 0..1", remedy);
  }
  if (how.scale != Scale::logits && are_classes && rows.sums_to_one < rows.count - rows.count / 100) {
    return fmt::format(
        "{}: the probabilities of {} of the first {} rows do not have sum 1 and are divided by their sum",
        how.predictions_name, rows.count - rows.sums_to_one, rows.count);
  }
  return {};
}

/// The weights of a block, one for each unit.
class Weights {
 public:
  explicit Weights(const data::RowReader* reader) : reader_(reader) {}
  std::span<const double> of(const RawBlock& block, std::int64_t units_per_row) {
    if (!reader_) return {};
    values_.clear();
    visit_dtype(reader_->dtype, [&]<class T>() {
      const T* const w = static_cast<const T*>(block.weights);
      for (std::int64_t row = 0; row < block.count; ++row) {
        const auto weight = static_cast<double>(w[row]);
        if (!(weight >= 0) || !std::isfinite(weight)) {
          fail<DataError>("evaluate: {}: weight[{}] is {} (valid: 0 or more)", reader_->name, block.first + row,
                          weight);
        }
        values_.insert(values_.end(), static_cast<std::size_t>(units_per_row), weight);
      }
    });
    return values_;
  }

 private:
  const data::RowReader* reader_;
  std::vector<double> values_;
};

template <class T>
Gathered gather(const EvaluationPlan& how, BlockStream& stream, const data::RowReader* weights,
                const EvaluationOptions& options, const std::function<void(std::int64_t)>& progress,
                Evaluation& result) {
  struct Partition {
    Gathered gathered;
    Weights weights;
  };
  const std::int64_t classes = how.kind == Kind::binary ? 2 : how.columns;
  const auto kept_scores = std::make_shared<std::atomic<std::int64_t>>(0);
  const auto new_partition = [&] {
    return Partition{Gathered(how.kind, classes, options.bins, options.hardest, kept_scores), Weights(weights)};
  };
  // Made when they get a block: with many classes each takes memory, and a short file has work for one alone.
  std::array<std::optional<Partition>, BlockStream::partitions> partitions;
  partitions[0].emplace(new_partition());
  std::string suspected;  // by the first partition alone
  result.rows = stream.for_each(
      [&](std::int64_t at, const RawBlock& block) {
        std::optional<Partition>& made = partitions[static_cast<std::size_t>(at)];
        if (!made) made.emplace(new_partition());
        Partition& partition = *made;
        if (block.first == 0) suspected = suspicion(how, block, options.probabilities_option);
        static thread_local EvaluatedBlock<T>
            evaluated;  // a thread's, not a partition's: it stays in the thread's cache
        evaluate_block(how, block, evaluated);
        partition.gathered.add(how, block, evaluated, partition.weights.of(block, how.units_per_row));
      },
      [&](std::int64_t rows) {
        if (progress) progress(rows);
      });
  if (!suspected.empty()) result.warnings.push_back(std::move(suspected));
  Gathered& all = partitions[0]->gathered;
  for (std::size_t i = 1; i < partitions.size(); ++i) {
    if (partitions[i]) all.merge(std::move(partitions[i]->gathered));
  }
  return std::move(all);
}

void tell_losses(const Gathered& all, const EvaluationPlan& how, const LossSum& loss, Evaluation& result) {
  result.losses = all.losses.summary();
  result.losses.mean = all.loss.mean();
  result.losses.standard_deviation = all.loss.standard_deviation();
  result.losses.standard_error = all.loss.standard_error();
  result.losses.nonfinite = all.left_out.nan + all.left_out.infinite;
  result.interval = all.loss.interval();
  for (std::size_t k = 0; k < all.parts.size(); ++k)
    result.parts.push_back({how.parts[k].name, how.parts[k].weight, all.parts[k].mean()});
  const bool never_negative = loss.is_never_negative() && result.losses.min >= 0;
  if (never_negative) result.interval.low = std::max(result.interval.low, 0.0);
  result.exact_quantiles = all.losses.is_exact();
  result.hardest = all.hardest.result();
  if (result.losses.count == 0) return;
  constexpr int bins = 50;
  const Summary& s = result.losses;
  result.histogram = all.losses.histogram(std::min(s.min, 0.0), s.p99, bins, false);
  double least = s.max;  // of the positive ones
  all.losses.visit([&](double low, double high, std::int64_t) {
    if (high > 0) least = std::min(least, std::max(low, s.min));
  });
  if (least > 0 && s.max > 0) result.log_histogram = all.losses.histogram(least, s.max, bins, true);
}

void tell_regression(const Gathered& all, Evaluation& result) {
  if (all.residual.weight() == 0) return;
  const double n = all.residual.weight(), bias = all.residual.mean();
  const double squares = all.residual.squared_deviations() + n * bias * bias;
  const double deviation = all.target.squared_deviations();
  result.regression = RegressionScore{.samples = static_cast<std::int64_t>(n),
                                      .mse = squares / n,
                                      .rmse = std::sqrt(squares / n),
                                      .mae = all.residual_size.mean(),
                                      .bias = bias,
                                      .r2 = all.largest_target > all.least_target ? 1 - squares / deviation : nan};
  result.residuals = all.residuals->summary();
  result.residuals.mean = bias;
  result.residuals.standard_deviation = n > 1 ? std::sqrt(all.residual.squared_deviations() / (n - 1)) : nan;
}

void warn_of_left_out(Evaluation& result) {
  const LeftOut& out = result.left_out;
  if (out.first < 0) return;
  std::string reasons;
  if (out.nan > 0) reasons += fmt::format("{} NaN", out.nan);
  if (out.infinite > 0) reasons += fmt::format("{}{} infinite", reasons.empty() ? "" : ", ", out.infinite);
  result.warnings.push_back(
      fmt::format("{} of {} losses are not finite ({}; first: row {}): they are excluded from the mean loss and the "
                  "quantiles of the loss, but not from the other metrics",
                  out.nan + out.infinite, result.counted, reasons, out.first / result.units_per_row));
}

/// Memory is taken for some rows at once, and for every class, before it is known whether the rows come.
void check_width(const data::RowReader& rows) {
  constexpr std::int64_t most = std::int64_t{1} << 16;
  if (rows.rows || rows.row_elements() <= most) return;
  fail<DataError>("evaluate: {}: the text has {} columns (valid: up to {}, or an NPY file)", rows.name,
                  rows.row_elements(), most);
}

void check_weights(const data::RowReader* weights) {
  if (!weights || weights->row_elements() == 1) return;
  fail<ShapeError>("evaluate: {}: rows have shape {} (valid: one weight per row, [] or [1])", weights->name,
                   weights->row_shape);
}

std::vector<std::string> class_names_for(const EvaluationPlan& how, const std::vector<std::string>& given) {
  if (given.empty() && how.kind == Kind::binary) return {"negative", "positive"};
  const std::int64_t classes = how.kind == Kind::classes ? how.columns : how.kind == Kind::binary ? 2 : 0;
  if (!given.empty() && std::ssize(given) != classes)
    fail<ValueError>("evaluate: there are {} names for {} classes (valid: one per class, or none)", given.size(),
                     classes);
  return given;
}

}  // namespace

Evaluation evaluate(data::RowReader& predictions, data::RowReader& targets, data::RowReader* weights,
                    const EvaluationOptions& options, const std::function<void(std::int64_t)>& progress) {
  if (options.hardest < 0 || options.hardest > 100000)
    fail<ValueError>("evaluate: hardest is {} (valid: 0..100000)", options.hardest);
  const EvaluationPlan how = plan_evaluation(
      options.loss, options.scale.value_or(default_scale(options.loss.leading())), predictions, targets);
  check_weights(weights);
  check_width(predictions);
  Evaluation result{.loss = to_string(options.loss),
                    .kind = how.kind,
                    .scale = how.scale,
                    .columns = how.columns,
                    .units_per_row = how.units_per_row,
                    .weighted = weights != nullptr,
                    .class_names = class_names_for(how, options.class_names)};
  BlockStream stream(predictions, targets, weights);
  Gathered all = is_computed_in_float(how) ? gather<float>(how, stream, weights, options, progress, result)
                                           : gather<double>(how, stream, weights, options, progress, result);
  result.left_out = all.left_out;
  result.counted = all.counted;
  if (all.counted == 0)
    fail<DataError>("evaluate: there is no sample to evaluate: {} of {} rows have the ignored label",
                    all.left_out.ignored, result.rows);
  if (all.losses.count() > 0 && std::isnan(all.loss.mean())) {
    fail<DataError>("evaluate: the weights of the {} samples with a finite loss have sum 0 (valid: above 0)",
                    all.losses.count());
  }
  tell_losses(all, how, options.loss, result);
  if (all.classes) {
    result.classes = all.classes->score();
    result.calibration = all.calibration->result();
    result.temperature = fit_temperature(*all.sample, options.bins);
    for (std::size_t row = 0; row < all.sample->size(); ++row) {
      result.sampled_losses.push_back(all.sample->loss(row));
      result.sampled_classes.push_back(all.sample->label(row));
    }
  }
  if (all.roc) {
    result.roc = all.roc->area();
    result.brier = all.brier.mean();
  }
  if (all.residuals) tell_regression(all, result);
  warn_of_left_out(result);
  return result;
}

}  // namespace perdita::evaluate
