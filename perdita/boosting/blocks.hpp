// Blocks of strided arrays, and the last step of every objective: policies that depend on the gradient alone, the least
// Hessian, weights, and the check for numbers that are not finite.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "perdita/boosting/element_derivatives.hpp"
#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/core/buffer.hpp"
#include "perdita/core/error.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::boosting::detail {

/// Arrays of a thread, each of the same number of elements and aligned to 64 bytes.
template <class T>
class Workspace {
 public:
  Workspace(std::size_t arrays, std::int64_t elements)
      : stride_((elements + 15) / 16 * 16),
        buffer_(Buffer::allocate(arrays * static_cast<std::size_t>(stride_) * sizeof(T))) {}
  T* operator[](std::int64_t i) const { return static_cast<T*>(buffer_.data()) + i * stride_; }

 private:
  std::int64_t stride_;
  Buffer buffer_;
};

/// Reads elements [begin, begin + count) and repeats the last one in the padding. Dense arrays with whole registers are
/// used where they are.
template <class T>
const T* read_block(const Strided<const T>& from, std::int64_t begin, std::int64_t count, T* to) {
  if (from.stride == 1 && count == padded(count)) return from.data + begin;
  const T* const first = from.data + begin * from.stride;
  if (from.stride == 1)
    std::memcpy(to, first, static_cast<std::size_t>(count) * sizeof(T));
  else
    for (std::int64_t i = 0; i < count; ++i) to[i] = first[i * from.stride];
  std::fill(to + count, to + padded(count), to[count - 1]);
  return to;
}

/// Whether each target of a padded block is valid and finite.
template <class T>
struct TargetsKernel {
  template <class Target>
  PERDITA_INLINE bool operator()(Target, const T* targets, std::int64_t count, Interval valid) const {
    using P = typename Target::template pack<T>;
    const P low(valid.low), high(valid.high), one(1.0), zero(0.0);
    P bad(0.0);
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P t = P::load(targets + i);
      const auto is_above = valid.includes_low ? t >= low : t > low;
      const auto is_below = valid.includes_high ? t <= high : t < high;
      const auto is_inside = valid.ends_only ? (t == low) | (t == high) : is_above & is_below;
      bad = bad + select(is_inside & (t - t == zero), zero, one);
    }
    return horizontal_sum(bad) == 0;
  }
};

/// Throws ValueError for a least Hessian that is not above 0.
inline void check_least(double least) {
  if (!(least > 0)) fail<ValueError>("boosting: the least Hessian is {} (valid: above 0)", least);
}

/// The pack as another type of the same number of lanes.
template <class Out, class T, int N>
PERDITA_INLINE Pack<Out, N> converted(const Pack<T, N>& pack) {
  return Pack<Out, N>::of(__builtin_convertvector(pack.raw, typename Pack<Out, N>::Raw));
}

/// Gradients g and Hessians h of a block, and where they go: to dense arrays of the output type, or (null) over g and
/// h.
template <class T, class Out>
struct FinishedBlock {
  T *g, *h;
  const T* weights;  ///< or null
  std::int64_t count;
  Out *gradient, *hessian;
};

/// Applies residual, ones, the least Hessian and weights. Writes the number of clipped elements to *clipped and NaN or
/// infinity to *check where a result is not finite.
template <class T, class Out>
struct FinishKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, FinishedBlock<T, Out> block, Hessian policy, double least,
                                 std::int64_t* clipped, T* check) const {
    using P = typename Target::template pack<T>;
    const P floor(least);
    P clips(0.0), sum(0.0);
    for (std::int64_t i = 0; i < block.count; i += P::lanes) {
      P gradient = P::load(block.g + i);
      P hessian = policy == Hessian::residual ? abs(gradient) : policy == Hessian::ones ? P(1.0) : P::load(block.h + i);
      P is_clipped = select(hessian < floor, P(1.0), P(0.0));
      hessian = max(hessian, floor);
      if (block.weights) {
        const P w = P::load(block.weights + i);
        gradient = gradient * w, hessian = hessian * w;
      }
      if (i + P::lanes > block.count) {  // padding repeats an element, which is not to be counted
        for (int lane = static_cast<int>(block.count - i); lane < P::lanes; ++lane) is_clipped.raw[lane] = 0;
      }
      clips = clips + is_clipped;
      // As the output has them: what is finite here may be infinite there.
      gradient = converted<T>(converted<Out>(gradient)), hessian = converted<T>(converted<Out>(hessian));
      sum = sum + ((gradient - gradient) + (hessian - hessian));
      write(gradient, block.gradient, block.g, i, block.count);
      write(hessian, block.hessian, block.h, i, block.count);
    }
    *clipped = static_cast<std::int64_t>(horizontal_sum(clips));
    *check = horizontal_sum(sum);
  }

 private:
  template <class P>
  PERDITA_INLINE static void write(const P& pack, Out* to, T* in_place, std::int64_t i, std::int64_t count) {
    if (to == nullptr)
      pack.store(in_place + i);
    else if (i + P::lanes <= count)
      converted<Out>(pack).store(to + i);
    else
      converted<Out>(pack).store_first(to + i, static_cast<std::size_t>(count - i));
  }
};

/// The first of `count` results that is not finite, or count.
template <class Out>
std::int64_t first_not_finite(const Strided<Out>& gradient, const Strided<Out>& hessian, std::int64_t count) {
  std::int64_t i = 0;
  while (i < count && std::isfinite(gradient[i]) && std::isfinite(hessian[i])) ++i;
  return i;
}

/// FinishKernel on a block whose first row is `row`; notes in `report` what it found.
template <class T, class Out>
void finish_block(const FinishedBlock<T, Out>& block, const PairOptions& options, std::int64_t row,
                  PairReport& report) {
  std::int64_t clipped = 0;
  T check = 0;
  run(FinishKernel<T, Out>{}, block, options.hessian, options.least, &clipped, &check);
  report.clipped += clipped;
  report.count += block.count;
  if (check == 0) return;
  const std::int64_t i = block.gradient ? first_not_finite<Out>({block.gradient}, {block.hessian}, block.count)
                                        : first_not_finite<T>({block.g}, {block.h}, block.count);
  if (i < block.count && (report.not_finite < 0 || row + i < report.not_finite)) report.not_finite = row + i;
}

/// The same into rows of strided arrays, from element `row` on.
template <class T, class Out>
void finish_block(T* g, T* h, const T* weights, std::int64_t count, const PairOptions& options, std::int64_t row,
                  const Strided<Out>& gradient, const Strided<Out>& hessian, PairReport& report) {
  if (gradient.stride == 1 && hessian.stride == 1) {
    finish_block<T, Out>({g, h, weights, count, gradient.data + row, hessian.data + row}, options, row, report);
    return;
  }
  finish_block<T, Out>({g, h, weights, count, nullptr, nullptr}, options, row, report);
  for (std::int64_t i = 0; i < count; ++i) {
    gradient[row + i] = static_cast<Out>(g[i]);
    hessian[row + i] = static_cast<Out>(h[i]);
  }
}

/// The report of two parts.
inline PairReport merged(const PairReport& a, const PairReport& b) {
  const bool takes_b = b.not_finite >= 0 && (a.not_finite < 0 || b.not_finite < a.not_finite);
  return {a.clipped + b.clipped, a.count + b.count, takes_b ? b.not_finite : a.not_finite};
}

}  // namespace perdita::boosting::detail
