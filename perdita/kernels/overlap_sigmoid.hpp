// Overlap of masks whose pixels have a logit each.
#pragma once

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/overlap.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// The sums of some pixels, and how many of their targets are neither 0..1 nor ignored.
struct SigmoidPart {
  OverlapSums sums;
  double outside = 0;
};

/// A pack of pixels.
template <class P>
struct SigmoidPixels {
  P t, p, q;  // q = 1 - p
  decltype(P() < P()) used;

  PERDITA_INLINE SigmoidPixels(const P& y, const P& t_, const P& ignored) : t(t_), used(t_ != ignored) {
    const P e = perdita::detail::exp_full<false>(-abs(y)), likely = 1.0 / (1.0 + e), unlikely = e * likely;
    const auto negative = y < 0.0;
    p = select(negative, unlikely, likely);
    q = select(negative, likely, unlikely);
  }
  /// p - t, which cancels nowhere where t is 0 or 1.
  PERDITA_INLINE P error() const { return p * (1.0 - t) - q * t; }
};

template <class T, bool squared>
struct SigmoidOverlapKernel {
  template <class Target>
  PERDITA_INLINE SigmoidPart operator()(Target, const T* y, const T* t, std::int64_t count, double ignored) const {
    using P = typename Target::template pack<T>;
    constexpr std::int64_t stretch = 32 * P::lanes;
    PackSum<P> tp, fp, fn, outside;
    const auto add = [&](const P& logits, const P& targets) PERDITA_INLINE_LAMBDA {
      const SigmoidPixels<P> x(logits, targets, P(ignored));
      const P hit = x.p * x.t;
      P excess = x.p * (1.0 - x.t), miss = x.q * x.t;
      if constexpr (squared) {
        const P error = excess - miss, square = error * error;
        excess = square * (1.0 - x.t);
        miss = square * x.t;
      }
      tp.add(zero_unless(x.used, hit));
      fp.add(zero_unless(x.used, excess));
      fn.add(zero_unless(x.used, miss));
      outside.add(zero_unless(x.used & !((x.t >= 0.0) & (x.t <= 1.0)), P(1.0)));
    };
    std::int64_t i = 0;
    while (i + P::lanes <= count) {
      const std::int64_t stop = std::min(i + stretch, i + (count - i) / P::lanes * P::lanes);
      for (; i < stop; i += P::lanes) {
        __builtin_prefetch(y + i + fetch_ahead<T>), __builtin_prefetch(t + i + fetch_ahead<T>);
        add(P::load(y + i), P::load(t + i));
      }
      tp.fold(), fp.fold(), fn.fold(), outside.fold();
    }
    if (i < count) {
      const auto rest = static_cast<std::size_t>(count - i);
      add(P::load_first(y + i, rest), P::load_first(t + i, rest, static_cast<T>(ignored)));
    }
    return {{tp.total(), fp.total(), fn.total()}, outside.total()};
  }
};

template <class T, bool squared>
struct SigmoidOverlapGradientKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const T* y, const T* t, T* gradient, std::int64_t count, double ignored,
                                 OverlapSums slopes, bool streaming) const {
    using P = typename Target::template pack<T>;
    const P by_tp(slopes.tp), by_fp(slopes.fp), by_fn(slopes.fn);
    const auto slope = [&](const P& logits, const P& targets) PERDITA_INLINE_LAMBDA {
      const SigmoidPixels<P> x(logits, targets, P(ignored));
      P by_p;
      if constexpr (squared)
        by_p = by_tp * x.t + 2.0 * x.error() * (by_fp * (1.0 - x.t) + by_fn * x.t);
      else
        by_p = by_fp * (1.0 - x.t) + (by_tp - by_fn) * x.t;
      return zero_unless(x.used, by_p * (x.p * x.q));
    };
    std::int64_t i = 0;
    for (; i + P::lanes <= count; i += P::lanes) {
      __builtin_prefetch(y + i + fetch_ahead<T>), __builtin_prefetch(t + i + fetch_ahead<T>);
      const P result = slope(P::load(y + i), P::load(t + i));
      if (streaming)
        perdita::detail::stream_pack(gradient + i, result);
      else
        result.store(gradient + i);
    }
    if (i < count) {
      const auto rest = static_cast<std::size_t>(count - i);
      slope(P::load_first(y + i, rest), P::load_first(t + i, rest)).store_first(gradient + i, rest);
    }
    if (streaming) perdita::detail::end_streaming();
  }
};

}  // namespace perdita::kernels
