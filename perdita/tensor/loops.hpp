// Walks several strided arrays of one shape at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "perdita/core/parallel.hpp"
#include "perdita/core/shape.hpp"

namespace perdita::detail {

/// Calls row(offsets, steps, count) for runs that cover every index of `shape` once: operand k has its first element
/// at offsets[k] and the next ones steps[k] apart. Runs are cut at fixed places, whatever the number of threads.
template <std::size_t n, class Row>
void for_each_row(Shape shape, std::array<Strides, n> strides, Row&& row) {
  using Offsets = std::array<std::int64_t, n>;
  collapse(shape, strides);
  const std::int64_t total = numel(shape);
  if (total == 0) return;
  if (shape.rank() == 0) return row(Offsets{}, Offsets{}, std::int64_t{1});
  const int last = shape.rank() - 1;
  Offsets steps;
  for (std::size_t k = 0; k < n; ++k) steps[k] = strides[k][last];
  constexpr std::int64_t block = 1 << 15;
  perdita::parallel_for((total + block - 1) / block, [&](std::int64_t b) {
    std::int64_t begin = b * block;
    const std::int64_t end = std::min(total, begin + block);
    while (begin < end) {
      Offsets offsets{};
      std::int64_t rest = begin, room = 0;
      for (int d = last; d >= 0; --d) {
        const std::int64_t index = rest % shape[d];
        rest /= shape[d];
        if (d == last) room = shape[d] - index;
        for (std::size_t k = 0; k < n; ++k) offsets[k] += index * strides[k][d];
      }
      const std::int64_t count = std::min(room, end - begin);
      row(offsets, steps, count);
      begin += count;
    }
  });
}

}  // namespace perdita::detail
