#include "perdita/kernels/staged_rows.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/narrow.hpp"
#include "perdita/kernels/stream.hpp"

namespace perdita::kernels {

namespace {

/// A tile: `rows` rows of one outer index, or of several where classes are the last dimension.
struct Part {
  std::int64_t first_row, rows;
};

template <class T>
void read(T* to, const StagedRows::Array& from, std::int64_t at, std::int64_t count) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_narrow(from.dtype))
      return perdita::detail::widen(to, static_cast<const std::uint16_t*>(from.data) + at, from.dtype, count);
  }
  std::memcpy(to, static_cast<const T*>(from.data) + at, static_cast<std::size_t>(count) * sizeof(T));
}

template <class T>
void write(const StagedRows::Array& to, std::int64_t at, const T* from, std::int64_t count, bool streaming) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_narrow(to.dtype))
      return perdita::detail::narrow(static_cast<std::uint16_t*>(to.data) + at, to.dtype, from, count, streaming);
  }
  std::memcpy(static_cast<T*>(to.data) + at, from, static_cast<std::size_t>(count) * sizeof(T));
}

template <class T>
class Tiles {
 public:
  Tiles(const SoftmaxTask<T>& task, const StagedRows& arrays, const RowsKernel<T>& compute)
      : task_(task), layout_(task.layout), arrays_(arrays), compute_(compute), rows_(rows_of_tile()) {
    const auto elements = static_cast<std::size_t>(layout_.rows() * layout_.classes);
    is_streamed_ = layout_.inner == 1 && arrays.gradient.data &&
                   perdita::detail::is_worth_streaming(arrays.gradient.data, elements * size_of(arrays.gradient.dtype));
  }

  double run() const {
    const std::int64_t along = layout_.inner == 1 ? layout_.outer : layout_.inner;  // what tiles are cut from
    const std::int64_t tiles = (along + rows_ - 1) / rows_, outer = layout_.rows() / along;
    return sum_over_blocks(tiles * outer, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t begin = i % tiles * rows_;
      return run_tile({i / tiles * along + begin, std::min(rows_, along - begin)});
    });
  }

 private:
  /// As many rows as take a part of the cache. The classes of a row in a tile lie an odd number of cache lines apart,
  /// so that they do not share places of the cache.
  std::int64_t rows_of_tile() const {
    constexpr std::int64_t bytes = 96 * 1024, most_bytes = 512 * 1024, line = 64 / sizeof(T);
    const auto of_row = static_cast<std::int64_t>(sizeof(T)) * layout_.classes;
    const std::int64_t rows = std::max<std::int64_t>(1, bytes / of_row);
    // Of two rows, the pass over the first one finds the largest logit of the second.
    if (layout_.inner == 1) return 2 * of_row <= most_bytes ? std::max<std::int64_t>(2, rows) : rows;
    const std::int64_t lines = std::clamp<std::int64_t>(rows / line, 3, 63);
    return (lines % 2 == 0 ? lines - 1 : lines) * line;
  }

  double run_tile(const Part& part) const {
    const std::int64_t elements = part.rows * layout_.classes;
    const bool reads_probabilities = arrays_.probabilities.data != nullptr;
    const auto bytes = static_cast<std::size_t>(elements) * sizeof(T);
    const Buffer scratch = Buffer::allocate(2 * bytes + 64);  // of this tile: compute_ may stage rows again
    T* const logits = static_cast<T*>(scratch.data());
    T* const probabilities = logits + (elements + 15) / 16 * 16;

    each_segment(part, [&](std::int64_t place, std::int64_t at, std::int64_t count) {
      read(logits + place, arrays_.logits, at, count);
      if (reads_probabilities) read(probabilities + place, arrays_.probabilities, at, count);
    });
    SoftmaxTask<T> tile = task_;
    advance_rows(tile, part.first_row);
    tile.layout =
        layout_.inner == 1 ? ClassLayout{part.rows, layout_.classes, 1} : ClassLayout{1, layout_.classes, part.rows};
    tile.logits = logits;
    if (reads_probabilities) tile.probabilities = probabilities;
    if (arrays_.gradient.data) tile.gradient = logits;
    const double sum = compute_(tile);
    if (arrays_.gradient.data) {
      each_segment(part, [&](std::int64_t place, std::int64_t at, std::int64_t count) {
        write(arrays_.gradient, at, logits + place, count, is_streamed_);
      });
      if (is_streamed_) perdita::detail::end_streaming();
    }
    return sum;
  }

  /// Calls visit(place in the tile, place in the arrays, elements) for what lies side by side in both.
  template <class Visit>
  void each_segment(const Part& part, const Visit& visit) const {
    if (layout_.inner == 1)
      return visit(std::int64_t{0}, part.first_row * layout_.classes, part.rows * layout_.classes);
    const std::int64_t outer = part.first_row / layout_.inner, position = part.first_row % layout_.inner;
    for (std::int64_t k = 0; k < layout_.classes; ++k)
      visit(k * part.rows, (outer * layout_.classes + k) * layout_.inner + position, part.rows);
  }

  const SoftmaxTask<T>& task_;
  ClassLayout layout_;
  const StagedRows& arrays_;
  const RowsKernel<T>& compute_;
  std::int64_t rows_;
  bool is_streamed_ = false;
};

}  // namespace

template <class T>
bool should_be_staged(const ClassLayout& layout, const StagedRows& arrays) {
  for (const StagedRows::Array* array : {&arrays.logits, &arrays.probabilities, &arrays.gradient}) {
    if (array->data && is_narrow(array->dtype)) return true;
  }
  constexpr std::int64_t few_classes = 16, page = 4096 / sizeof(T);
  return layout.classes > few_classes && layout.inner >= page;
}

template <class T>
double staged_rows(const SoftmaxTask<T>& task, const StagedRows& arrays, const RowsKernel<T>& compute) {
  return Tiles<T>(task, arrays, compute).run();
}

template bool should_be_staged<float>(const ClassLayout&, const StagedRows&);
template bool should_be_staged<double>(const ClassLayout&, const StagedRows&);
template double staged_rows(const SoftmaxTask<float>&, const StagedRows&, const RowsKernel<float>&);
template double staged_rows(const SoftmaxTask<double>&, const StagedRows&, const RowsKernel<double>&);

}  // namespace perdita::kernels
