// What a pass of the softmax driver reads and writes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace perdita::kernels {

/// Dense logits seen as [outer, classes, inner]; a row is one (outer, inner) pair.
struct ClassLayout {
  std::int64_t outer = 1, classes = 1, inner = 1;
  std::int64_t rows() const { return outer * inner; }
};

template <class T>
struct SoftmaxTask {
  const T* logits = nullptr;
  ClassLayout layout;
  const std::int32_t* labels = nullptr;  ///< a class for each row, -1 where the row is ignored
  const T* probabilities = nullptr;      ///< or, without labels, the target distributions, laid out as the logits
  const T* class_weights = nullptr;      ///< w, one for each class; null for ones
  double label_smoothing = 0;            ///< s: t becomes (1 - s) t + s / classes

  T* gradient = nullptr;  ///< upstream * scale * dL/dz; may be the logits themselves
  double scale = 1;
  const T* upstream = nullptr;        ///< one for each row; null for ones
  T* losses = nullptr;                ///< L of each row
  T* margins = nullptr;               ///< with labels: own logit minus the best other one
  std::uint8_t* hits = nullptr;       ///< with labels: 1 where the own class is the first of the largest logits
  std::int32_t* predicted = nullptr;  ///< the class of the largest logit, the first of several; 0 where all are NaN
  T* confidences = nullptr;           ///< its probability; NaN where a logit is NaN, unspecified where a row is ignored

  /// Whether t is dense: f has to be evaluated for every class.
  bool is_dense() const { return labels == nullptr || label_smoothing > 0; }
  /// The factor of the gradient of a row.
  double scale_of(std::int64_t row) const { return upstream ? scale * static_cast<double>(upstream[row]) : scale; }
};

/// Moves the arrays that have one element for each row on by `rows`.
template <class T>
void advance_rows(SoftmaxTask<T>& task, std::int64_t rows) {
  const auto advance = [rows](auto*& array) {
    if (array) array += rows;
  };
  advance(task.labels), advance(task.upstream), advance(task.losses), advance(task.margins), advance(task.hits);
  advance(task.predicted), advance(task.confidences);
}

/// The rows of the outer indices [begin, end).
template <class T>
SoftmaxTask<T> rows_of(const SoftmaxTask<T>& task, std::int64_t begin, std::int64_t end) {
  const std::int64_t row = begin * task.layout.inner, element = row * task.layout.classes;
  SoftmaxTask<T> part = task;
  part.layout.outer = end - begin;
  advance_rows(part, row);
  if (part.logits) part.logits += element;
  if (part.probabilities) part.probabilities += element;
  if (part.gradient) part.gradient += element;
  return part;
}

/// With up to this many classes as the last dimension, rows are transposed and taken several at a time.
inline constexpr std::int64_t most_classes_in_columns = 128;

}  // namespace perdita::kernels
