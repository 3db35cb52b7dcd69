#include "perdita/functional/similarity.hpp"

#include <cmath>
#include <limits>

namespace perdita::detail {

namespace {

std::vector<double> gaussian_window(std::int64_t size, double sigma) {
  std::vector<double> weights;
  for (std::int64_t k = 0; k < size; ++k) {
    const double distance = static_cast<double>(k - size / 2) / sigma;
    weights.push_back(std::exp(-0.5 * distance * distance));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// The size of a dimension that is halved some times, rounded up.
std::int64_t halved(std::int64_t size, int times) {
  for (int i = 0; i < times; ++i) size = (size + 1) / 2;
  return size;
}

void check_window(const char* function, const Ssim& loss, const Tensor& input, int smaller) {
  if (loss.window % 2 == 0) fail<ValueError>("{}: window is {} (valid: odd numbers)", function, loss.window);
  const bool reflects = loss.padding == ImagePadding::reflect;
  const std::int64_t least = reflects ? loss.window / 2 + 1 : loss.window;
  const std::int64_t shorter = halved(std::min(input.size(-2), input.size(-1)), smaller);
  if (shorter >= least) return;
  const std::int64_t largest = reflects ? 2 * shorter - 1 : shorter - 1 + shorter % 2;
  const std::string other = smaller == 0 ? "" : ", or fewer scales";
  fail<ShapeError>(
      "{}: input has shape {}, which is too small for a window of {} with padding={}{} (valid: at least {} in "
      "height and width{}{})",
      function, input.shape(), loss.window, reflects ? "reflect" : "valid",
      smaller == 0 ? "" : fmt::format(" after it is halved {} times", smaller), (least - 1) * (1LL << smaller) + 1,
      largest > 0 ? fmt::format(", or window={}", largest) : "", other);
}

/// The image extended along a dimension by its reflection.
Tensor reflected(const Tensor& x, int dim, std::int64_t padding) {
  const std::int64_t size = x.size(dim);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = -padding; i < size + padding; ++i) {
    const std::int64_t at = std::abs(i);
    indices.push_back(at < size ? at : 2 * (size - 1) - at);
  }
  return index_select(x, dim, Tensor::from(indices));
}

/// The central pixel of each channel, or 0 where it is not finite.
Tensor center_of(const Tensor& x) {
  const std::int64_t row = x.size(2) / 2, column = x.size(3) / 2;
  const Tensor pixel = x.slice(2, row, row + 1).slice(3, column, column + 1);
  return select(abs(pixel) < std::numeric_limits<double>::infinity(), pixel, 0.0);
}

struct RecordedMoments {
  Tensor mean, variance;
};

/// Of windows along a dimension of numbers that have means and variances (undefined: 0) themselves.
RecordedMoments moments_along(const RecordedMoments& of, int dim, const std::vector<double>& window) {
  const std::int64_t count = of.mean.size(dim) - std::ssize(window) + 1;
  const auto sum_of = [&](const auto& term) {
    Tensor total;
    for (std::int64_t k = 0; k < std::ssize(window); ++k) {
      const Tensor next = window[static_cast<std::size_t>(k)] * term(k);
      total = total.defined() ? total + next : next;
    }
    return total;
  };
  const Tensor mean = sum_of([&](std::int64_t k) { return of.mean.slice(dim, k, k + count); });
  return {.mean = mean, .variance = sum_of([&](std::int64_t k) {
                          const Tensor square_of_difference = square(of.mean.slice(dim, k, k + count) - mean);
                          return of.variance.defined() ? of.variance.slice(dim, k, k + count) + square_of_difference
                                                       : square_of_difference;
                        })};
}

}  // namespace

ImagePair image_pair(const char* function, GivenTensors x) {
  const DType dtype = loss_dtype(function, *x[0], *x[1]);
  const ImagePair pair{.input = loss_operand(function, "input", *x[0], dtype),
                       .target = loss_operand(function, "target", *x[1], dtype),
                       .sizes = image_sizes(function, "input", *x[0])};
  if (pair.target.shape() != pair.input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, pair.target.shape(),
                     pair.input.shape());
  }
  return pair;
}

SimilarityWindow similarity_window(const char* function, const Ssim& loss, const Tensor& input, int smaller) {
  check_window(function, loss, input, smaller);
  // A power of two, so that the scaled images are exact and their squares do not overflow.
  const double scale = std::ldexp(1.0, std::min(-std::ilogb(loss.data_range), 1023)), range = scale * loss.data_range;
  // Above 0: black or flat images make quotients of zeros otherwise.
  const auto stabilizer = [&](double k) {
    return std::max(std::pow(k * range, 2), std::numeric_limits<double>::min());
  };
  return {.weights = gaussian_window(loss.window, loss.sigma),
          .padding = loss.padding == ImagePadding::reflect ? loss.window / 2 : 0,
          .scale = scale,
          .c1 = stabilizer(loss.k1),
          .c2 = stabilizer(loss.k2)};
}

RecordedSimilarity recorded_similarity(const SimilarityWindow& window, const Tensor& x, const Tensor& y) {
  const auto moments_of = [&](const Tensor& signal) {
    Tensor values = signal;
    if (window.padding > 0) values = reflected(reflected(signal, 2, window.padding), 3, window.padding);
    return moments_along(moments_along({.mean = values, .variance = {}}, 3, window.weights), 2, window.weights);
  };
  const Tensor brightness = center_of((x + y).detach());
  const RecordedMoments s = moments_of(x + y - brightness), d = moments_of(x - y);
  return {.means = 2.0 * square(d.mean) / (square(s.mean + brightness) + square(d.mean) + 2.0 * window.c1),
          .structure = 2.0 * d.variance / (s.variance + d.variance + 2.0 * window.c2)};
}

}  // namespace perdita::detail
