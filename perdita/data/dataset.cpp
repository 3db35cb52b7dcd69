#include "perdita/data/dataset.hpp"

#include <algorithm>
#include <cmath>

#include "perdita/data/gather.hpp"

namespace perdita::data {

std::string_view name_of(Task task) {
  switch (task) {
    case Task::regression:
      return "regression";
    case Task::binary:
      return "binary";
    case Task::multiclass:
      return "multiclass";
  }
  return "unknown";
}

namespace {

Task task_of(std::int64_t num_classes) { return num_classes == 2 ? Task::binary : Task::multiclass; }

/// Classes as int64 [N].
Array as_classes(const Array& targets) {
  const Shape& shape = targets.shape;
  if (shape.rank() > 2 || (shape.rank() == 2 && shape[1] != 1)) {
    fail<ShapeError>(
        "Dataset: integer targets are classes, but have shape {} (valid: [N]; several targets for each row, such as 0 "
        "and 1 of several labels, are converted to float)",
        shape);
  }
  Array classes = targets;
  if (targets.dtype != DType::int64) {
    classes = Array::empty({shape[0]}, DType::int64);
    visit_dtype(targets.dtype, [&]<class T>() {
      std::transform(targets.data<T>(), targets.data<T>() + shape[0], classes.data<std::int64_t>(),
                     [](T x) { return static_cast<std::int64_t>(x); });
    });
  }
  classes.shape = {shape[0]};
  return classes;
}

void name_and_check_classes(Dataset& dataset) {
  const std::span classes(dataset.targets.data<std::int64_t>(), static_cast<std::size_t>(dataset.size()));
  constexpr std::int64_t most_classes = 1'000'000;
  const bool named = !dataset.class_names.empty();
  const std::int64_t valid = named ? dataset.num_classes() : most_classes;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] >= 0 && classes[i] < valid) continue;
    fail<IndexError>("Dataset: target[{}] is class {} (valid: 0..{})", i, classes[i], valid - 1);
  }
  if (named) return;
  const std::int64_t largest = std::max<std::int64_t>(std::ranges::max(classes), 1);
  for (std::int64_t i = 0; i <= largest; ++i) dataset.class_names.push_back(fmt::format("{}", i));
}

void check_finite(const Array& targets) {
  const std::int64_t columns = targets.shape.rank() == 2 ? targets.shape[1] : 1;
  visit_floating(targets.dtype, "Dataset", [&]<class T>() {
    const T* begin = targets.data<T>();
    const T* end = begin + targets.size();
    const T* bad = std::find_if(begin, end, [](T x) { return !std::isfinite(x); });
    if (bad != end) {
      fail<ValueError>("Dataset: target[{}] is {} (valid: finite numbers)", (bad - begin) / columns, *bad);
    }
  });
}

}  // namespace

Dataset Dataset::of(Array inputs, Array targets, std::vector<std::string> class_names) {
  if (inputs.shape.rank() == 0 || targets.shape.rank() == 0 || inputs.shape[0] != targets.shape[0]) {
    fail<ShapeError>("Dataset: inputs have shape {} and targets {} (valid: [N, ...] and [N, ...] with the same N)",
                     inputs.shape, targets.shape);
  }
  if (inputs.shape[0] == 0)
    fail<ShapeError>("Dataset: there are no samples, because the inputs have shape {}", inputs.shape);
  Dataset dataset;
  dataset.inputs = std::move(inputs);
  if (is_floating(targets.dtype)) {
    if (!class_names.empty()) {
      fail<DTypeError>("Dataset: class names with {} targets (valid: integer targets)",
                       perdita::name_of(targets.dtype));
    }
    if (targets.shape.rank() > 2)
      fail<ShapeError>("Dataset: targets have shape {} (valid: [N], [N, K])", targets.shape);
    check_finite(targets);
    dataset.targets = std::move(targets);
  } else {
    dataset.targets = as_classes(targets);
    dataset.class_names = std::move(class_names);
    name_and_check_classes(dataset);
    dataset.task = task_of(dataset.num_classes());
  }
  return dataset;
}

Dataset Dataset::of(const Tensor& inputs, const Tensor& targets, std::vector<std::string> class_names) {
  return of(inputs.to_array(), targets.to_array(), std::move(class_names));
}

Shape Dataset::sample_shape() const {
  Shape shape = inputs.shape;
  shape.erase(0);
  return shape;
}

std::vector<std::int64_t> Dataset::class_counts() const {
  std::vector<std::int64_t> counts(class_names.size());
  if (task == Task::regression) return counts;
  const std::int64_t* classes = targets.data<std::int64_t>();
  for (std::int64_t i = 0; i < size(); ++i) ++counts[static_cast<std::size_t>(classes[i])];
  return counts;
}

Dataset Dataset::flatten() const {
  Dataset flat = *this;
  flat.inputs.shape = {size(), numel(sample_shape())};
  return flat;
}

Dataset Dataset::select(std::span<const std::int64_t> samples) const {
  detail::check_rows(samples, size(), "Dataset::select");
  Dataset chosen = *this;
  const auto count = static_cast<std::int64_t>(samples.size());
  chosen.inputs = detail::empty_rows(inputs, count, inputs.dtype);
  chosen.targets = detail::empty_rows(targets, count, targets.dtype);
  detail::gather_rows(inputs, samples, chosen.inputs);
  detail::gather_rows(targets, samples, chosen.targets);
  chosen.rows.assign(samples.begin(), samples.end());
  if (!rows.empty()) {
    for (std::int64_t& row : chosen.rows) row = rows[static_cast<std::size_t>(row)];
  }
  return chosen;
}

Dataset Dataset::as(Task wanted) const {
  if (wanted == task) return *this;
  Dataset other = *this;
  other.task = wanted;
  if (wanted == Task::regression) {
    other.class_names.clear();
    other.targets = Array::empty({size()}, DType::float32);
    const std::int64_t* classes = targets.data<std::int64_t>();
    std::transform(classes, classes + size(), other.targets.data<float>(),
                   [](std::int64_t x) { return static_cast<float>(x); });
    return other;
  }
  if (task == Task::regression) {
    visit_floating(targets.dtype, "Dataset::as", [&]<class T>() {
      const T* begin = targets.data<T>();
      const T* end = begin + targets.size();
      const T* bad = std::find_if(begin, end, [](T x) { return !(x >= 0 && x < T(1e6) && x == std::floor(x)); });
      if (bad != end) {
        fail<ValueError>("Dataset::as: target[{}] is {}, which is not a class index (valid: integers 0..999999)",
                         bad - begin, *bad);
      }
    });
    other.targets = as_classes(targets);
    name_and_check_classes(other);
  }
  if (wanted == Task::binary && other.num_classes() != 2) {
    fail<ValueError>("Dataset::as: the data have {} classes (valid for a binary task: 2)", other.num_classes());
  }
  return other;
}

std::vector<double> balanced_sample_weights(const Dataset& dataset) {
  if (dataset.task == Task::regression) {
    fail<ValueError>("balanced_sample_weights: the targets are numbers (valid: classes)");
  }
  const std::vector<std::int64_t> counts = dataset.class_counts();
  const std::int64_t* classes = dataset.targets.data<std::int64_t>();
  std::vector<double> weights(static_cast<std::size_t>(dataset.size()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = 1.0 / static_cast<double>(counts[static_cast<std::size_t>(classes[i])]);
  }
  return weights;
}

}  // namespace perdita::data
