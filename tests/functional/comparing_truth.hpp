// Losses that compare, from their definitions: losses of rows and the gradients of their sum, as loops in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace perdita::truth {

using Row = std::vector<double>;

struct Result {
  Row losses;
  std::vector<Row> gradients;  // of the sum of losses, by each input
  Row magnitudes;              // by loss: of the numbers that a gradient is the sum or difference of
};

/// ||a - b + eps||_p of one row, and the gradient by a: that by b is minus it.
struct Distance {
  double value = 0;
  Row slope;
};
inline Distance distance(const double* a, const double* b, std::size_t size, double p, double eps) {
  Distance result{0, Row(size)};
  long double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += std::pow(std::abs(a[i] - b[i] + eps), p);
  result.value = std::pow(static_cast<double>(sum), 1 / p);
  for (std::size_t i = 0; i < size; ++i) {
    const double d = a[i] - b[i] + eps, sign = d > 0 ? 1 : d < 0 ? -1 : 0;
    result.slope[i] = result.value == 0 ? 0 : sign * std::pow(std::abs(d) / result.value, p - 1);
  }
  return result;
}

inline Result triplet_margin(const std::vector<Row>& x, std::size_t rows, std::size_t size, double margin, double p,
                             double eps, bool swap) {
  Result result{{}, std::vector<Row>(3, Row(rows * size)), Row(rows)};
  for (std::size_t row = 0; row < rows; ++row) {
    const double *a = &x[0][row * size], *b = &x[1][row * size], *c = &x[2][row * size];
    const Distance near = distance(a, b, size, p, eps), far = distance(a, c, size, p, eps),
                   across = distance(b, c, size, p, eps);
    const bool swapped = swap && across.value < far.value;
    const double missing = margin + near.value - (swapped ? across.value : far.value);
    result.losses.push_back(std::max(0.0, missing));
    if (missing < 0) continue;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = row * size + i;
      result.magnitudes[row] = std::max(
          {result.magnitudes[row], std::abs(near.slope[i]), std::abs(far.slope[i]), std::abs(across.slope[i])});
      result.gradients[0][at] = near.slope[i] - (swapped ? 0 : far.slope[i]);
      result.gradients[1][at] = -near.slope[i] - (swapped ? across.slope[i] : 0);
      result.gradients[2][at] = swapped ? across.slope[i] : far.slope[i];
    }
  }
  return result;
}

inline Result cosine_embedding(const std::vector<Row>& x, const Row& target, std::size_t size, double margin) {
  const std::size_t rows = target.size();
  Result result{{}, std::vector<Row>(2, Row(rows * size)), Row(rows)};
  for (std::size_t row = 0; row < rows; ++row) {
    const double *a = &x[0][row * size], *b = &x[1][row * size];
    long double sum_ab = 0, sum_aa = 1e-12, sum_bb = 1e-12;
    for (std::size_t i = 0; i < size; ++i) sum_ab += a[i] * b[i], sum_aa += a[i] * a[i], sum_bb += b[i] * b[i];
    const auto ab = static_cast<double>(sum_ab), aa = static_cast<double>(sum_aa), bb = static_cast<double>(sum_bb);
    const double cosine = ab / std::sqrt(aa) / std::sqrt(bb);
    double slope = 0, loss = 0;
    if (target[row] == 1) loss = 1 - cosine, slope = -1;
    if (target[row] == -1) loss = std::max(0.0, cosine - margin), slope = cosine >= margin;
    result.losses.push_back(loss);
    for (std::size_t i = 0; i < size; ++i) {
      const double shorter = std::min(aa, bb), longer = std::max(std::abs(a[i]), std::abs(b[i]));
      result.magnitudes[row] = std::max(result.magnitudes[row], longer / shorter);
      result.gradients[0][row * size + i] = slope * (b[i] / std::sqrt(aa * bb) - cosine * a[i] / aa);
      result.gradients[1][row * size + i] = slope * (a[i] / std::sqrt(aa * bb) - cosine * b[i] / bb);
    }
  }
  return result;
}

/// Every listed class of a row against every one that is not.
inline Result margins(const Row& x, const std::vector<std::vector<std::int64_t>>& own, std::size_t classes,
                      double margin, double p, const Row& class_weights) {
  Result result{{}, {Row(x.size())}, Row(own.size())};
  for (std::size_t row = 0; row < own.size(); ++row) {
    const double* z = &x[row * classes];
    double* gradient = &result.gradients[0][row * classes];
    long double loss = 0;
    for (const std::int64_t label : own[row]) {
      const auto j = static_cast<std::size_t>(label);
      const double share = (class_weights.empty() ? 1.0 : class_weights[j]) / static_cast<double>(classes);
      double total = 0;
      long double own_slope = 0;
      for (std::size_t i = 0; i < classes; ++i) {
        const double missing = margin + z[i] - z[j];
        if (std::ranges::count(own[row], static_cast<std::int64_t>(i)) > 0 || missing <= 0) continue;
        loss += share * std::pow(missing, p);
        gradient[i] += share * p * std::pow(missing, p - 1);
        own_slope += share * p * std::pow(missing, p - 1);
        total += share * p * std::pow(margin + std::abs(z[i]) + std::abs(z[j]), p - 1);
      }
      gradient[j] -= static_cast<double>(own_slope);
      result.magnitudes[row] += total;
    }
    result.losses.push_back(static_cast<double>(loss));
  }
  return result;
}

inline Result margin_ranking(const std::vector<Row>& x, const Row& target, double margin) {
  Result result{{}, std::vector<Row>(2), Row(target.size(), 1.0)};
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double missing = margin - target[i] * (x[0][i] - x[1][i]);
    result.losses.push_back(std::max(0.0, missing));
    result.gradients[0].push_back(missing < 0 ? 0 : -target[i]);
    result.gradients[1].push_back(missing < 0 ? 0 : target[i]);
  }
  return result;
}

inline Result multilabel_soft_margin(const Row& x, const Row& target, std::size_t classes) {
  Result result{Row(x.size() / classes), {Row(x.size())}, Row(x.size() / classes, 1 / static_cast<double>(classes))};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = 1 / (1 + std::exp(-x[i])), share = 1 / static_cast<double>(classes);
    result.losses[i / classes] += share * (std::log1p(std::exp(-x[i])) + (1 - target[i]) * x[i]);
    result.gradients[0][i] = share * (p - target[i]);
  }
  return result;
}

}  // namespace perdita::truth
