// must fail: .cosine_of_nothing. was not declared|no matching function|there are no arguments
#include "formula.hpp"

auto loss = instantiate([](auto y, auto t) { return cosine_of_nothing(y) - t; });
