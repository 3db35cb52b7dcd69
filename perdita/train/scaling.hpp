// Statistics of the training samples: those that bring inputs and targets to mean 0 and deviation 1, and medians for
// missing values.
#pragma once

#include <vector>

#include "perdita/data/dataset.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::train {

/// Mean and standard deviation of each column; 1 where a column is constant.
struct Scaling {
  Tensor mean, deviation;  ///< float32 [K], or undefined: no scaling
};
/// Of the rows of `values` [N, ...], each taken as one row of numbers. Columns that are marked in `unscaled` get mean 0
/// and deviation 1: a rare 1 among zeros, divided by their deviation, would be an outlier.
Scaling scaling_of(const Array& values, const std::vector<bool>& unscaled = {});
/// The median of each column of float32 `values` [N, ...] without NaN, the mean of the middle two of an even number; 0
/// where there are only NaN.
std::vector<float> medians_of(const Array& values);
/// Of the pixels of uint8 images, all together.
data::PixelScale pixel_scale_of(const Array& images);

}  // namespace perdita::train
