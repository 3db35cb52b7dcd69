// Dataset: inputs and what is to be predicted from them, sample by sample.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita::data {

/// What the targets are: numbers, 0 and 1, or class indices.
enum class Task { regression, binary, multiclass };

/// "regression", "binary", "multiclass".
std::string_view name_of(Task task);

/// What a uint8 pixel x becomes when a loader makes it a float: (x / 255 - mean) / deviation.
struct PixelScale {
  double mean = 0;
  double deviation = 1;
};

/// A value: copies share the memory of the arrays.
struct Dataset {
  std::string name;
  Array inputs;   ///< [N, ...]; uint8 means images, which stay small until a loader makes floats of them
  Array targets;  ///< classes: int64 [N]; regression: float32 or float64, [N] or [N, K]
  Task task = Task::regression;
  std::vector<std::string> class_names;  ///< one for each class; empty for regression
  PixelScale pixels;
  std::vector<std::int64_t> rows;  ///< where each sample stood in its source; empty: where it stands here

  /// Takes integer targets [N] or [N, 1] for classes (two: binary), floating ones for regression. Without class names
  /// there are as many classes as the largest target says (at least 2), named by their numbers.
  /// Throws ShapeError when the numbers of samples differ or there are none, DTypeError for targets of another kind,
  /// IndexError for a class out of range, ValueError for a target that is NaN or infinite.
  static Dataset of(Array inputs, Array targets, std::vector<std::string> class_names = {});
  static Dataset of(const Tensor& inputs, const Tensor& targets, std::vector<std::string> class_names = {});

  /// Number of samples, and of classes.
  std::int64_t size() const { return inputs.shape[0]; }
  std::int64_t num_classes() const { return static_cast<std::int64_t>(class_names.size()); }
  /// The shape of one sample: [] for inputs [N].
  Shape sample_shape() const;
  /// The class of each sample. Throws DTypeError for regression.
  std::span<const std::int64_t> labels() const {
    return {targets.data<std::int64_t>(), static_cast<std::size_t>(size())};
  }
  /// How many samples each class has; empty for regression.
  std::vector<std::int64_t> class_counts() const;

  /// The same memory with samples of rank 1, as a linear layer takes them.
  Dataset flatten() const;
  /// Copies of these samples, in this order. Throws IndexError.
  Dataset select(std::span<const std::int64_t> samples) const;
  /// The same samples for another task: whole-numbered targets become classes, classes become numbers (float32).
  /// Throws ValueError where they cannot.
  Dataset as(Task wanted) const;
};

/// For each sample one over the number of samples of its class: weights for a WeightedRandomSampler that draws every
/// class equally often. Throws ValueError for regression.
std::vector<double> balanced_sample_weights(const Dataset& dataset);

}  // namespace perdita::data
