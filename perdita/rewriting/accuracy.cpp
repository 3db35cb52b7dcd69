#include "perdita/rewriting/accuracy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "perdita/kernels/evaluate_program.hpp"
#include "perdita/rewriting/float_order.hpp"
#include "perdita/rewriting/reference.hpp"

namespace perdita::rewriting {

namespace {

template <class T>
double bits_between(T computed, T exact) {
  constexpr double all = 8 * sizeof(T);
  if (std::isnan(computed)) return all;
  if (std::isinf(computed) != std::isinf(exact)) return all;
  return std::min(
      all, std::log2(1 + std::abs(static_cast<double>(place_of(computed)) - static_cast<double>(place_of(exact)))));
}

/// Whether the value lies between the smallest normal number of the type and the largest, or is 0.
bool is_representable(double exact, DType dtype) {
  const bool is_float = dtype == DType::float32;
  const double least = is_float ? double{std::numeric_limits<float>::min()} : std::numeric_limits<double>::min();
  const double most = is_float ? double{std::numeric_limits<float>::max()} : std::numeric_limits<double>::max();
  return exact == 0 || (std::abs(exact) >= least && std::abs(exact) <= most);
}

Program program_of(const Expr& formula) { return Program(std::array{formula, slope_of(formula)}); }

/// Value and derivative by variable 0 in a type, as the kernels of formulas compute them.
std::array<std::vector<double>, 2> computed(const Program& program, const Points& points, DType dtype,
                                            DType computing_type) {
  const auto count = static_cast<std::int64_t>(points.size());
  std::vector<Operand> operands;
  for (const std::vector<double>& column : points.columns)
    operands.push_back({.data = column.data(), .dtype = DType::float64, .strides = {1}});
  const auto run = [&]<class T>(T) {
    std::array<std::vector<T>, 2> found{std::vector<T>(points.size()), std::vector<T>(points.size())};
    std::array<Result, 2> results;
    for (std::size_t k = 0; k < 2; ++k) results[k] = {.data = found[k].data(), .is_float32 = dtype == DType::float32};
    evaluate(program, computing_type, {count}, operands, results);
    std::array<std::vector<double>, 2> wide;
    for (std::size_t k = 0; k < 2; ++k) wide[k].assign(found[k].begin(), found[k].end());
    return wide;
  };
  return dtype == DType::float32 ? run(float{}) : run(double{});
}

const double bits_of_4_ulp = std::log2(5.0);

/// Errors of up to 4 ULP do not justify a longer formula.
double weighed(double bits) { return bits > bits_of_4_ulp ? bits : 0.15 * bits; }

Accuracy accuracy_of(const std::vector<double>& found, const std::vector<double>& exact, DType dtype) {
  Accuracy accuracy;
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(exact[i]) || !is_representable(exact[i], dtype)) continue;
    const double bits = bits_of_error(found[i], exact[i], dtype);
    accuracy.mean_bits += bits;
    beyond += bits > bits_of_4_ulp;
    ++accuracy.count;
    if (bits <= accuracy.worst_bits) continue;
    accuracy.worst_bits = bits;
    accuracy.worst_point = i;
  }
  const double count = std::max<double>(1, static_cast<double>(accuracy.count));
  accuracy.mean_bits /= count;
  accuracy.share_beyond = static_cast<double>(beyond) / count;
  return accuracy;
}

}  // namespace

Expr slope_of(const Expr& formula) {
  const Expr input = Expr::input(0, "y");
  return gradient(formula, 1.0, std::span(&input, 1))[0];
}

double bits_of_error(double computed, double exact, DType dtype) {
  return dtype == DType::float32 ? bits_between(static_cast<float>(computed), static_cast<float>(exact))
                                 : bits_between(computed, exact);
}

Measurement::Measurement(const Expr& formula, Points points) : points_(std::move(points)) {
  const std::array formulas{formula, slope_of(formula)};
  std::vector<std::vector<double>> exact = exact_values(formulas, points_);
  values_ = std::move(exact[0]);
  slopes_ = std::move(exact[1]);
  // The derivative is ignored where the value is undefined or infinite.
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (!std::isfinite(values_[i])) slopes_[i] = std::numeric_limits<double>::quiet_NaN();
  }
}

std::size_t Measurement::known() const {
  return static_cast<std::size_t>(std::ranges::count_if(values_, [](double x) { return !std::isnan(x); }));
}

Measurement::Result Measurement::of(const Expr& formula, bool float32_in_float64) const {
  Result result;
  const Program program = program_of(formula);
  for (std::size_t k = 0; k < 2; ++k) {
    const DType dtype = k == 0 ? DType::float32 : DType::float64;
    const auto found = computed(program, points_, dtype, float32_in_float64 ? DType::float64 : dtype);
    result.value[k] = accuracy_of(found[0], values_, dtype);
    result.slope[k] = accuracy_of(found[1], slopes_, dtype);
  }
  return result;
}

FormAccuracy Measurement::of_form(const Expr& formula) const {
  FormAccuracy accuracy{.bits = std::vector<double>(points_.size(), 0)};
  const Program program = program_of(formula);
  for (std::size_t k = 0; k < 2; ++k) {
    const DType dtype = k == 0 ? DType::float32 : DType::float64;
    const double weight = k == 0 ? 1 : 0.5;
    const auto found = computed(program, points_, dtype, dtype);
    for (const auto& [exact, of] : {std::pair{&values_, &found[0]}, std::pair{&slopes_, &found[1]}}) {
      std::size_t count = 0, beyond = 0;
      double sum = 0;
      for (std::size_t i = 0; i < points_.size(); ++i) {
        const double wanted = (*exact)[i];
        if (std::isnan(wanted) || !is_representable(wanted, dtype)) continue;
        const double bits = bits_of_error((*of)[i], wanted, dtype);
        accuracy.bits[i] += weight * weighed(bits);
        sum += bits;
        ++count;
        beyond += bits > bits_of_4_ulp;
      }
      const double known = std::max<double>(1, static_cast<double>(count));
      accuracy.mean_bits[k] += 0.5 * sum / known;
      accuracy.share_beyond[k] = std::max(accuracy.share_beyond[k], static_cast<double>(beyond) / known);
    }
  }
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (std::isnan(values_[i])) accuracy.bits[i] = std::numeric_limits<double>::quiet_NaN();
  }
  return accuracy;
}

double nanoseconds_per_element(const Expr& formula, const Domain& domain, DType computing_type) {
  constexpr std::size_t count = 8192;
  constexpr int repetitions = 5;
  // Inputs of moderate size, because subnormal and infinite intermediate results change the speed.
  const auto is_ordinary = [](double x) { return std::abs(x) > 1e-3 && std::abs(x) < 30; };
  std::vector<std::vector<float>> columns;
  for (const std::vector<double>& drawn : draw_points(domain, count, 1).columns) {
    const auto first = std::ranges::find_if(drawn, is_ordinary);
    std::vector<float>& column = columns.emplace_back();
    for (const double x : drawn)
      column.push_back(static_cast<float>(is_ordinary(x) || first == drawn.end() ? x : *first));
  }
  std::vector<Operand> operands;
  for (const std::vector<float>& column : columns)
    operands.push_back({.data = column.data(), .dtype = DType::float32, .strides = {1}});
  std::array<std::vector<float>, 2> found{std::vector<float>(count), std::vector<float>(count)};
  const std::array results{Result{.data = found[0].data(), .is_float32 = true},
                           Result{.data = found[1].data(), .is_float32 = true}};
  const Program program = program_of(formula);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    evaluate(program, computing_type, {std::int64_t{count}}, operands, results);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    least = std::min(least, time.count() / static_cast<double>(count));
  }
  return least;
}

}  // namespace perdita::rewriting
