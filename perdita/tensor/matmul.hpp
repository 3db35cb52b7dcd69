// Matrix products of raw arrays: the only door to oneDNN.
#pragma once

#include <cstdint>

namespace perdita::detail {

/// A row-major matrix in memory; `transposed`: the operand is its transpose.
template <class T>
struct Matrix {
  const T* data = nullptr;
  std::int64_t row_step = 0;  ///< elements from one stored row to the next
  bool transposed = false;
};

/// c[m, n] = a[m, k] b[k, n], added to what c holds if `accumulate`. Rows of c are c_row_step apart; c overlaps
/// nothing. Bit-identical for any number of threads.
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a, const Matrix<float>& b, float* c,
          std::int64_t c_row_step, bool accumulate = false);
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<double>& a, const Matrix<double>& b, double* c,
          std::int64_t c_row_step, bool accumulate = false);

}  // namespace perdita::detail
