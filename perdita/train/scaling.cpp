#include "perdita/train/scaling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace perdita::train {

Scaling scaling_of(const Array& values, const std::vector<bool>& unscaled) {
  const std::int64_t rows = values.shape[0], columns = rows == 0 ? 0 : values.size() / rows;
  const auto k = static_cast<std::size_t>(columns);
  std::vector<double> mean(k), deviation(k);
  visit_floating(values.dtype, "scaling_of", [&]<class T>() {
    const T* x = values.data<T>();
    const auto each = [&](auto&& visit) {
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < k; ++j) visit(j, static_cast<double>(x[static_cast<std::size_t>(i) * k + j]));
      }
    };
    const double n = static_cast<double>(rows);
    each([&](std::size_t j, double v) { mean[j] += v / n; });
    // A second pass: the difference of squares would lose columns that are far from zero.
    each([&](std::size_t j, double v) { deviation[j] += (v - mean[j]) * (v - mean[j]) / n; });
  });
  std::vector<float> means, deviations;
  for (std::size_t j = 0; j < k; ++j) {
    if (j < unscaled.size() && unscaled[j]) {
      means.push_back(0);
      deviations.push_back(1);
      continue;
    }
    const double d = std::sqrt(deviation[j]);
    const bool constant = !(d > 1e-12 * std::abs(mean[j])) || !(static_cast<float>(d) > 0.0f);
    means.push_back(static_cast<float>(mean[j]));
    deviations.push_back(constant ? 1.0f : static_cast<float>(d));
  }
  return {Tensor::from(means), Tensor::from(deviations)};
}

std::vector<float> medians_of(const Array& values) {
  const std::int64_t rows = values.shape[0], columns = rows == 0 ? 0 : values.size() / rows;
  const float* const x = values.data<float>();
  std::vector<float> medians, column;
  for (std::int64_t j = 0; j < columns; ++j) {
    column.clear();
    for (std::int64_t i = 0; i < rows; ++i) {
      if (const float value = x[i * columns + j]; !std::isnan(value)) column.push_back(value);
    }
    if (column.empty()) {
      medians.push_back(0);
      continue;
    }
    const auto middle = column.begin() + static_cast<std::ptrdiff_t>(column.size() / 2);
    std::nth_element(column.begin(), middle, column.end());
    const float lower = column.size() % 2 == 1 ? *middle : *std::max_element(column.begin(), middle);
    medians.push_back(lower + (*middle - lower) / 2);
  }
  return medians;
}

data::PixelScale pixel_scale_of(const Array& images) {
  std::array<std::int64_t, 256> counts{};
  const std::uint8_t* pixels = images.data<std::uint8_t>();
  for (std::int64_t i = 0; i < images.size(); ++i) ++counts[pixels[i]];
  const auto mean_of = [&](auto&& f) {
    double sum = 0;
    for (std::size_t v = 0; v < 256; ++v) sum += static_cast<double>(counts[v]) * f(static_cast<double>(v) / 255);
    return images.size() == 0 ? 0 : sum / static_cast<double>(images.size());
  };
  const double mean = mean_of([](double x) { return x; });
  const double deviation = std::sqrt(mean_of([=](double x) { return (x - mean) * (x - mean); }));
  return {mean, deviation > 0 ? deviation : 1};
}

}  // namespace perdita::train
