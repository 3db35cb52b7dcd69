// The table of docs/accuracy.md: every function over all 2^32 floats (or every STRIDE-th of them) against the C library
// in double, over samples of doubles against MPFR, and its time an element in the first-level cache.
//
//     PERDITA_ISA=avx512 functions_exhaustive [STRIDE [NAME...]]
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "math/function_samples.hpp"
#include "math/function_table.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::test {
namespace {

struct Worst {
  double error = 0.0, x = 0.0;
  void take(double new_error, double new_x) {
    if (new_error > error) *this = {new_error, new_x};
  }
};

/// All floats whose bits are a multiple of `stride`, half of them in each thread.
Worst worst_of_all_floats(const Function& function, std::uint64_t stride) {
  constexpr std::size_t block = 4096;
  constexpr std::uint64_t all = std::uint64_t{1} << 32;
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  Worst worst;
  std::mutex mutex;
  const auto work = [&](unsigned part) {
    std::vector<float> x(block), y(block);
    Worst mine;
    const std::uint64_t step = block * stride;
    for (std::uint64_t first = part * step; first < all; first += threads * step) {
      if (part == 0 && first % (std::uint64_t{1} << 26) < threads * step) {
        fmt::print(stderr, "\r{:>18} {:3.0f} %", function.name, 100.0 * static_cast<double>(first) / all);
      }
      for (std::size_t i = 0; i < block; ++i) {
        x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(first + i * stride));
      }
      function.on_float(x.data(), y.data(), block);
      for (std::size_t i = 0; i < block; ++i) mine.take(ulp_error(y[i], function.libm(x[i])), x[i]);
    }
    const std::lock_guard lock(mutex);
    worst.take(mine.error, mine.x);
  };
  std::vector<std::jthread> pool;
  for (unsigned part = 0; part < threads; ++part) pool.emplace_back(work, part);
  pool.clear();
  fmt::print(stderr, "\r{:30}\r", "");
  return worst;
}

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
    const Worst in_float = worst_of_all_floats(function, stride), in_double = worst_of_sampled_doubles(function);
    within &= in_float.error <= function.bound_float && in_double.error <= function.bound_double;
    fmt::print("| {} | {:.3f} | {:.9g} | {:.3f} | {:.17g} | {:.2f} | {:.2f} |\n", function.name, in_float.error,
               in_float.x, in_double.error, in_double.x, nanoseconds(function.on_float),
               nanoseconds(function.on_double));
    std::fflush(stdout);
  }
  return within ? 0 : 1;
}
