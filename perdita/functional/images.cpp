#include "perdita/functional/images.hpp"

namespace perdita::detail {

ImageSizes image_sizes(const char* function, const char* argument, const Tensor& images) {
  const int rank = images.rank();
  if ((rank != 3 && rank != 4) || images.size(-3) == 0) {
    fail<ShapeError>("{}: {} has shape {} (valid: [N, C, H, W] or [C, H, W], with channels)", function, argument,
                     images.shape());
  }
  return {.images = rank == 4 ? images.size(0) : 1,
          .channels = images.size(-3),
          .height = images.size(-2),
          .width = images.size(-1),
          .losses = rank == 4 ? Shape{images.size(0)} : Shape{}};
}

}  // namespace perdita::detail
