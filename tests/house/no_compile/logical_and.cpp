// must fail in at most 50 lines: write select\(condition, a, b\) instead of if
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return select(y < t && t > 0.0, y - t, t - y); });
