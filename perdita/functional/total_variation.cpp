// Total variation of images on tensors.
#include "perdita/kernels/total_variation.hpp"

#include "perdita/functional/images.hpp"

namespace perdita::detail {

namespace {

kernels::Variation variation_of(VariationNorm norm) {
  switch (norm) {
    case VariationNorm::l1:
      return kernels::Variation::absolute;
    case VariationNorm::squared:
      return kernels::Variation::squared;
    case VariationNorm::isotropic:
      break;
  }
  return kernels::Variation::isotropic;
}

/// The differences of neighbors along a dimension, followed by 0.
Tensor differences(const Tensor& x, int dim) {
  const std::int64_t size = x.size(dim);
  Shape end = x.shape();
  end[dim] = 1;
  return cat({x.slice(dim, 1, size) - x.slice(dim, 0, size - 1), Tensor::zeros(end, x.dtype())}, dim);
}

/// The losses in float64.
Tensor recorded(const ImageSizes& sizes, const TotalVariation& loss, const Tensor& images) {
  const Tensor x = images.to(DType::float64).reshape(sizes.shape());
  const Tensor right = differences(x, 3), below = differences(x, 2);
  const Tensor terms = loss.norm == VariationNorm::l1        ? abs(right) + abs(below)
                       : loss.norm == VariationNorm::squared ? square(right) + square(below)
                                                             : sqrt(square(right) + square(below) + loss.eps);
  return sum(terms, Dims{1, 2, 3}).reshape(sizes.losses);
}

}  // namespace

Tensor own_call(const char* function, const TotalVariation& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  if (!x[0]->defined()) fail<ValueError>("{}: input is not a tensor", function);
  const Tensor& input = *x[0];
  if (!is_floating(input.dtype()))
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  const ImageSizes sizes = image_sizes(function, "input", input);
  if (sizes.height == 0 || sizes.width == 0)
    fail<ShapeError>("{}: input has shape {} (valid: images with pixels)", function, input.shape());
  const auto kernel = [sizes, loss]<class T>(const T* images, const JointOutputs<T>& out) {
    kernels::total_variation_loss(kernels::TotalVariationTask<T>{.input = images,
                                                                 .images = sizes.images,
                                                                 .channels = sizes.channels,
                                                                 .height = sizes.height,
                                                                 .width = sizes.width,
                                                                 .variation = variation_of(loss.norm),
                                                                 .eps = loss.eps,
                                                                 .coefficients = out.coefficients,
                                                                 .losses = out.losses,
                                                                 .gradient = out.gradient});
  };
  return image_loss(
      function, sizes.losses, {input}, options, [kernel](const JointTask& task) { return run_kernel(task, kernel); },
      [sizes, loss](std::span<const Tensor> images) { return recorded(sizes, loss, images[0]); });
}

}  // namespace perdita::detail
