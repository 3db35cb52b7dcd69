// Structural similarity of images on tensors.
#include "perdita/functional/similarity.hpp"

namespace perdita::detail {

namespace {

std::vector<Tensor> compute(const SimilarityWindow& window, const Shape& shape, const JointTask& task) {
  const DType dtype = task.inputs[0].dtype();
  std::vector<Tensor> gradients(2);
  visit_floating(dtype, function_name<Ssim>, [&]<class T>() {
    std::array<Tensor, 2> images;
    std::array<T*, 2> slopes{};
    for (std::size_t i = 0; i < 2; ++i) {
      images[i] = task.inputs[i].detach().contiguous().reshape(shape);
      if (!task.wanted[i]) continue;
      gradients[i] = Tensor::empty(task.inputs[i].shape(), dtype);
      slopes[i] = gradients[i].mutable_data<T>();
    }
    kernels::SsimTask<T> all = similarity_task<T>(window, images[0], images[1]);
    all.coefficients = task.coefficients.data(), all.losses = task.losses.data();
    all.input_gradient = slopes[0], all.target_gradient = slopes[1];
    kernels::ssim_loss(all);
  });
  return gradients;
}

/// The losses in float64.
Tensor recorded(const SimilarityWindow& window, const ImageSizes& sizes, std::span<const Tensor> images) {
  const auto scaled = [&](const Tensor& x) { return x.to(DType::float64).reshape(sizes.shape()) * window.scale; };
  const auto [a, b] = recorded_similarity(window, scaled(images[0]), scaled(images[1]));
  const Tensor losses = a + b * (1.0 - a);
  const double positions = static_cast<double>(losses.size(1) * losses.size(2) * losses.size(3));
  return (sum(losses, Dims{1, 2, 3}) / positions).reshape(sizes.losses);
}

}  // namespace

Tensor own_call(const char* function, const Ssim& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  const auto [input, target, sizes] = image_pair(function, x);
  const SimilarityWindow window = similarity_window(function, loss, input);
  return image_loss(
      function, sizes.losses, {input, target}, options,
      [window, shape = sizes.shape()](const JointTask& task) { return compute(window, shape, task); },
      [window, all = sizes](std::span<const Tensor> images) { return recorded(window, all, images); });
}

}  // namespace perdita::detail
