// Elementary functions of packs, each with at most 2 ULP of error in float over the whole range (pow and lgamma 4,
// remainders of exp and log 4) and with the special values of C99. Bounds, worst cases and times: docs/accuracy.md;
// tests/math/functions_test.cpp.
#pragma once

#include "perdita/math/arithmetic.hpp"
#include "perdita/math/cancellation.hpp"
#include "perdita/math/exponential.hpp"
#include "perdita/math/logarithm.hpp"
#include "perdita/math/logistic.hpp"
#include "perdita/math/power.hpp"
#include "perdita/math/special.hpp"
