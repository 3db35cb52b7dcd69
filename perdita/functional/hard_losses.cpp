// Means of the largest of given losses: hard examples.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "perdita/functional/functional.hpp"

namespace perdita {

namespace {

/// Losses as rows of which each has its own mean, and which of their elements are averaged.
struct Rows {
  Tensor losses;
  std::vector<bool> is_kept;

  std::int64_t count() const { return losses.size(0); }
  std::int64_t size() const { return losses.size(1); }
};

Rows rows_of(const char* function, const Tensor& losses, bool per_item) {
  if (!losses.defined()) fail<ValueError>("{}: losses is not a tensor", function);
  if (!is_floating(losses.dtype()))
    fail<DTypeError>("{}: losses holds {} (valid: float32, float64)", function, name_of(losses.dtype()));
  if (losses.numel() == 0)
    fail<ShapeError>("{}: losses has shape {} (valid: at least one loss)", function, losses.shape());
  if (per_item && losses.rank() < 2)
    fail<ShapeError>("{}: losses has shape {} (valid with per_item: [N, ...])", function, losses.shape());
  const std::int64_t rows = per_item ? losses.size(0) : 1;
  return {losses.reshape({rows, losses.numel() / rows}), std::vector<bool>(static_cast<std::size_t>(losses.numel()))};
}

/// Keeps the `count` largest losses of a row: NaN first, and of equal ones those that come first.
void keep_largest(Rows& rows, const std::vector<double>& values, std::int64_t row, std::int64_t count) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows.size()));
  std::iota(order.begin(), order.end(), row * rows.size());
  const auto key = [&](std::int64_t i) {
    const double value = values[static_cast<std::size_t>(i)];
    return std::pair(std::isnan(value), std::isnan(value) ? 0.0 : value);
  };
  const auto comes_first = [&](std::int64_t a, std::int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; };
  if (count < rows.size()) std::nth_element(order.begin(), order.begin() + count, order.end(), comes_first);
  for (std::int64_t i = 0; i < count; ++i)
    rows.is_kept[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
}

/// A fraction of n, rounded up; 0.07 of 100 is 7, although the product of the rounded numbers is a little more.
std::int64_t share_of(double fraction, std::int64_t n) {
  constexpr double rounding = 1e-12;
  const auto count = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(n) * (1 - rounding)));
  return std::clamp<std::int64_t>(count, 1, n);
}

/// The mean of the kept losses of each row. The selection is a constant of the gradient.
Tensor mean_of_kept(const Rows& rows, bool per_item) {
  const Tensor kept = Tensor::from(rows.is_kept, rows.losses.shape());
  const Tensor counts = sum(kept.to(rows.losses.dtype()), 1);
  const Tensor means = sum(select(kept, rows.losses, 0.0), 1) / counts;
  return per_item ? means : means.reshape({});
}

}  // namespace

Tensor functional::top_k_mean(const Tensor& losses, double fraction, bool per_item) {
  constexpr const char* function = "top_k_mean";
  if (!(fraction > 0 && fraction <= 1))
    fail<ValueError>("{}: fraction is {} (valid: above 0, up to 1)", function, fraction);
  Rows rows = rows_of(function, losses, per_item);
  const auto values = rows.losses.detach().to(DType::float64).to_vector<double>();
  const std::int64_t count = share_of(fraction, rows.size());
  for (std::int64_t row = 0; row < rows.count(); ++row) keep_largest(rows, values, row, count);
  return mean_of_kept(rows, per_item);
}

Tensor functional::ohem_mean(const Tensor& losses, double threshold, std::int64_t min_kept, bool per_item) {
  constexpr const char* function = "ohem_mean";
  if (std::isnan(threshold)) fail<ValueError>("{}: threshold is nan (valid: a number)", function);
  if (min_kept < 1) fail<ValueError>("{}: min_kept is {} (valid: 1 or more)", function, min_kept);
  Rows rows = rows_of(function, losses, per_item);
  const auto values = rows.losses.detach().to(DType::float64).to_vector<double>();
  for (std::int64_t row = 0; row < rows.count(); ++row)
    keep_largest(rows, values, row, std::min(min_kept, rows.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!(values[i] <= threshold)) rows.is_kept[i] = true;
  return mean_of_kept(rows, per_item);
}

}  // namespace perdita
