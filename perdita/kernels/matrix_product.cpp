// The blocks of Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008, section 4:
// a block of a stays in the second-level cache and a strip of b in the first, both copied into the order in which the
// innermost loop reads them, which keeps a tile of c in registers.
#include "perdita/kernels/matrix_product.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

/// Sizes of blocks: of depth for both operands, of rows of a (a multiple of all tiles), and of columns of b.
constexpr std::int64_t depth_block = 192, row_block = 144, column_block = 2048;

struct MatrixProduct {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, const ProductTask<T>* task) const {
    Blocks<AnyTarget, T>{*task}.run();
  }

 private:
  /// The loops over blocks for one instruction set.
  template <class AnyTarget, class T>
  struct Blocks {
    using Pack = typename AnyTarget::template pack<T>;
    using Raw = typename Pack::Raw;
    static constexpr int lanes = Pack::lanes;
    static constexpr int packs = 2, tile_columns = packs * lanes;
    // 24, 12 and 8 accumulators: 32 registers with AVX-512, 16 otherwise.
    static constexpr int tile_rows = AnyTarget::isa == Isa::avx512 ? 12 : AnyTarget::isa == Isa::avx2 ? 6 : 4;

    const ProductTask<T>& task;

    PERDITA_INLINE void run() const {
      const std::int64_t depth = std::min(task.depth, depth_block);
      const std::int64_t rows = std::min(whole_tiles(task.rows, tile_rows), row_block);
      const std::int64_t columns = std::min(whole_tiles(task.columns, tile_columns), column_block);
      const std::unique_ptr<T[]> a(new T[static_cast<std::size_t>(rows * depth)]);
      const std::unique_ptr<T[]> b(new T[static_cast<std::size_t>(columns * depth)]);
      for (std::int64_t j = 0; j < task.columns; j += column_block) {
        for (std::int64_t p = 0; p < task.depth; p += depth_block) {
          copy_strips(b.get(), p, j);
          for (std::int64_t i = 0; i < task.rows; i += row_block) {
            copy_rows(a.get(), i, p);
            add_block(a.get(), b.get(), i, p, j);
          }
        }
      }
    }

    static PERDITA_INLINE std::int64_t whole_tiles(std::int64_t count, std::int64_t tile) {
      return (count + tile - 1) / tile * tile;
    }

    /// b[p..., j...] as strips of tile_columns columns, zeros behind the last column.
    PERDITA_INLINE void copy_strips(T* to, std::int64_t p0, std::int64_t j0) const {
      const std::int64_t depth = std::min(depth_block, task.depth - p0);
      const std::int64_t end = std::min(j0 + column_block, task.columns);
      for (std::int64_t j = j0; j < end; j += tile_columns, to += depth * tile_columns) {
        const std::int64_t columns = std::min<std::int64_t>(tile_columns, end - j);
        if (columns < tile_columns) std::fill_n(to, depth * tile_columns, T(0));
        if (task.b.column_step == 1) {
          for (std::int64_t p = 0; p < depth; ++p)
            std::memcpy(to + p * tile_columns, task.b.data + (p0 + p) * task.b.row_step + j,
                        static_cast<std::size_t>(columns) * sizeof(T));
        } else {
          for (std::int64_t column = 0; column < columns; ++column)
            for (std::int64_t p = 0; p < depth; ++p) to[p * tile_columns + column] = task.b.at(p0 + p, j + column);
        }
      }
    }

    /// a[i..., p...] as strips of tile_rows rows, zeros behind the last row.
    PERDITA_INLINE void copy_rows(T* to, std::int64_t i0, std::int64_t p0) const {
      const std::int64_t depth = std::min(depth_block, task.depth - p0);
      const std::int64_t end = std::min(i0 + row_block, task.rows);
      for (std::int64_t i = i0; i < end; i += tile_rows, to += depth * tile_rows) {
        const std::int64_t rows = std::min<std::int64_t>(tile_rows, end - i);
        if (rows < tile_rows) std::fill_n(to, depth * tile_rows, T(0));
        for (std::int64_t row = 0; row < rows; ++row)
          for (std::int64_t p = 0; p < depth; ++p) to[p * tile_rows + row] = task.a.at(i + row, p0 + p);
      }
    }

    PERDITA_INLINE void add_block(const T* a, const T* b, std::int64_t i0, std::int64_t p0, std::int64_t j0) const {
      const std::int64_t depth = std::min(depth_block, task.depth - p0);
      const std::int64_t row_end = std::min(i0 + row_block, task.rows);
      const std::int64_t column_end = std::min(j0 + column_block, task.columns);
      const bool adds = task.accumulates || p0 > 0;
      for (std::int64_t j = j0; j < column_end; j += tile_columns) {
        const T* const strip = b + (j - j0) * depth;
        const std::int64_t columns = std::min<std::int64_t>(tile_columns, column_end - j);
        for (std::int64_t i = i0; i < row_end; i += tile_rows) {
          const std::int64_t rows = std::min<std::int64_t>(tile_rows, row_end - i);
          add_tile(a + (i - i0) * depth, strip, depth, rows, columns, task.c + i * task.c_row_step + j, adds);
        }
      }
    }

    /// One tile of c: `rows` x `columns` of it exist.
    PERDITA_INLINE void add_tile(const T* a, const T* b, std::int64_t depth, std::int64_t rows, std::int64_t columns,
                                 T* c, bool adds) const {
      Raw sums[tile_rows][packs] = {};
      for (std::int64_t p = 0; p < depth; ++p) {
        Raw right[packs];
        std::memcpy(right, b + p * tile_columns, sizeof right);
#pragma GCC unroll 12
        for (int row = 0; row < tile_rows; ++row) {
          const Raw left = Raw{} + a[p * tile_rows + row];
#pragma GCC unroll 2
          for (int k = 0; k < packs; ++k) sums[row][k] += left * right[k];
        }
      }
#pragma GCC unroll 12
      for (int row = 0; row < tile_rows; ++row) {
        if (row >= rows) continue;
        T* const to = c + row * task.c_row_step;
        if (columns == tile_columns) {
#pragma GCC unroll 2
          for (int k = 0; k < packs; ++k) {
            Raw before = {};
            if (adds) std::memcpy(&before, to + k * lanes, sizeof before);
            before += sums[row][k];
            std::memcpy(to + k * lanes, &before, sizeof before);
          }
        } else {
          T numbers[tile_columns];
          std::memcpy(numbers, sums[row], sizeof numbers);
          for (std::int64_t j = 0; j < columns; ++j) to[j] = adds ? to[j] + numbers[j] : numbers[j];
        }
      }
    }
  };
};

/// The product with fewer columns than a tile has: each row of c is computed separately.
template <class T>
void narrow_product(const ProductTask<T>& task) {
  for (std::int64_t i = 0; i < task.rows; ++i) {
    T* const row = task.c + i * task.c_row_step;
    if (!task.accumulates) std::fill_n(row, task.columns, T(0));
    for (std::int64_t p = 0; p < task.depth; ++p) {
      const T factor = task.a.at(i, p);
      for (std::int64_t j = 0; j < task.columns; ++j) row[j] += factor * task.b.at(p, j);
    }
  }
}

template <class T>
void product(const ProductTask<T>& task) {
  constexpr std::int64_t narrow = 4;
  if (task.rows == 0 || task.columns == 0) return;
  if (task.columns < narrow || task.depth == 0) return narrow_product(task);
  run(MatrixProduct{}, &task);
}

}  // namespace

void matrix_product(const ProductTask<float>& task) { product(task); }
void matrix_product(const ProductTask<double>& task) { product(task); }

}  // namespace perdita::kernels
