// Losses that compare vectors or scores, on spans of contiguous rows: the value is returned, the gradients written.
//
//     using In = std::span<const float>;
//     using Out = std::span<float>;
//     double v = value_and_gradient(TripletMargin{}, std::array<In, 3>{anchor, positive, negative}, 128,
//                                   std::array<Out, 3>{d_anchor, d_positive, d_negative});
#pragma once

#include "perdita/kernels/labels.hpp"
#include "perdita/losses/comparing_kernels.hpp"
#include "perdita/losses/span/elements.hpp"

namespace perdita {

namespace detail {

inline void check_span(std::string_view name, std::size_t found, std::size_t wanted) {
  if (found == wanted) return;
  fail<ShapeError>("value_and_gradient: {} has {} elements (valid: {})", name, found, wanted);
}

/// Rows of `size` components; `targets` has one number per row if the formula has a target.
template <class OfSums, class T, std::size_t n>
double vectors_over_spans(const OfSums& of_sums, const std::array<std::span<const T>, n>& vectors, std::size_t size,
                          std::span<const T> targets, const std::array<std::span<T>, n>& gradients,
                          Reduction reduction) {
  if (size == 0 || vectors[0].size() % size != 0) {
    fail<ShapeError>(
        "value_and_gradient: vectors of {} components in {} elements (valid: a multiple of the number of components)",
        size, vectors[0].size());
  }
  const std::size_t rows = vectors[0].size() / size;
  if constexpr (OfSums::has_target) check_span("target", targets.size(), rows);
  const double divisor = denominator("value_and_gradient", reduction, rows);
  kernels::VectorRowsTask<T, static_cast<int>(n)> task{.rows = static_cast<std::int64_t>(rows),
                                                       .size = static_cast<std::int64_t>(size),
                                                       .targets = targets.data(),
                                                       .scale = 1 / divisor};
  for (std::size_t k = 0; k < n; ++k) {
    check_span("a vector", vectors[k].size(), rows * size);
    check_span("a gradient", gradients[k].size(), rows * size);
    for (std::size_t i = 0; i < n; ++i) {
      check_overlap("value_and_gradient", gradients[k], "a gradient", vectors[i], "a vector", false);
      if (i < k)
        check_overlap<T>("value_and_gradient", gradients[k], "a gradient", gradients[i], "another gradient", false);
    }
    if constexpr (OfSums::has_target)
      check_overlap("value_and_gradient", gradients[k], "a gradient", targets, "target", false);
    task.vectors[k] = vectors[k].data();
    task.gradients[k] = gradients[k].data();
  }
  return kernels::vector_rows_loss(of_sums, task) / divisor;
}

}  // namespace detail

/// The reduced loss of rows of anchors, positives and negatives of `size` components, and its derivatives with respect
/// to them. Throws ShapeError; ValueError for a p that is neither 1 nor 2, and for gradients that overlap anything.
template <class T>
double value_and_gradient(const TripletMargin& loss, const std::array<std::span<const T>, 3>& vectors, std::size_t size,
                          const std::array<std::span<T>, 3>& gradients, Reduction reduction = Reduction::mean) {
  const auto with = [&](const auto& of_sums) {
    return detail::vectors_over_spans<std::remove_cvref_t<decltype(of_sums)>, T, 3>(of_sums, vectors, size, {},
                                                                                    gradients, reduction);
  };
  if (loss.p == 2) return loss.swap ? with(SwappedTripletMarginOf2Norms{loss}) : with(TripletMarginOf2Norms{loss});
  if (loss.p == 1) return loss.swap ? with(SwappedTripletMarginOf1Norms{loss}) : with(TripletMarginOf1Norms{loss});
  fail<ValueError>("value_and_gradient: p of triplet_margin is {} (valid for spans: 1 or 2)", loss.p);
}

/// The same of pairs, with a target for each.
template <class T>
double value_and_gradient(const CosineEmbedding& loss, const std::array<std::span<const T>, 2>& vectors,
                          std::size_t size, std::span<const T> targets, const std::array<std::span<T>, 2>& gradients,
                          Reduction reduction = Reduction::mean) {
  return detail::vectors_over_spans<CosineEmbeddingOfSums, T, 2>({loss}, vectors, size, targets, gradients, reduction);
}

/// The reduced loss of rows of scores with a label each, and its derivatives with respect to the scores. Throws
/// ShapeError; IndexError for a label that is not a class; ValueError for a gradient that overlaps the scores.
template <class T>
double value_and_gradient(const MultiMargin& loss, std::span<const T> scores, std::span<const std::int64_t> labels,
                          std::span<T> gradient, Reduction reduction = Reduction::mean) {
  const std::size_t rows = labels.size(), classes = rows == 0 ? 0 : scores.size() / rows;
  detail::check_span("scores", scores.size(), rows * classes);
  detail::check_span("gradient", gradient.size(), scores.size());
  detail::check_overlap("value_and_gradient", gradient, "gradient", scores, "scores", false);
  const double divisor = detail::denominator("value_and_gradient", reduction, rows);
  const auto count = static_cast<std::int64_t>(rows), width = static_cast<std::int64_t>(classes);
  const kernels::Labels read = kernels::read_labels<T>("value_and_gradient", DType::int64, labels.data(), count, width,
                                                       kernels::no_ignore_index, nullptr);
  return kernels::margin_rows_loss(loss, kernels::MarginRowsTask<T>{.scores = scores.data(),
                                                                    .rows = count,
                                                                    .classes = width,
                                                                    .labels = read.data(),
                                                                    .gradient = gradient.data(),
                                                                    .scale = 1 / divisor}) /
         divisor;
}

}  // namespace perdita
