// The similarity of images in windows: common parts of ssim and ms_ssim.
#pragma once

#include <span>
#include <vector>

#include "perdita/functional/images.hpp"
#include "perdita/kernels/structural_similarity.hpp"

namespace perdita::detail {

/// What the similarity depends on, apart from the images.
struct SimilarityWindow {
  std::vector<double> weights;
  std::int64_t padding;
  double scale, c1, c2;  ///< see kernels::SsimTask
};

/// smaller: how often images are halved before the window is applied. Throws ValueError for an even window, ShapeError
/// for images that are smaller than the window.
SimilarityWindow similarity_window(const char* function, const Ssim& loss, const Tensor& input, int smaller = 0);

/// Two images of one dtype.
struct ImagePair {
  Tensor input, target;
  ImageSizes sizes;
};
/// Throws ShapeError unless both are images of one shape, DTypeError.
ImagePair image_pair(const char* function, GivenTensors x);

/// The two images [N, C, H, W] (dense, of one dtype) as the task of the kernel, without coefficients and results.
template <class T>
kernels::SsimTask<T> similarity_task(const SimilarityWindow& window, const Tensor& input, const Tensor& target) {
  return {.input = input.data<T>(),
          .target = target.data<T>(),
          .images = input.size(0),
          .channels = input.size(1),
          .height = input.size(2),
          .width = input.size(3),
          .window = window.weights,
          .padding = window.padding,
          .scale = window.scale,
          .c1 = window.c1,
          .c2 = window.c2,
          .coefficients = nullptr,
          .losses = nullptr};
}

/// By recorded operators, in the form of kernels/structural_similarity.hpp: the similarity of a position is
/// (1 - means) (1 - structure). x, y: scaled images [N, C, H, W], float64.
struct RecordedSimilarity {
  Tensor means, structure;
};
RecordedSimilarity recorded_similarity(const SimilarityWindow& window, const Tensor& x, const Tensor& y);

}  // namespace perdita::detail
