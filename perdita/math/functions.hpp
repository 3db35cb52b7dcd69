// Elementary functions of packs. Bounds are in docs/accuracy.md and tested in tests/math/functions_test.cpp.
#pragma once

#include <limits>

#include "perdita/math/pack.hpp"

namespace perdita {

#define PERDITA_PACK template <class T, int N> PERDITA_INLINE Pack<T, N>

PERDITA_PACK square(const Pack<T, N>& x) { return x * x; }

PERDITA_PACK sqrt(const Pack<T, N>& x) {
  Pack<T, N> root;
  for (int i = 0; i < N; ++i) root.raw[i] = __builtin_sqrt(x.raw[i]);
  return root;
}

#undef PERDITA_PACK

}  // namespace perdita
