// Overlap of masks that share the pixels among them: p is the softmax over the classes. Lanes take neighbouring pixels.
#pragma once

#include <cstring>
#include <limits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/overlap.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// What both passes make of a pack of pixels before they go their ways.
template <class T, class P>
struct SoftmaxPixels {
  P label;   ///< as a number, -1 where the pixel is ignored
  P scale;   ///< 1 over the sum of the exponentials, of which the largest is 1; 1 where ignored
  P others;  ///< the sum of those of other classes

  /// 1 - p of the own class.
  PERDITA_INLINE P missing() const { return others * scale; }

  /// `count` pixels from `pixel` on of one item. The exponentials, 0 for ignored pixels, go into `tile`, which has room
  /// for two packs a class.
  PERDITA_INLINE SoftmaxPixels(const T* item, const ClassLayout& layout, const std::int32_t* labels, std::int64_t pixel,
                               std::int64_t count, T* tile) {
    const std::int64_t classes = layout.classes;
    const T* z = item + pixel;
    std::int64_t stride = layout.inner;
    using Integers = typename perdita::detail::VectorMask<float, P::lanes>::Raw;  // std::int32_t in every lane
    Integers own;
    if (count == P::lanes) {
      std::memcpy(&own, labels + pixel, sizeof own);
    } else {
      T* const copy = tile + classes * P::lanes;
      for (std::int64_t lane = 0; lane < P::lanes; ++lane) {
        const std::int64_t from = lane < count ? lane : count - 1;
        own[static_cast<int>(lane)] = lane < count ? labels[pixel + lane] : -1;
        for (std::int64_t k = 0; k < classes; ++k) copy[k * P::lanes + lane] = z[k * stride + from];
      }
      z = copy;
      stride = P::lanes;
    }
    label = P::of(__builtin_convertvector(own, typename P::Raw));
    const auto used = label >= 0.0;
    P largest(-std::numeric_limits<double>::infinity());
    for (std::int64_t k = 0; k < classes; ++k) {
      const P logit = P::load(z + k * stride);
      largest = P::of(perdita::detail::opaque(largest.raw > logit.raw ? largest.raw : logit.raw));
    }
    others = P(0.0);
    P own_exponential(0.0), number(0.0);
    for (std::int64_t k = 0; k < classes;) {
      P sum(0.0);  // of a stretch: the rounding error does not grow with the number of classes
      for (const std::int64_t stop = std::min(classes, k + 64); k < stop; ++k, number = number + 1.0) {
        const P e = zero_unless(used, perdita::detail::exp_of_difference(P::load(z + k * stride) - largest));
        e.store(tile + k * P::lanes);
        const auto mine = label == number;
        own_exponential = select(mine, e, own_exponential);
        sum = sum + zero_unless(!mine, e);
      }
      others = others + sum;
    }
    scale = 1.0 / select(used, others + own_exponential, 1.0);
  }
};

template <class T, bool squared>
struct SoftmaxOverlapKernel {
  /// Elements of a tile, and of three sums a class.
  static std::int64_t scratch_size(std::int64_t classes) { return (2 + 3) * classes * most_lanes; }

  /// Adds the pixels [begin, end) of an item to `sums`, one for each class.
  template <class Target>
  PERDITA_INLINE void operator()(Target, OverlapTask<T> task, std::int64_t item, std::int64_t begin, std::int64_t end,
                                 T* scratch, OverlapSums* sums) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes, inner = task.layout.inner;
    const T* const logits = task.logits + item * classes * inner;
    T* const stretches = scratch + 2 * classes * P::lanes;
    clear<P>(stretches, classes);
    for (std::int64_t pixel = begin, groups = 1; pixel < end; pixel += P::lanes, ++groups) {
      const std::int64_t count = std::min<std::int64_t>(P::lanes, end - pixel);
      const SoftmaxPixels<T, P> x(logits, task.layout, task.labels + item * inner, pixel, count, scratch);
      add<P>(x, classes, scratch, stretches);
      if (groups % 32 == 0) fold<P>(stretches, classes, sums);
    }
    fold<P>(stretches, classes, sums);
  }

 private:
  template <class P>
  PERDITA_INLINE static void clear(T* stretches, std::int64_t classes) {
    for (std::int64_t k = 0; k < 3 * classes; ++k) P(0.0).store(stretches + k * P::lanes);
  }

  template <class P>
  PERDITA_INLINE static void add(const SoftmaxPixels<T, P>& x, std::int64_t classes, const T* exponentials,
                                 T* stretches) {
    const P q = x.missing(), miss = squared ? q * q : q;
    P number(0.0);
    for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
      const auto mine = x.label == number;
      const P p = P::load(exponentials + k * P::lanes) * x.scale;
      const P excess = squared ? p * p : p;
      T* const at = stretches + 3 * k * P::lanes;
      (P::load(at) + zero_unless(mine, p)).store(at);
      (P::load(at + P::lanes) + zero_unless(!mine, excess)).store(at + P::lanes);
      (P::load(at + 2 * P::lanes) + zero_unless(mine, miss)).store(at + 2 * P::lanes);
    }
  }

  /// The lanes in double, into the sums.
  template <class P>
  PERDITA_INLINE static void fold(T* stretches, std::int64_t classes, OverlapSums* sums) {
    const auto sum_of = [](const T* at) PERDITA_INLINE_LAMBDA {
      PackSum<P> sum;
      sum.add(P::load(at));
      return sum.total();
    };
    for (std::int64_t k = 0; k < classes; ++k) {
      const T* const at = stretches + 3 * k * P::lanes;
      sums[k].tp += sum_of(at);
      sums[k].fp += sum_of(at + P::lanes);
      sums[k].fn += sum_of(at + 2 * P::lanes);
    }
    clear<P>(stretches, classes);
  }
};

// With d_k = df/dp_k the gradient is p_k (d_k - sum_j p_j d_j). Where one p is nearly 1 both terms are nearly d of that
// class; so d of the likeliest class is taken off all of them first, and what is left does not cancel.
template <class T>
struct SoftmaxGradient {
  /// Elements of a tile, and of a pack a class for d.
  static std::int64_t scratch_size(std::int64_t classes) { return 3 * classes * most_lanes; }

  /// Of a pack of `count` pixels into `gradient`, whose classes are `stride` apart; slope_of(k, is_own, p) is d_k.
  /// `scratch` begins with their tile.
  template <class P, class Slope>
  PERDITA_INLINE static void write(const SoftmaxPixels<T, P>& x, std::int64_t classes, std::int64_t stride,
                                   std::int64_t count, T* scratch, T* gradient, const Slope& slope_of) {
    T* const kept = scratch + 2 * classes * P::lanes;
    P number(0.0), at_largest(0.0);
    for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
      const P e = P::load(scratch + k * P::lanes), p = e * x.scale;
      p.store(scratch + k * P::lanes);
      const P d = slope_of(k, x.label == number, p);
      at_largest = select(e == 1.0, d, at_largest);
      d.store(kept + k * P::lanes);
    }
    P pull(0.0);
    for (std::int64_t k = 0; k < classes; ++k) {
      const P d = P::load(kept + k * P::lanes) - at_largest;
      d.store(kept + k * P::lanes);
      pull = pull + P::load(scratch + k * P::lanes) * d;
    }
    for (std::int64_t k = 0; k < classes; ++k) {
      const P result = P::load(scratch + k * P::lanes) * (P::load(kept + k * P::lanes) - pull);
      if (count == P::lanes)
        result.store(gradient + k * stride);
      else
        result.store_first(gradient + k * stride, static_cast<std::size_t>(count));
    }
  }
};

template <class T, bool squared>
struct SoftmaxOverlapGradientKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, OverlapTask<T> task, const OverlapSums* slopes, std::int64_t item,
                                 std::int64_t begin, std::int64_t end, T* scratch, T* gradient) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes, inner = task.layout.inner;
    const T* const logits = task.logits + item * classes * inner;
    const OverlapSums* const by_sums = slopes + item * classes;
    for (std::int64_t pixel = begin; pixel < end; pixel += P::lanes) {
      const std::int64_t count = std::min<std::int64_t>(P::lanes, end - pixel);
      const SoftmaxPixels<T, P> x(logits, task.layout, task.labels + item * inner, pixel, count, scratch);
      const P q = x.missing();
      const auto slope_of = [&](std::int64_t k, const auto& is_own, [[maybe_unused]] const P& p) PERDITA_INLINE_LAMBDA {
        P other(by_sums[k].fp), missed(by_sums[k].fn);
        if constexpr (squared) other = 2.0 * p * other, missed = 2.0 * q * missed;
        return select(is_own, by_sums[k].tp - missed, other);
      };
      T* const to = gradient + item * classes * inner + pixel;
      SoftmaxGradient<T>::write(x, classes, inner, count, scratch, to, slope_of);
    }
  }
};

}  // namespace perdita::kernels
