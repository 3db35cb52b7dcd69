// must compile
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return select(y < t, square(y - t), exp(y) - log1p(abs(t))); });
