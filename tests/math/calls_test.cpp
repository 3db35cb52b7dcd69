// A function that is not inlined into a kernel is compiled for the baseline, the kernel for more: were packs trivially
// copyable, one would pass them in vector registers and the other expect them in memory.
#include <gtest/gtest.h>

#include <vector>

#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

template <class P>
[[gnu::noinline]] P twice(P x) {
  return x + x;
}
template <class P>
[[gnu::noinline]] Dual<P> squared(Dual<P> x) {
  return x * x;
}
template <class M>
[[gnu::noinline]] M same(M mask) {
  return mask;
}

template <class T>
struct Calls : testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(Calls, Numbers);

TYPED_TEST(Calls, PassPacksDualsAndMasksByValue) {
  using T = TypeParam;
  std::vector<T> x(64), value(64), slope(64);
  for (int i = 0; i < 64; ++i) x[static_cast<std::size_t>(i)] = static_cast<T>(i - 32) / 8;
  run(
      [](auto target, const T* in, T* v, T* d, std::size_t n) {
        using P = typename decltype(target)::template pack<T>;
        for (std::size_t i = 0; i < n; i += P::lanes) {
          const Dual<P> y = squared(Dual<P>(P::load(in + i), P(1.0)));
          y.v.store(v + i);
          select(same(y.v > P(1.0)), twice(y.d), y.d).store(d + i);
        }
      },
      x.data(), value.data(), slope.data(), x.size());
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(value[i], x[i] * x[i]);
    EXPECT_EQ(slope[i], value[i] > 1 ? 4 * x[i] : 2 * x[i]) << x[i];
  }
}

}  // namespace
}  // namespace perdita::test
