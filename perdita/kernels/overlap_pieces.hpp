// How the pixels of masks are dealt to threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "perdita/core/parallel.hpp"
#include "perdita/kernels/overlap.hpp"

namespace perdita::kernels {

/// The pixels of every item, or of every mask, in blocks of the same size for any number of threads.
struct Pieces {
  std::int64_t rows, size, block;
  std::int64_t blocks() const { return (size + block - 1) / block; }  // of a row
  std::int64_t count() const { return rows * blocks(); }
  /// visit(piece, row, begin, end), in parallel.
  template <class Visit>
  void each(const Visit& visit) const {
    const std::int64_t per_row = blocks();
    parallel_for(count(), [&](std::int64_t piece) {
      const std::int64_t begin = piece % per_row * block;
      visit(piece, piece / per_row, begin, std::min(size, begin + block));
    });
  }
};

template <class T>
Pieces pieces_of(const OverlapTask<T>& task) {
  const ClassLayout& layout = task.layout;
  constexpr std::int64_t elements = 16384;
  if (task.targets) return {layout.outer * layout.classes, layout.inner, elements};
  return {layout.outer, layout.inner, std::max<std::int64_t>(64, 2 * elements / layout.classes / 64 * 64)};
}

}  // namespace perdita::kernels
