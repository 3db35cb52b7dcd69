// Products of matrices by one thread.
#pragma once

#include <cstdint>

namespace perdita::kernels {

/// Numbers in memory as rows and columns of any distances.
template <class T>
struct MatrixView {
  const T* data = nullptr;
  std::int64_t row_step = 0, column_step = 1;

  T at(std::int64_t row, std::int64_t column) const { return data[row * row_step + column * column_step]; }
};

template <class T>
struct ProductTask {
  std::int64_t rows, columns, depth;
  MatrixView<T> a;          ///< [rows, depth]
  MatrixView<T> b;          ///< [depth, columns]
  T* c;                     ///< [rows, columns], without overlap with a and b
  std::int64_t c_row_step;  ///< elements from one row of c to the next
  bool accumulates = false;
};

/// c = a b, or c + a b if it accumulates. The terms of an element are added in order of depth.
void matrix_product(const ProductTask<float>& task);
void matrix_product(const ProductTask<double>& task);

}  // namespace perdita::kernels
