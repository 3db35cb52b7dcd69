// Inputs and targets brought to mean 0 and deviation 1.
#pragma once

#include "perdita/data/dataset.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::train {

/// Mean and standard deviation of each column; 1 where a column is constant.
struct Scaling {
  Tensor mean, deviation;  ///< float32 [K], or undefined: no scaling
};
/// Of the rows of `values` [N, ...], each taken as one row of numbers.
Scaling scaling_of(const Array& values);
/// Of the pixels of uint8 images, all together.
data::PixelScale pixel_scale_of(const Array& images);

}  // namespace perdita::train
