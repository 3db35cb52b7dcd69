// Dataset: inputs and targets of samples.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/table_column.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita::data {

/// Type of the targets: numbers, labels 0 and 1, or class indices.
enum class Task { regression, binary, multiclass };

/// "regression", "binary", "multiclass".
std::string_view name_of(Task task);

/// Conversion of a uint8 pixel x to float in the loader: (x / 255 - mean) / deviation.
struct PixelScale {
  double mean = 0;
  double deviation = 1;
};

/// A value: copies share the memory of the arrays.
struct Dataset {
  std::string name;
  Array inputs;   ///< [N, ...]; uint8 for images, which the loader converts to float
  Array targets;  ///< classes: int64 [N]; regression: float32 or float64, [N] or [N, K]
  Task task = Task::regression;
  std::vector<std::string> class_names;  ///< one per class; empty for regression
  PixelScale pixels;
  /// Of a table, whose inputs [N, columns] are NaN where a value is missing; empty: inputs are numbers.
  std::vector<TableColumn> columns;
  std::vector<std::int64_t> rows;  ///< row of each sample in its source; empty: the same as here
  /// Of a table that was read: what is left out, and what may not be intended, one sentence each.
  std::vector<std::string> notes, warnings;

  /// Integer targets [N] or [N, 1] are class indices (two classes: binary), floating targets are for regression.
  /// Without class names, the number of classes is the largest target + 1 (at least 2), and their names are their
  /// indices. Throws ShapeError if the numbers of samples differ or are 0, DTypeError for targets of another dtype,
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

  /// The same memory with samples of rank 1, as required by a linear layer.
  Dataset flatten() const;
  /// Copies of these samples, in this order. Throws IndexError.
  Dataset select(std::span<const std::int64_t> samples) const;
  /// The same samples for another task: integer-valued targets become classes, classes become numbers (float32).
  /// Throws ValueError if the conversion is not possible.
  Dataset as(Task wanted) const;
};

/// For each sample 1 / (number of samples of its class): weights with which WeightedRandomSampler draws all classes
/// equally often. Throws ValueError for regression.
std::vector<double> balanced_sample_weights(const Dataset& dataset);

}  // namespace perdita::data
