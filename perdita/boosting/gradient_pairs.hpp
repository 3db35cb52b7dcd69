// Gradient and Hessian of a loss with respect to raw scores, in the layout of a booster.
//
//     std::vector<float> gradient(n), hessian(n);
//     boosting::element_pairs<double, float>(parse_loss("binary_focal"), {.scores = {scores}, .targets = {labels},
//         .gradient = {gradient.data()}, .hessian = {hessian.data()}, .count = n}, {});
//
// Arrays have strides in elements. Pairs of gradient and Hessian that are interleaved in memory are two arrays of
// stride 2. Results are bit-identical for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/boosting/hessian.hpp"

namespace perdita::boosting {

/// Numbers `stride` elements apart; a stride of 0 repeats one number. Null data means absent.
template <class T>
struct Strided {
  T* data = nullptr;
  std::int64_t stride = 1;
  /// Element i.
  T& operator[](std::int64_t i) const { return data[i * stride]; }
  /// Whether there are data.
  explicit operator bool() const { return data != nullptr; }
};

/// A matrix of rows and classes: {data, classes, 1} is row-major, {data, 1, rows} is class-major.
template <class T>
struct StridedRows {
  T* data = nullptr;
  std::int64_t row_stride = 1, class_stride = 1;
  /// Row i.
  Strided<T> row(std::int64_t i) const { return {data + i * row_stride, class_stride}; }
  /// Column k.
  Strided<T> column(std::int64_t k) const { return {data + k * class_stride, row_stride}; }
};

/// The policy for the Hessian, and the least Hessian.
struct PairOptions {
  Hessian hessian = Hessian::automatic;
  double least = 1e-16;  ///< smaller Hessians are replaced by this one, before weights; above 0
};

/// Counts of a pass.
struct PairReport {
  std::int64_t clipped = 0;      ///< Hessians that were replaced by the least one
  std::int64_t count = 0;        ///< all of them
  std::int64_t not_finite = -1;  ///< the first row whose gradient or Hessian is NaN or infinite, or -1
};

/// One score per row. Outputs must not overlap inputs.
template <class T, class Out>
struct ElementPairs {
  Strided<const T> scores, targets;
  Strided<const T> weights = {};  ///< factors of gradient and Hessian, or absent
  Strided<Out> gradient, hessian;
  std::int64_t count = 0;
};

/// One score per row and class. Outputs must not overlap inputs.
template <class T, class Out>
struct ClassPairs {
  StridedRows<const T> scores;
  Strided<const std::int32_t> labels;  ///< each in [0, classes)
  Strided<const T> weights = {};
  StridedRows<Out> gradient, hessian;
  std::int64_t rows = 0, classes = 0;
  std::vector<double> class_counts = {};  ///< training samples of each class, for losses that need them
};

/// For losses of one score per row. A loss of rows of classes is taken as one of two classes with logits 0 and y and
/// targets 0 and 1. Throws ValueError for a loss that is not a function of raw scores, a policy that the loss does not
/// have, a least Hessian that is not above 0, or targets outside the domain of the loss (with the first bad index).
template <class T, class Out>
PairReport element_pairs(const AnyLoss& loss, const ElementPairs<T, Out>& pairs, const PairOptions& options);

/// For losses of rows of classes.
/// Throws ValueError as element_pairs() does, IndexError for a label out of range, ShapeError for fewer than 2 classes.
template <class T, class Out>
PairReport class_pairs(const AnyLoss& loss, const ClassPairs<T, Out>& pairs, const PairOptions& options);

/// Weighted sums over all elements, for metrics and for minimize_constant().
struct LossSums {
  double loss = 0, first = 0, second = 0;  ///< of the loss and its derivatives with respect to the scores
  double weight = 0;
};
/// Sums of a loss of one score per row. gradient and hessian of `pairs` are not used.
template <class T>
LossSums element_sums(const AnyLoss& loss, const ElementPairs<T, float>& pairs);
/// Sums of the losses (not of derivatives) of rows of classes.
template <class T>
LossSums class_sums(const AnyLoss& loss, const ClassPairs<T, float>& pairs);

}  // namespace perdita::boosting
