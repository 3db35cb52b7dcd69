#include "perdita/tensor/matmul.hpp"

#include <algorithm>
#include <type_traits>

#include "perdita/core/parallel.hpp"
#include "perdita/kernels/matrix_product.hpp"
#ifdef PERDITA_WITH_ONEDNN
#include "perdita/tensor/onednn_product.hpp"
#endif

namespace perdita::detail {

namespace {

template <class T>
kernels::MatrixView<T> view_of(const Matrix<T>& matrix) {
  return {matrix.data, matrix.transposed ? 1 : matrix.row_step, matrix.transposed ? matrix.row_step : 1};
}

/// One thread's share.
template <class T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c,
             std::int64_t c_row_step, bool accumulate) {
#ifdef PERDITA_WITH_ONEDNN
  if constexpr (std::is_same_v<T, float>) {
    if (m > 0 && n > 0 && k > 0) return onednn_product(m, n, k, a, b, c, c_row_step, accumulate);
  }
#endif
  kernels::matrix_product(kernels::ProductTask<T>{.rows = m,
                                                  .columns = n,
                                                  .depth = k,
                                                  .a = view_of(a),
                                                  .b = view_of(b),
                                                  .c = c,
                                                  .c_row_step = c_row_step,
                                                  .accumulates = accumulate});
}

template <class T>
Matrix<T> rows_from(const Matrix<T>& a, std::int64_t begin) {
  return {a.data + (a.transposed ? begin : begin * a.row_step), a.row_step, a.transposed};
}
template <class T>
Matrix<T> columns_from(const Matrix<T>& b, std::int64_t begin) {
  return {b.data + (b.transposed ? begin * b.row_step : begin), b.row_step, b.transposed};
}

// oneDNN left to its own threads may split k and so give other sums for another number of threads (seen with AVX2).
// Here a large product is cut into parts that depend on its size alone, each done by one thread. Cutting columns
// repeats the work of packing a, cutting rows that of packing b: rows unless there are few. More than two parts cost
// a tenth of the time of a product of 50 MFLOP, and a part is worth a thread from about 2 MFLOP.
template <class T>
void divided_product(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c,
                     std::int64_t c_row_step, bool accumulate) {
  const double flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const bool by_columns = n > 4 * m;
  const std::int64_t length = by_columns ? n : m;
  const std::int64_t wanted = flops < 4e6 ? 1 : std::clamp<std::int64_t>(static_cast<std::int64_t>(flops / 50e6), 2, 8);
  const std::int64_t part = ((length + wanted - 1) / wanted + 31) / 32 * 32;  // whole tiles of any instruction set
  if (part >= length) return product(m, n, k, a, b, c, c_row_step, accumulate);
  perdita::parallel_for((length + part - 1) / part, [&](std::int64_t i) {
    const std::int64_t begin = i * part, size = std::min(part, length - begin);
    if (by_columns)
      product(m, size, k, a, columns_from(b, begin), c + begin, c_row_step, accumulate);
    else
      product(size, n, k, rows_from(a, begin), b, c + begin * c_row_step, c_row_step, accumulate);
  });
}

}  // namespace

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<double>& a, const Matrix<double>& b, double* c,
          std::int64_t c_row_step, bool accumulate) {
  divided_product(m, n, k, a, b, c, c_row_step, accumulate);
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a, const Matrix<float>& b, float* c,
          std::int64_t c_row_step, bool accumulate) {
  divided_product(m, n, k, a, b, c, c_row_step, accumulate);
}

}  // namespace perdita::detail
