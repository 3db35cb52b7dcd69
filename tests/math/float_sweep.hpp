// A function over every float, or every so many, against the C library in double.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "math/function_table.hpp"

namespace perdita::test {

struct Worst {
  double error = 0.0, x = 0.0;
  void take(double new_error, double new_x) {
    if (new_error > error) *this = {new_error, new_x};
  }
};

/// All floats whose bits are a multiple of `stride`, shared among the processors. `tell` hears of the share done.
template <class Tell>
Worst worst_of_all_floats(const Function& function, std::uint64_t stride, const Tell& tell) {
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
      if (part == 0 && first % (std::uint64_t{1} << 26) < threads * step) tell(static_cast<double>(first) / all);
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
  return worst;
}

}  // namespace perdita::test
