// The losses of this family in the form of kernels::vector_rows_loss: the sums over the components of a row's vectors,
// and the loss as a function of these sums.
#pragma once

#include "perdita/losses/distance/cosine_embedding.hpp"
#include "perdita/losses/distance/norm.hpp"
#include "perdita/losses/distance/triplet_margin.hpp"

namespace perdita {

/// The vectors are anchor a, positive p and negative n.
template <class Norm, bool swap>
struct TripletMarginOfSums {
  static constexpr int vectors = 3, sums = swap ? 3 : 2;
  static constexpr bool has_target = false, sums_in_double = false;
  TripletMargin loss;

  template <int j>
  auto term(auto a, auto p, auto n) const {
    if constexpr (j == 0) return Norm::term(a - p + loss.eps);
    if constexpr (j == 1) return Norm::term(a - n + loss.eps);
    if constexpr (j == 2) return Norm::term(p - n + loss.eps);
  }
  auto value(auto near, auto far) const {
    return loss(Norm::root(near), Norm::root(far)) + (Norm::slope_of_nan(near) + Norm::slope_of_nan(far));
  }
  auto value(auto near, auto far, auto across) const {
    return loss(Norm::root(near), min(Norm::root(far), Norm::root(across))) +
           (Norm::slope_of_nan(near) + Norm::slope_of_nan(far) + Norm::slope_of_nan(across));
  }
};

using TripletMarginOf2Norms = TripletMarginOfSums<EuclideanNorm, false>;
using SwappedTripletMarginOf2Norms = TripletMarginOfSums<EuclideanNorm, true>;
using TripletMarginOf1Norms = TripletMarginOfSums<ManhattanNorm, false>;
using SwappedTripletMarginOf1Norms = TripletMarginOfSums<ManhattanNorm, true>;

/// The vectors are input1 and input2; the target is that of the loss.
struct CosineEmbeddingOfSums {
  static constexpr int vectors = 2, sums = 3;
  static constexpr bool has_target = true;
  static constexpr bool sums_in_double = true;  // 1 - cos cancels
  CosineEmbedding loss;

  template <int j>
  auto term(auto x1, auto x2) const {
    if constexpr (j == 0) return x1 * x2;
    if constexpr (j == 1) return square(x1);
    if constexpr (j == 2) return square(x2);
  }
  // As in PyTorch: with this constant, the cosine of a zero vector is 0 and its gradient finite.
  auto value(auto product, auto square1, auto square2, auto t) const {
    constexpr double epsilon = 1e-12F;  // as PyTorch stores it
    const auto cosine = product / sqrt((square1 + epsilon) * (square2 + epsilon));
    return loss(cosine, t) + zero_unless(t == -1.0, nan_with_slope(cosine, cosine));
  }
};

}  // namespace perdita
