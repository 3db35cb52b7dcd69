// Losses of classes on spans: rows of logits in one span; the value is returned, the gradient written.
//
//     std::span<const float> logits;          // rows x classes
//     std::span<const std::int64_t> labels;   // one per row
//     double v = value_and_gradient(CrossEntropy{}, logits, labels, gradient);
#pragma once

#include "perdita/kernels/labels.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/parameter_range.hpp"
#include "perdita/losses/span/elements.hpp"

namespace perdita {

/// A loss of rows of logits, or of log-probabilities (Nll).
template <class Loss>
concept LossOfClasses = ListedClassRows<Loss>;

namespace detail {

template <class Loss, class T>
double classes_over_spans(const Loss& loss, kernels::SoftmaxTask<T> task, std::size_t rows, std::span<const T> logits,
                          std::span<T> gradient, Reduction reduction) {
  check_parameters(loss);
  check_range<T>("value_and_gradient", loss);
  if (gradient.size() != logits.size()) {
    fail<ShapeError>("value_and_gradient: gradient has {} elements (valid: {}, the number of logits)", gradient.size(),
                     logits.size());
  }
  check_overlap("value_and_gradient", gradient, "gradient", logits, "logits", false);
  const double divisor = denominator("value_and_gradient", reduction, rows);
  task.logits = logits.data();
  task.gradient = gradient.data();
  task.scale = 1 / divisor;
  return kernels::class_rows_loss(loss, task) / divisor;
}

}  // namespace detail

/// The reduced loss of rows of logits with a class index each, and its derivative with respect to each logit. The
/// number of classes is logits.size() / labels.size(). Throws ShapeError; IndexError for a label that is not a class;
/// ValueError for a gradient that overlaps the logits.
template <LossOfClasses Loss, class T>
double value_and_gradient(const Loss& loss, std::span<const T> logits, std::span<const std::int64_t> labels,
                          std::span<T> gradient, Reduction reduction = Reduction::mean) {
  const std::size_t rows = labels.size(), classes = rows == 0 ? 0 : logits.size() / rows;
  if (logits.size() != rows * classes || (rows > 0 && classes == 0)) {
    fail<ShapeError>(
        "value_and_gradient: logits has {} elements, but there are {} labels (valid: a multiple of the number of "
        "labels)",
        logits.size(), rows);
  }
  const auto count = static_cast<std::int64_t>(rows), width = static_cast<std::int64_t>(classes);
  const kernels::Labels read = kernels::read_labels<T>("value_and_gradient", DType::int64, labels.data(), count, width,
                                                       kernels::no_ignore_index, nullptr);
  const kernels::SoftmaxTask<T> task{.layout = {.outer = count, .classes = width}, .labels = read.data()};
  return detail::classes_over_spans(loss, task, rows, logits, gradient, reduction);
}

/// The same with a target distribution for each row of `classes` logits, laid out as these.
template <LossOfClasses Loss, class T>
requires ListedSoftmax<Loss>
double value_and_gradient(const Loss& loss, std::span<const T> logits, std::size_t classes, std::span<const T> targets,
                          std::span<T> gradient, Reduction reduction = Reduction::mean) {
  if (classes == 0 || logits.size() % classes != 0 || targets.size() != logits.size()) {
    fail<ShapeError>(
        "value_and_gradient: logits has {} elements and targets {}, with {} classes (valid: the same number, a "
        "multiple of the number of classes)",
        logits.size(), targets.size(), classes);
  }
  detail::check_overlap("value_and_gradient", gradient, "gradient", targets, "targets", false);
  const std::size_t rows = logits.size() / classes;
  const kernels::SoftmaxTask<T> task{
      .layout = {.outer = static_cast<std::int64_t>(rows), .classes = static_cast<std::int64_t>(classes)},
      .probabilities = targets.data()};
  return detail::classes_over_spans(loss, task, rows, logits, gradient, reduction);
}

}  // namespace perdita
