#include "perdita/kernels/domain.hpp"

#include <algorithm>
#include <atomic>

#include "perdita/kernels/blocks.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// How many of [begin, end) lie outside, counted in whole packs and a tail.
struct CountOutside {
  template <class Target, class T>
  PERDITA_INLINE double operator()(Target, const T* data, std::int64_t begin, std::int64_t end, double low,
                                   double high) const {
    using P = typename Target::template pack<T>;
    P outside(0.0);
    std::int64_t i = begin;
    for (; i + P::lanes <= end; i += P::lanes) {
      const P x = P::load(data + i);
      outside = outside + select((x >= low) & (x <= high), P(0.0), P(1.0));
    }
    double count = static_cast<double>(horizontal_sum(outside));
    for (; i < end; ++i) count += !(static_cast<double>(data[i]) >= low && static_cast<double>(data[i]) <= high);
    return count;
  }
};

}  // namespace

template <class T>
std::int64_t first_outside(const T* data, std::int64_t count, double low, double high) {
  constexpr std::int64_t block = 65536;
  std::atomic<std::int64_t> first_block{count};
  parallel_for((count + block - 1) / block, [&](std::int64_t i) {
    const std::int64_t begin = i * block;
    if (run(CountOutside{}, data, begin, std::min(count, begin + block), low, high) == 0) return;
    for (std::int64_t known = first_block; begin < known && !first_block.compare_exchange_weak(known, begin);) {
    }
  });
  const auto inside = [=](T x) { return static_cast<double>(x) >= low && static_cast<double>(x) <= high; };
  return std::find_if_not(data + first_block, data + count, inside) - data;
}

template std::int64_t first_outside(const float*, std::int64_t, double, double);
template std::int64_t first_outside(const double*, std::int64_t, double, double);

}  // namespace perdita::kernels
