// The elementary functions against MPFR: every exponent, random bit patterns, special values and their neighbourhoods.
#include "perdita/math/functions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "math/float_sweep.hpp"
#include "math/function_samples.hpp"
#include "math/function_table.hpp"
#include "math/mpfr_functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

template <class T>
void expect_within_bound(const Function& function) {
  const std::vector<T> x = sample_inputs<T>(1);
  std::vector<T> y(x.size());
  constexpr bool is_float = sizeof(T) == 4;
  if constexpr (is_float)
    function.on_float(x.data(), y.data(), x.size());
  else
    function.on_double(x.data(), y.data(), x.size());
  mpfr_t input, exact;
  mpfr_init2(input, 64);
  mpfr_init2(exact, 200);
  double worst = 0.0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mpfr_set_d(input, x[i], MPFR_RNDN);
    function.exact(exact, input);
    const double scale = !is_float && function.scale != nullptr ? function.scale(x[i]) : 0.0;
    const double error = ulp_error(y[i], exact, scale);
    if (error > worst) worst = error, where = i;
  }
  mpfr_set_d(input, x[where], MPFR_RNDN);
  function.exact(exact, input);
  EXPECT_LE(worst, is_float ? function.bound_float : function.bound_double)
      << function.name << (is_float ? "<float>" : "<double>") << " at x = " << std::hexfloat << x[where] << " gave "
      << y[where] << ", exact " << mpfr_get_d(exact, MPFR_RNDN) << ", seed " << std::dec << sample_seed;
  testing::Test::RecordProperty(is_float ? "float" : "double", std::to_string(worst));
  mpfr_clear(input);
  mpfr_clear(exact);
}

class Functions : public testing::TestWithParam<Function> {};
TEST_P(Functions, FloatIsWithinItsBound) { expect_within_bound<float>(GetParam()); }
TEST_P(Functions, DoubleIsWithinItsBound) { expect_within_bound<double>(GetParam()); }
// Where an error has a peak between the samples, which are dense at special places only.
TEST_P(Functions, FloatIsWithinItsBoundAllAlong) {
#ifdef NDEBUG
  constexpr int stride = 499;
#else
  constexpr int stride = 9973;  // under sanitizers
#endif
  const Worst worst = worst_of_all_floats(GetParam(), stride, [](double) {});
  EXPECT_LE(worst.error, GetParam().bound_float) << GetParam().name << " at x = " << std::hexfloat << worst.x;
}
INSTANTIATE_TEST_SUITE_P(Table, Functions, testing::ValuesIn(function_table().begin(), function_table().end()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace perdita::test
