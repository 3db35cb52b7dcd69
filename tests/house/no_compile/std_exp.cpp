// must fail: no matching function for call to .exp\(
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return std::exp(y) - t; });
