// must fail: abs\(y - t\), not std::abs\(y - t\)
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return std::exp(y) - t; });
