// The table of docs/accuracy.md: every function over all 2^32 floats (or every STRIDE-th of them) against the C library
// in double, over samples of doubles against MPFR, and its time an element in the first-level cache.
//
//     PERDITA_ISA=avx512 functions_exhaustive [STRIDE [NAME...]]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "math/float_sweep.hpp"
#include "math/function_samples.hpp"
#include "math/function_table.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

Worst worst_of_sampled_doubles(const Function& function) {
  const std::vector<double> x = sample_inputs<double>(10);
  std::vector<double> y(x.size());
  function.on_double(x.data(), y.data(), x.size());
  Worst worst;
  mpfr_t input, exact;
  mpfr_init2(input, 64);
  mpfr_init2(exact, 200);
  for (std::size_t i = 0; i < x.size(); ++i) {
    mpfr_set_d(input, x[i], MPFR_RNDN);
    function.exact(exact, input);
    worst.take(ulp_error(y[i], exact, function.scale != nullptr ? function.scale(x[i]) : 0.0), x[i]);
  }
  mpfr_clear(input);
  mpfr_clear(exact);
  return worst;
}

/// The least of many timings of 1024 numbers in (0, 5].
template <class T>
double nanoseconds(void (*kernel)(const T*, T*, std::size_t)) {
  constexpr std::size_t n = 1024;
  constexpr int calls = 20;
  std::vector<T> x(n), y(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<T>(5.0 * static_cast<double>(i + 1) / n);
  double least = 1e30;
  for (int repeat = 0; repeat < 2000; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; ++call) kernel(x.data(), y.data(), n);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    least = std::min(least, time.count());
  }
  return least / (calls * n);
}

}  // namespace
}  // namespace perdita::test

int main(int argc, char** argv) {
  using namespace perdita::test;
  const std::uint64_t stride = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  if (stride == 0) {
    fmt::print(stderr, "usage: functions_exhaustive [STRIDE [NAME...]]\n");
    return 2;
  }
  bool within = true;
  fmt::print("instruction set {}, every {}. float\n\n", perdita::name_of(perdita::active_isa()), stride);
  fmt::print("| function | max ULP float | at | max ULP double | at | ns float | ns double |\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (const Function& function : function_table()) {
    const auto wanted = [&](const char* name) { return std::string_view(name) == function.name; };
    if (argc > 2 && std::none_of(argv + 2, argv + argc, wanted)) continue;
    const auto tell = [&](double share) { fmt::print(stderr, "\r{:>18} {:3.0f} %", function.name, 100 * share); };
    const Worst in_float = worst_of_all_floats(function, stride, tell), in_double = worst_of_sampled_doubles(function);
    fmt::print(stderr, "\r{:30}\r", "");
    within &= in_float.error <= function.bound_float && in_double.error <= function.bound_double;
    fmt::print("| {} | {:.3f} | {:.9g} | {:.3f} | {:.17g} | {:.2f} | {:.2f} |\n", function.name, in_float.error,
               in_float.x, in_double.error, in_double.x, nanoseconds(function.on_float),
               nanoseconds(function.on_double));
    std::fflush(stdout);
  }
  return within ? 0 : 1;
}
