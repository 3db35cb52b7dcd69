// must fail in at most 50 lines: cosine_of_nothing
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return cosine_of_nothing(y) - t; });
