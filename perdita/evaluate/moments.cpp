#include "perdita/evaluate/moments.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace perdita::evaluate {

namespace {

constexpr std::size_t lanes = 8;  // sums that do not wait for each other

/// The sum of f(i) for i in [0, count).
template <class F>
double sum_of(std::size_t count, F f) {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += f(i + lane);
  }
  for (; i < count; ++i) sums[0] += f(i);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

double square(double x) { return x * x; }

}  // namespace

template <class T>
void Moments::add(std::span<const T> values) {
  if (values.empty()) return;
  Moments block;
  block.weight_ = static_cast<double>(values.size());
  const T* const v = values.data();
  block.mean_ = sum_of(values.size(), [v](std::size_t i) { return static_cast<double>(v[i]); }) / block.weight_;
  block.squares_ =
      sum_of(values.size(), [v, m = block.mean_](std::size_t i) { return square(static_cast<double>(v[i]) - m); });
  merge(block);
}

template <class T>
void Moments::add(std::span<const T> values, std::span<const double> weights) {
  Moments block;
  const T* const v = values.data();
  const double* const w = weights.data();
  block.weight_ = sum_of(values.size(), [w](std::size_t i) { return w[i]; });
  if (!(block.weight_ > 0)) return;
  block.mean_ =
      sum_of(values.size(), [v, w](std::size_t i) { return w[i] * static_cast<double>(v[i]); }) / block.weight_;
  block.squares_ = sum_of(
      values.size(), [v, w, m = block.mean_](std::size_t i) { return w[i] * square(static_cast<double>(v[i]) - m); });
  merge(block);
}

void Moments::merge(const Moments& other) {
  if (!(other.weight_ > 0)) return;
  const double total = weight_ + other.weight_, gap = other.mean_ - mean_;
  squares_ += other.squares_ + gap * gap * weight_ * (other.weight_ / total);
  mean_ += gap * (other.weight_ / total);
  weight_ = total;
}

template <class T>
void MeanLoss::add(std::span<const T> losses, std::span<const double> weights) {
  count_ += static_cast<std::int64_t>(losses.size());
  if (weights.empty()) return losses_.add(losses);
  weighted_ = true;
  losses_.add(losses, weights);
  std::vector<double> squares(weights.begin(), weights.end());
  for (double& w : squares) w *= w;
  by_squared_weight_.add(losses, std::span<const double>(squares));
}

void MeanLoss::merge(const MeanLoss& other) {
  count_ += other.count_;
  weighted_ |= other.weighted_;
  losses_.merge(other.losses_);
  by_squared_weight_.merge(other.by_squared_weight_);
}

double MeanLoss::standard_deviation() const {
  const auto n = static_cast<double>(count_);
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(losses_.squared_deviations() / losses_.weight() * (n / (n - 1)));
}

double MeanLoss::standard_error() const {
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(count_);
  if (!weighted_) return standard_deviation() / std::sqrt(n);
  const Moments& m = by_squared_weight_;
  const double squares = m.squared_deviations() + m.weight() * square(m.mean() - mean());
  return std::sqrt(squares * n / (n - 1)) / losses_.weight();
}

Interval MeanLoss::interval() const {
  const double half = count_ < 2 ? standard_error() : student_975(static_cast<double>(count_ - 1)) * standard_error();
  return {mean() - half, mean() + half};
}

template void Moments::add(std::span<const float>);
template void Moments::add(std::span<const double>);
template void Moments::add(std::span<const float>, std::span<const double>);
template void Moments::add(std::span<const double>, std::span<const double>);
template void MeanLoss::add(std::span<const float>, std::span<const double>);
template void MeanLoss::add(std::span<const double>, std::span<const double>);

}  // namespace perdita::evaluate
