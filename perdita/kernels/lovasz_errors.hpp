// The errors of pixels that the Lovasz losses sort by, and the way back from these to the logits.
#pragma once

#include "perdita/kernels/overlap_softmax.hpp"
#include "perdita/math/isa.hpp"
#include "perdita/math/pack.hpp"

namespace perdita::kernels {

/// Some pixels of a mask: how many have an error, how many belong to the mask, and how many targets are neither 0 nor 1
/// nor ignored.
struct ErrorCounts {
  std::int64_t wrong = 0, inside = 0, invalid = 0;
};

/// Of up to 2^24 pixels, which lanes of floats can count.
template <class T>
struct HingeErrorsKernel {
  template <class Target>
  PERDITA_INLINE ErrorCounts operator()(Target, const T* y, const T* t, T* errors, std::int64_t count,
                                        double ignored) const {
    using P = typename Target::template pack<T>;
    P wrong(0.0), inside(0.0), valid(0.0);
    const auto error_of = [&](const P& logits, const P& targets) PERDITA_INLINE_LAMBDA {
      const P margin = 1.0 - (2.0 * targets - 1.0) * logits;
      const auto is_ignored = targets == ignored, is_one = targets == 1.0;
      const auto is_wrong = !(is_ignored | (margin <= 0.0));  // NaN is
      wrong = wrong + zero_unless(is_wrong, P(1.0));
      inside = inside + zero_unless(!is_ignored, zero_unless(is_one, P(1.0)));
      valid = valid + zero_unless(is_ignored | is_one | (targets == 0.0), P(1.0));
      return zero_unless(is_wrong, margin);
    };
    std::int64_t i = 0;
    for (; i + P::lanes <= count; i += P::lanes) error_of(P::load(y + i), P::load(t + i)).store(errors + i);
    const std::int64_t rest = count - i;
    if (rest > 0) {
      const auto few = static_cast<std::size_t>(rest);
      const P targets = P::load_first(t + i, few, static_cast<T>(ignored));
      error_of(P::load_first(y + i, few), targets).store_first(errors + i, few);
    }
    const auto total = [](const P& lanes) { return static_cast<std::int64_t>(horizontal_sum(lanes)); };
    const std::int64_t loaded = rest > 0 ? i + P::lanes : i;
    return {total(wrong), total(inside), loaded - total(valid)};
  }
};

template <class T>
struct SoftmaxErrorsKernel {
  /// Elements of a tile.
  static std::int64_t scratch_size(std::int64_t classes) { return 2 * classes * most_lanes; }

  /// Of the pixels [begin, end) of an item in all masks.
  template <class Target>
  PERDITA_INLINE void operator()(Target, OverlapTask<T> task, std::int64_t item, std::int64_t begin, std::int64_t end,
                                 T* scratch, T* errors) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes, inner = task.layout.inner, first = item * classes * inner;
    for (std::int64_t pixel = begin; pixel < end; pixel += P::lanes) {
      const std::int64_t count = std::min<std::int64_t>(P::lanes, end - pixel);
      const SoftmaxPixels<T, P> x(task.logits + first, task.layout, task.labels + item * inner, pixel, count, scratch);
      const P q = x.missing();
      P number(0.0);
      for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
        const P error = select(x.label == number, q, P::load(scratch + k * P::lanes) * x.scale);
        T* const to = errors + first + k * inner + pixel;
        if (count == P::lanes)
          error.store(to);
        else
          error.store_first(to, static_cast<std::size_t>(count));
      }
    }
  }
};

/// by_losses: of this item's masks.
template <class T>
struct SoftmaxErrorsGradientKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, OverlapTask<T> task, const T* slopes, const double* by_losses,
                                 std::int64_t item, std::int64_t begin, std::int64_t end, T* scratch,
                                 T* gradient) const {
    using P = typename Target::template pack<T>;
    const std::int64_t classes = task.layout.classes, inner = task.layout.inner, first = item * classes * inner;
    for (std::int64_t pixel = begin; pixel < end; pixel += P::lanes) {
      const std::int64_t count = std::min<std::int64_t>(P::lanes, end - pixel);
      const SoftmaxPixels<T, P> x(task.logits + first, task.layout, task.labels + item * inner, pixel, count, scratch);
      const auto slope_of = [&](std::int64_t k, const auto& is_own, const P&) PERDITA_INLINE_LAMBDA {
        const T* const from = slopes + first + k * inner + pixel;
        const P by_error = count == P::lanes ? P::load(from) : P::load_first(from, static_cast<std::size_t>(count));
        const P d = by_losses[k] * by_error;
        return select(is_own, -d, d);  // 1 - p, and p
      };
      SoftmaxGradient<T>::write(x, classes, inner, count, scratch, gradient + first + pixel, slope_of);
    }
  }
};

}  // namespace perdita::kernels
