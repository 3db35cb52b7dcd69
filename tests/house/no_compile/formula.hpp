// What the snippets share: a formula, instantiated as the library would.
#pragma once

#include <cmath>

#include "perdita/math/dual.hpp"
#include "perdita/math/pack.hpp"

template <class Formula>
auto instantiate(Formula formula) {
  using Pack = perdita::Pack<float, 4>;
  return formula(perdita::Dual<Pack>{Pack(1.0), Pack(1.0)}, Pack(2.0));
}
