// Short rows taken several at a time, one row a lane: they are transposed in registers into a tile [size, lanes], which
// has a pack for each position in a row, and back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/kernels/transpose.hpp"

namespace perdita::kernels {

inline constexpr std::int64_t most_lanes = 16;

/// Elements of a tile of rows of `size`, rounded up to whole squares.
inline std::int64_t tile_elements(std::int64_t size) {
  return (size + most_lanes - 1) / most_lanes * most_lanes * most_lanes;
}
/// Elements of such rows side by side, and one register more.
inline std::int64_t side_by_side_elements(std::int64_t size) { return tile_elements(size) + most_lanes; }

/// Reads whole registers, the last of them past the last row.
template <class P, class T>
PERDITA_INLINE void transpose_in(const T* rows, std::int64_t size, T* tile) {
  for (std::int64_t k = 0; k < size; k += P::lanes) {
    std::array<P, P::lanes> square;
    for (int lane = 0; lane < P::lanes; ++lane)
      square[static_cast<std::size_t>(lane)] = P::load(rows + lane * size + k);
    transpose(square);
    for (int i = 0; i < P::lanes; ++i) square[static_cast<std::size_t>(i)].store(tile + (k + i) * P::lanes);
  }
}

/// The tile back into rows side by side. The last positions are written first, whole registers at a time: what spills
/// over into the next rows is then overwritten by their own.
template <class P, class T>
PERDITA_INLINE void transpose_out(const T* tile, std::int64_t size, T* rows) {
  for (std::int64_t k = (size - 1) / P::lanes * P::lanes; k >= 0; k -= P::lanes) {
    std::array<P, P::lanes> square;
    for (int i = 0; i < P::lanes; ++i) square[static_cast<std::size_t>(i)] = P::load(tile + (k + i) * P::lanes);
    transpose(square);
    for (int lane = 0; lane < P::lanes; ++lane) square[static_cast<std::size_t>(lane)].store(rows + lane * size + k);
  }
}

/// `count` rows as a tile, over `rows` where the array, of which `available` elements are left, ends too soon for whole
/// registers. Lanes past `count` hold some row that is there.
template <class P, class T>
PERDITA_INLINE void read_tile(const T* first, std::int64_t size, std::int64_t count, std::int64_t available, T* tile,
                              T* rows) {
  if (P::lanes * size + P::lanes <= available) return transpose_in<P>(first, size, tile);
  for (std::int64_t lane = 0; lane < P::lanes; ++lane) {
    for (std::int64_t k = 0; k < size; ++k) rows[lane * size + k] = first[std::min(lane, count - 1) * size + k];
  }
  transpose_in<P>(rows, size, tile);
}

/// The first `count` rows of a tile, over `rows`.
template <class P, class T>
PERDITA_INLINE void write_tile(const T* tile, std::int64_t size, std::int64_t count, T* first, T* rows,
                               bool streaming) {
  transpose_out<P>(tile, size, rows);
  const std::int64_t elements = count * size;
  std::int64_t i = 0;
  if (streaming) {
    for (; i + P::lanes <= elements; i += P::lanes) perdita::detail::stream_pack(first + i, P::load(rows + i));
  } else {
    for (; i + P::lanes <= elements; i += P::lanes) P::load(rows + i).store(first + i);
  }
  if (i < elements) P::load(rows + i).store_first(first + i, static_cast<std::size_t>(elements - i));
}

/// Adds packs lane by lane, for a short stretch in their own type and then in double.
template <class P>
class LaneSums {
  static constexpr bool is_wide = sizeof(typename P::value_type) == sizeof(double);
  using Wide = Pack<double, is_wide ? P::lanes : P::lanes / 2>;

 public:
  PERDITA_INLINE void add(const P& values) { stretch_ = stretch_ + values; }
  /// Both halves of such values, in double.
  PERDITA_INLINE void add(const Wide& low, const Wide& high) {
    low_ = low_ + low;
    high_ = high_ + high;
  }
  PERDITA_INLINE void fold() {
    if constexpr (is_wide) {
      low_ = low_ + stretch_;
    } else {
      low_ = low_ + widened(low_half(stretch_));
      high_ = high_ + widened(high_half(stretch_));
    }
    stretch_ = P(0.0);
  }
  PERDITA_INLINE void store(double* lanes) {
    fold();
    low_.store(lanes);
    if constexpr (!is_wide) high_.store(lanes + Wide::lanes);
  }

 private:
  P stretch_{0.0};
  Wide low_{0.0}, high_{0.0};
};

}  // namespace perdita::kernels
