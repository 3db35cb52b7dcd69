// Structural similarity of images on tensors.
#include <cmath>
#include <limits>

#include "perdita/functional/images.hpp"
#include "perdita/kernels/structural_similarity.hpp"

namespace perdita::detail {

namespace {

/// What losses depend on, apart from the images.
struct SsimCall {
  ImageSizes sizes;
  std::vector<double> window;
  std::int64_t padding;
  double scale, c1, c2;  ///< see kernels::SsimTask
};

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

void check_window(const char* function, const Ssim& loss, const Tensor& input) {
  if (loss.window % 2 == 0) fail<ValueError>("{}: window is {} (valid: odd numbers)", function, loss.window);
  const bool reflects = loss.padding == ImagePadding::reflect;
  const std::int64_t least = reflects ? loss.window / 2 + 1 : loss.window;
  const std::int64_t shorter = std::min(input.size(-2), input.size(-1));
  if (shorter >= least) return;
  const std::int64_t largest = reflects ? 2 * shorter - 1 : shorter - 1 + shorter % 2;
  fail<ShapeError>(
      "{}: input has shape {}, which is too small for a window of {} with padding={} (valid: at least {} in "
      "height and width{})",
      function, input.shape(), loss.window, reflects ? "reflect" : "valid", least,
      largest > 0 ? fmt::format(", or window={}", largest) : "");
}

SsimCall ssim_call(const char* function, const Ssim& loss, const Tensor& input, const Tensor& target) {
  const ImageSizes sizes = image_sizes(function, "input", input);
  if (target.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
  check_window(function, loss, input);
  // A power of two, so that the scaled images are exact and their squares do not overflow.
  const double scale = std::ldexp(1.0, std::min(-std::ilogb(loss.data_range), 1023)), range = scale * loss.data_range;
  // Above 0: black or flat images make quotients of zeros otherwise.
  const auto stabilizer = [&](double k) {
    return std::max(std::pow(k * range, 2), std::numeric_limits<double>::min());
  };
  return {.sizes = sizes,
          .window = gaussian_window(loss.window, loss.sigma),
          .padding = loss.padding == ImagePadding::reflect ? loss.window / 2 : 0,
          .scale = scale,
          .c1 = stabilizer(loss.k1),
          .c2 = stabilizer(loss.k2)};
}

std::vector<Tensor> compute(const SsimCall& call, const JointTask& task) {
  const DType dtype = task.inputs[0].dtype();
  std::vector<Tensor> gradients(2);
  visit_floating(dtype, function_name<Ssim>, [&]<class T>() {
    std::array<Tensor, 2> images;
    std::array<T*, 2> slopes{};
    for (std::size_t i = 0; i < 2; ++i) {
      images[i] = task.inputs[i].detach().contiguous();
      if (!task.wanted[i]) continue;
      gradients[i] = Tensor::empty(images[i].shape(), dtype);
      slopes[i] = gradients[i].mutable_data<T>();
    }
    kernels::ssim_loss(kernels::SsimTask<T>{.input = images[0].data<T>(),
                                            .target = images[1].data<T>(),
                                            .images = call.sizes.images,
                                            .channels = call.sizes.channels,
                                            .height = call.sizes.height,
                                            .width = call.sizes.width,
                                            .window = call.window,
                                            .padding = call.padding,
                                            .scale = call.scale,
                                            .c1 = call.c1,
                                            .c2 = call.c2,
                                            .coefficients = task.coefficients.data(),
                                            .losses = task.losses.data(),
                                            .input_gradient = slopes[0],
                                            .target_gradient = slopes[1]});
  });
  return gradients;
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

/// The losses in float64, by the form of kernels/structural_similarity.hpp.
Tensor recorded(const SsimCall& call, std::span<const Tensor> images) {
  const Shape shape = call.sizes.shape();
  const Tensor x = images[0].to(DType::float64).reshape(shape) * call.scale;
  const Tensor y = images[1].to(DType::float64).reshape(shape) * call.scale;
  const auto moments_of = [&](const Tensor& signal) {
    Tensor values = signal;
    if (call.padding > 0) values = reflected(reflected(signal, 2, call.padding), 3, call.padding);
    return moments_along(moments_along({.mean = values, .variance = {}}, 3, call.window), 2, call.window);
  };
  const Tensor brightness = center_of((x + y).detach());
  const RecordedMoments s = moments_of(x + y - brightness), d = moments_of(x - y);
  const Tensor a = 2.0 * square(d.mean) / (square(s.mean + brightness) + square(d.mean) + 2.0 * call.c1);
  const Tensor b = 2.0 * d.variance / (s.variance + d.variance + 2.0 * call.c2);
  const Tensor losses = a + b * (1.0 - a);
  const double positions = static_cast<double>(losses.size(1) * losses.size(2) * losses.size(3));
  return (sum(losses, Dims{1, 2, 3}) / positions).reshape(call.sizes.losses);
}

}  // namespace

Tensor own_call(const char* function, const Ssim& loss, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[1]);
  const Tensor input = loss_operand(function, "input", *x[0], dtype),
               target = loss_operand(function, "target", *x[1], dtype);
  const SsimCall call = ssim_call(function, loss, input, target);
  return image_loss(
      function, call.sizes.losses, {input, target}, options,
      [call](const JointTask& task) { return compute(call, task); },
      [call](std::span<const Tensor> images) { return recorded(call, images); });
}

}  // namespace perdita::detail
