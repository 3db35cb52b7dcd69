// must fail in at most 150 lines: write select\(condition, a, b\) instead of if
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return y < t ? y - t : t - y; });
