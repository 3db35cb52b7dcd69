// must fail: write select\(condition, a, b\) instead of if
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return y < t ? y - t : t - y; });
