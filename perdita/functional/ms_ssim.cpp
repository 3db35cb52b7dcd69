// Structural similarity of images at several scales. Each channel is compared by itself: its loss is
// 1 - prod_j (1 - d_j)^{w_j}, where d_j is 1 minus the average of scale j.
#include <cmath>

#include "perdita/core/parallel.hpp"
#include "perdita/functional/similarity.hpp"

namespace perdita::detail {

namespace {

struct Call {
  MsSsim loss;
  SimilarityWindow window;
  ImageSizes sizes;

  std::int64_t planes() const { return sizes.images * sizes.channels; }
};

/// Planes of float64, [N C, 1, H, W], and their gradients.
struct Scale {
  std::array<Tensor, 2> images, gradients;
  std::vector<double> losses;  // d_j
};

/// The four pixels of a plane that one of the halved plane averages: at the edge of an odd size, its last twice.
struct Pixels {
  std::int64_t height, width;

  std::array<std::int64_t, 4> of(std::int64_t row, std::int64_t column) const {
    const std::int64_t top = 2 * row * width, bottom = std::min(2 * row + 1, height - 1) * width;
    const std::int64_t left = 2 * column, right = std::min(2 * column + 1, width - 1);
    return {top + left, top + right, bottom + left, bottom + right};
  }
};

/// visit(plane, its pixels, index in the halved plane)
template <class Visit>
void each_halved_pixel(const Tensor& whole, const Visit& visit) {
  const Pixels pixels{whole.size(2), whole.size(3)};
  const std::int64_t height = (pixels.height + 1) / 2, width = (pixels.width + 1) / 2;
  perdita::parallel_for(whole.size(0), [&](std::int64_t plane) {
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column)
        visit(plane, pixels.of(row, column), row * width + column);
  });
}

Tensor halved(const Tensor& x) {
  const Tensor half = Tensor::empty({x.size(0), 1, (x.size(2) + 1) / 2, (x.size(3) + 1) / 2}, DType::float64);
  const double* const from = x.data<double>();
  double* const to = half.mutable_data<double>();
  const std::int64_t of_plane = x.size(2) * x.size(3), of_half = half.size(2) * half.size(3);
  each_halved_pixel(x, [&](std::int64_t plane, const std::array<std::int64_t, 4>& pixels, std::int64_t i) {
    double total = 0;
    for (const std::int64_t pixel : pixels) total += from[plane * of_plane + pixel];
    to[plane * of_half + i] = total / 4;
  });
  return half;
}

/// Adds the gradient with respect to halved planes to that with respect to the whole ones.
void add_of_halved(const Tensor& gradient, const Tensor& of_half) {
  double* const to = gradient.mutable_data<double>();
  const double* const from = of_half.data<double>();
  const std::int64_t of_plane = gradient.size(2) * gradient.size(3), half = of_half.size(2) * of_half.size(3);
  each_halved_pixel(gradient, [&](std::int64_t plane, const std::array<std::int64_t, 4>& pixels, std::int64_t i) {
    for (const std::int64_t pixel : pixels) to[plane * of_plane + pixel] += from[plane * half + i] / 4;
  });
}

std::vector<Scale> scales_of(const Call& call, const JointTask& task) {
  std::vector<Scale> scales;
  const auto planes = static_cast<std::size_t>(call.planes());
  const std::vector<double> ones(planes, 1.0);
  for (std::int64_t j = 0; j < call.loss.scales; ++j) {
    Scale scale{.images = {}, .gradients = {}, .losses = std::vector<double>(planes)};
    for (std::size_t i = 0; i < 2; ++i) {
      scale.images[i] = j > 0 ? halved(scales.back().images[i])
                              : task.inputs[i]
                                    .detach()
                                    .to(DType::float64)
                                    .contiguous()
                                    .reshape({call.planes(), 1, call.sizes.height, call.sizes.width});
      if (task.wanted[i]) scale.gradients[i] = Tensor::empty(scale.images[i].shape(), DType::float64);
    }
    kernels::SsimTask<double> of_planes = similarity_task<double>(call.window, scale.images[0], scale.images[1]);
    of_planes.structure_only = j + 1 < call.loss.scales;
    of_planes.coefficients = ones.data(), of_planes.losses = scale.losses.data();
    if (task.wanted[0]) of_planes.input_gradient = scale.gradients[0].mutable_data<double>();
    if (task.wanted[1]) of_planes.target_gradient = scale.gradients[1].mutable_data<double>();
    kernels::ssim_loss(of_planes);
    scales.push_back(std::move(scale));
  }
  return scales;
}

/// The loss of a channel, and its derivatives with respect to d_j.
struct ChannelLoss {
  double loss;
  std::vector<double> slopes;
};
ChannelLoss loss_of_channel(const Call& call, const std::vector<Scale>& scales, std::size_t plane) {
  std::vector<double> d;
  double log_product = 0;
  for (const Scale& scale : scales) d.push_back(scale.losses[plane]);
  const bool has_nan = std::any_of(d.begin(), d.end(), [](double x) { return std::isnan(x); });
  if (!has_nan && *std::max_element(d.begin(), d.end()) >= 1) return {1.0, std::vector<double>(d.size(), 0.0)};
  for (std::size_t j = 0; j < d.size(); ++j)
    log_product += call.loss.weight_of(static_cast<std::int64_t>(j)) * std::log1p(-d[j]);
  ChannelLoss result{-std::expm1(log_product), {}};
  for (std::size_t j = 0; j < d.size(); ++j)
    result.slopes.push_back(call.loss.weight_of(static_cast<std::int64_t>(j)) / (1 - d[j]) * std::exp(log_product));
  return result;
}

void multiply_planes(const Tensor& gradient, const std::vector<double>& factors) {
  const std::int64_t of_plane = gradient.size(2) * gradient.size(3);
  double* const all = gradient.mutable_data<double>();
  perdita::parallel_for(gradient.size(0), [&](std::int64_t plane) {
    const double factor = factors[static_cast<std::size_t>(plane)];
    for (std::int64_t i = plane * of_plane; i < (plane + 1) * of_plane; ++i)
      all[i] = factor == 0 ? 0.0 : factor * all[i];
  });
}

std::vector<Tensor> compute(const Call& call, const JointTask& task) {
  std::vector<Scale> scales = scales_of(call, task);
  const auto channels = static_cast<std::size_t>(call.sizes.channels);
  std::vector<std::vector<double>> factors(scales.size());  // of the gradients of planes, for each scale
  std::fill(task.losses.begin(), task.losses.end(), 0.0);
  for (std::size_t plane = 0; plane < static_cast<std::size_t>(call.planes()); ++plane) {
    const ChannelLoss of_channel = loss_of_channel(call, scales, plane);
    const double share = 1 / static_cast<double>(channels);
    task.losses[plane / channels] += share * of_channel.loss;
    for (std::size_t j = 0; j < scales.size(); ++j)
      factors[j].push_back(task.coefficients[plane / channels] * share * of_channel.slopes[j]);
  }
  std::vector<Tensor> gradients(2);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!task.wanted[i]) continue;
    for (std::size_t j = scales.size(); j-- > 0;) {
      multiply_planes(scales[j].gradients[i], factors[j]);
      if (j + 1 < scales.size()) add_of_halved(scales[j].gradients[i], scales[j + 1].gradients[i]);
    }
    gradients[i] = scales[0].gradients[i].reshape(task.inputs[i].shape()).to(task.inputs[i].dtype());
  }
  return gradients;
}

/// Halved along a dimension, by recorded operators.
Tensor halved_along(const Tensor& x, int dim) {
  const std::int64_t size = x.size(dim);
  std::vector<std::int64_t> even, odd;
  for (std::int64_t i = 0; i < size; i += 2) even.push_back(i), odd.push_back(std::min(i + 1, size - 1));
  return (index_select(x, dim, Tensor::from(even)) + index_select(x, dim, Tensor::from(odd))) / 2.0;
}

/// The losses in float64.
Tensor recorded(const Call& call, std::span<const Tensor> images) {
  const auto scaled = [&](const Tensor& x) {
    return x.to(DType::float64).reshape({call.planes(), 1, call.sizes.height, call.sizes.width}) * call.window.scale;
  };
  Tensor x = scaled(images[0]), y = scaled(images[1]), log_product, is_not_positive;
  for (std::int64_t j = 0; j < call.loss.scales; ++j) {
    if (j > 0) x = halved_along(halved_along(x, 2), 3), y = halved_along(halved_along(y, 2), 3);
    const auto [a, b] = recorded_similarity(call.window, x, y);
    const Tensor losses = j + 1 < call.loss.scales ? b : a + b * (1.0 - a);
    const Tensor d = sum(losses, Dims{1, 2, 3}) / static_cast<double>(losses.size(2) * losses.size(3));
    const Tensor is_one = (d.detach() >= 1.0).to(DType::float64);
    const Tensor term = call.loss.weight_of(j) * log1p(-select(is_one != 0.0, 0.0, d));
    log_product = j == 0 ? term : log_product + term;
    is_not_positive = j == 0 ? is_one : is_not_positive + is_one;
  }
  const Tensor one = 1.0 + 0.0 * log_product.detach();  // or NaN
  const Tensor of_channels = select(is_not_positive != 0.0, one, -expm1(log_product));
  return mean(of_channels.reshape({call.sizes.images, call.sizes.channels}), 1).reshape(call.sizes.losses);
}

}  // namespace

Tensor own_call(const char* function, const MsSsim& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  const auto [input, target, sizes] = image_pair(function, x);
  const Call call{loss, similarity_window(function, loss.at_one_scale(), input, static_cast<int>(loss.scales) - 1),
                  sizes};
  return image_loss(
      function, sizes.losses, {input, target}, options, [call](const JointTask& task) { return compute(call, task); },
      [call](std::span<const Tensor> images) { return recorded(call, images); });
}

}  // namespace perdita::detail
