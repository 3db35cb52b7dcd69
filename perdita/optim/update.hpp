// Applies an update rule to arrays: vectorized, in place, and in parallel for large arrays.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "perdita/core/parallel.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::optim {

/// A mean of gradients with subnormal values replaced by 0. Those of inactive units become subnormal; they do not
/// affect the parameters, but slow down Intel processors by a factor of a hundred.
template <class P>
PERDITA_INLINE P without_subnormal(const P& mean) {
  return zero_unless(!(abs(mean) < static_cast<double>(std::numeric_limits<typename P::value_type>::min())), mean);
}

/// Applies rule(p, g, buffers) to packs: p and the buffers are references, changed by the rule.
template <std::size_t buffer_count>
struct UpdateKernel {
  template <class Target, class Rule, class T>
  PERDITA_INLINE void operator()(Target, Rule rule, T* p, const T* g, std::array<T*, buffer_count> buffers,
                                 std::int64_t begin, std::int64_t end) const {
    using P = typename Target::template pack<T>;
    std::int64_t i = begin;
    for (; i + P::lanes <= end; i += P::lanes) {
      P x = P::load(p + i);
      std::array<P, buffer_count> kept;
      for (std::size_t b = 0; b < buffer_count; ++b) kept[b] = P::load(buffers[b] + i);
      rule(x, P::load(g + i), kept);
      for (std::size_t b = 0; b < buffer_count; ++b) kept[b].store(buffers[b] + i);
      x.store(p + i);
    }
    if (i == end) return;
    const auto count = static_cast<std::size_t>(end - i);
    P x = P::load_first(p + i, count);
    std::array<P, buffer_count> kept;
    for (std::size_t b = 0; b < buffer_count; ++b) kept[b] = P::load_first(buffers[b] + i, count);
    rule(x, P::load_first(g + i, count), kept);
    for (std::size_t b = 0; b < buffer_count; ++b) kept[b].store_first(buffers[b] + i, count);
    x.store_first(p + i, count);
  }
};

template <std::size_t buffer_count, class Rule, class T>
void update_all(const Rule& rule, T* p, const T* g, const std::array<T*, buffer_count>& buffers, std::int64_t count) {
  constexpr std::int64_t block = 32768;
  parallel_for((count + block - 1) / block, [&](std::int64_t i) {
    run(UpdateKernel<buffer_count>{}, rule, p, g, buffers, i * block, std::min(count, (i + 1) * block));
  });
}

}  // namespace perdita::optim
