#include "perdita/evaluate/gathered.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace perdita::evaluate {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t most_sampled_rows = 16384, most_sampled_elements = std::int64_t{1} << 20;

template <class T>
bool all_finite(std::span<const T> values) {
  std::int32_t others = 0;  // a whole number, so that the compiler makes vectors of it
  constexpr T most = std::numeric_limits<T>::max();
  for (T value : values) others |= std::abs(value) <= most ? 0 : 1;
  return others == 0;
}

bool none_negative(const std::vector<std::int32_t>& labels) {
  std::int32_t signs = 0;
  for (std::int32_t label : labels) signs |= label;
  return signs >= 0;
}

/// Keeps the entries of `column` that `places` names.
template <class T>
void keep(std::vector<T>& column, std::span<const std::int64_t> places) {
  if (column.empty()) return;
  for (std::size_t i = 0; i < places.size(); ++i) column[i] = column[static_cast<std::size_t>(places[i])];
  column.resize(places.size());
}

template <class T>
void merge_optional(std::optional<T>& to, const std::optional<T>& from) {
  if (to && from) to->merge(*from);
}

}  // namespace

void LeftOut::merge(const LeftOut& other) {
  ignored += other.ignored;
  nan += other.nan;
  infinite += other.infinite;
  unpredicted += other.unpredicted;
  residuals += other.residuals;
  if (other.first >= 0 && (first < 0 || other.first < first)) first = other.first;
}

Gathered::Gathered(Kind kind, std::int64_t class_count, int bins, std::int64_t wanted,
                   std::shared_ptr<std::atomic<std::int64_t>> kept_scores)
    : hardest(wanted) {
  if (kind == Kind::classes || kind == Kind::binary) {
    classes.emplace(class_count);
    calibration.emplace(bins);
    sample.emplace(class_count, most_sampled_rows, most_sampled_elements);
  }
  if (kind == Kind::binary) roc.emplace(std::move(kept_scores));
  if (kind == Kind::regression) residuals.emplace();
}

template <class T>
std::span<const std::int64_t> Gathered::drop_ignored(std::int64_t first, EvaluatedBlock<T>& evaluated) {
  places_.clear();
  if (none_negative(evaluated.labels)) return {};
  for (std::int64_t i = 0; i < evaluated.units; ++i) {
    if (evaluated.labels[static_cast<std::size_t>(i)] >= 0) places_.push_back(i);
  }
  left_out.ignored += evaluated.units - std::ssize(places_);
  keep(evaluated.losses, places_);
  for (std::vector<T>& part : evaluated.parts) keep(part, places_);
  keep(evaluated.confidences, places_);
  keep(evaluated.labels, places_);
  keep(evaluated.predicted, places_);
  keep(weights_, places_);
  for (std::int64_t& place : places_) place += first;
  return places_;
}

/// Means and quantiles are those of finite losses.
template <class T>
void Gathered::add_losses(const EvaluatedRows<T>& rows) {
  if (all_finite(rows.losses)) {
    loss.add(rows.losses, std::span<const double>(weights_));
    return losses.add(rows.losses);
  }
  std::vector<T> finite;
  std::vector<double> weights;
  LeftOut block;
  for (std::size_t i = 0; i < rows.losses.size(); ++i) {
    if (std::isfinite(rows.losses[i])) {
      finite.push_back(rows.losses[i]);
      if (!weights_.empty()) weights.push_back(weights_[i]);
      continue;
    }
    ++(std::isnan(rows.losses[i]) ? block.nan : block.infinite);
    if (block.first < 0) block.first = rows.index(i);
  }
  left_out.merge(block);
  loss.add(std::span<const T>(finite), std::span<const double>(weights));
  losses.add(std::span<const T>(finite));
}

/// Of the rows whose sum is finite, as the mean of the sum.
template <class T>
void Gathered::add_parts(const EvaluatedBlock<T>& evaluated) {
  parts.resize(std::max(parts.size(), evaluated.parts.size()));
  for (std::size_t k = 0; k < evaluated.parts.size(); ++k) {
    std::vector<T> finite;
    std::vector<double> weights;
    for (std::size_t i = 0; i < evaluated.losses.size(); ++i) {
      if (!std::isfinite(evaluated.losses[i])) continue;
      finite.push_back(evaluated.parts[k][i]);
      if (!weights_.empty()) weights.push_back(weights_[i]);
    }
    parts[k].add(std::span<const T>(finite), std::span<const double>(weights));
  }
}

template <class T>
void Gathered::add(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& evaluated,
                   std::span<const double> weights) {
  const std::int64_t first = block.first * how.units_per_row;
  if (sample) draw(how.kind, first, evaluated);
  weights_.assign(weights.begin(), weights.end());
  const std::span<const std::int64_t> places = drop_ignored(first, evaluated);
  const EvaluatedRows<T> rows{
      first, places, evaluated.losses, evaluated.labels, evaluated.predicted, evaluated.confidences};
  counted += std::ssize(rows.losses);
  add_losses(rows);
  add_parts(evaluated);
  if (how.kind == Kind::binary) add_binary(rows, evaluated);
  if (classes) add_classes(rows);
  if (residuals) add_residuals(rows, evaluated);
  if (how.kind == Kind::losses_only) {
    for (std::size_t i = 0; i < rows.losses.size(); ++i) {
      if (const auto l = static_cast<double>(rows.losses[i]); hardest.takes(l))
        hardest.add({rows.index(i), l, nan, nan});
    }
  }
}

template <class T>
void Gathered::draw(Kind kind, std::int64_t first, const EvaluatedBlock<T>& evaluated) {
  const std::span<const T> all_losses(evaluated.losses);
  if (kind == Kind::classes) return sample->add(first, evaluated.logits, evaluated.labels, all_losses);
  std::vector<T> pairs(2 * evaluated.labels.size());  // a logit is that of one class over another, whose logit is 0
  for (std::size_t i = 0; i < evaluated.labels.size(); ++i) pairs[2 * i + 1] = evaluated.logits[i];
  sample->add(first, static_cast<const T*>(pairs.data()), evaluated.labels, all_losses);
}

template <class T>
void Gathered::add_classes(const EvaluatedRows<T>& rows) {
  classes->add(rows);
  calibration->add(rows);
  for (std::size_t i = 0; i < rows.losses.size(); ++i) {
    const std::int32_t predicted = rows.predicted[i];
    left_out.unpredicted += predicted < 0 ? 1 : 0;
    const auto l = static_cast<double>(rows.losses[i]);
    if (hardest.takes(l))
      hardest.add({rows.index(i), l, predicted < 0 ? nan : predicted, static_cast<double>(rows.labels[i])});
  }
}

template <class T>
void Gathered::add_binary(const EvaluatedRows<T>& rows, EvaluatedBlock<T>& evaluated) {
  const auto count = static_cast<std::size_t>(evaluated.units);
  roc->add(std::span(evaluated.scores, count), std::span(evaluated.logits, count), rows.labels);
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows.losses.size(); ++i) {
    T& p = evaluated.confidences[i];  // of a 1 so far
    if (std::isnan(p)) continue;
    const double error = static_cast<double>(p) - rows.labels[i];
    errors.push_back(error * error);
    p = rows.predicted[i] == 1 ? p : 1 - p;
  }
  brier.add(std::span<const double>(errors));
}

template <class T>
void Gathered::add_residuals(const EvaluatedRows<T>& rows, const EvaluatedBlock<T>& evaluated) {
  std::vector<double> gaps, sizes, truths;
  for (std::size_t i = 0; i < rows.losses.size(); ++i) {
    const auto unit = static_cast<std::size_t>(rows.index(i) - rows.first);
    const auto prediction = static_cast<double>(evaluated.inputs[unit]),
               truth = static_cast<double>(evaluated.targets[unit]);
    const auto l = static_cast<double>(rows.losses[i]);
    if (hardest.takes(l)) hardest.add({rows.index(i), l, prediction, truth});
    const double gap = prediction - truth;
    if (!std::isfinite(gap)) {
      ++left_out.residuals;
      continue;
    }
    gaps.push_back(gap);
    sizes.push_back(std::abs(gap));
    truths.push_back(truth);
    least_target = std::min(least_target, truth);
    largest_target = std::max(largest_target, truth);
  }
  residuals->add(std::span<const double>(gaps));
  residual.add(std::span<const double>(gaps));
  residual_size.add(std::span<const double>(sizes));
  target.add(std::span<const double>(truths));
}

void Gathered::merge(Gathered&& other) {
  counted += other.counted;
  left_out.merge(other.left_out);
  loss.merge(other.loss);
  parts.resize(std::max(parts.size(), other.parts.size()));
  for (std::size_t k = 0; k < other.parts.size(); ++k) parts[k].merge(other.parts[k]);
  losses.merge(other.losses);
  hardest.merge(other.hardest);
  merge_optional(classes, other.classes);
  merge_optional(calibration, other.calibration);
  merge_optional(sample, other.sample);
  if (roc) roc->merge(std::move(*other.roc));
  merge_optional(residuals, other.residuals);
  brier.merge(other.brier);
  residual.merge(other.residual);
  residual_size.merge(other.residual_size);
  target.merge(other.target);
  least_target = std::min(least_target, other.least_target);
  largest_target = std::max(largest_target, other.largest_target);
}

template void Gathered::add(const EvaluationPlan&, const RawBlock&, EvaluatedBlock<float>&, std::span<const double>);
template void Gathered::add(const EvaluationPlan&, const RawBlock&, EvaluatedBlock<double>&, std::span<const double>);

}  // namespace perdita::evaluate
