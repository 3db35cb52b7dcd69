#include "perdita/tensor/matmul.hpp"

#include <algorithm>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#ifdef PERDITA_WITH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace perdita::detail {

namespace {

/// Tiles that fit the cache, rows of b innermost; for double, and for builds without oneDNN.
template <class T>
void plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c,
                std::int64_t c_row_step, bool accumulate) {
  constexpr std::int64_t tile = 64;
  const std::int64_t a_row = a.transposed ? 1 : a.row_step, a_column = a.transposed ? a.row_step : 1;
  const std::int64_t b_row = b.transposed ? 1 : b.row_step, b_column = b.transposed ? b.row_step : 1;
  perdita::parallel_for((m + tile - 1) / tile, [&](std::int64_t block) {
    const std::int64_t begin = block * tile, end = std::min(m, begin + tile);
    for (std::int64_t i = begin; i < end && !accumulate; ++i) std::fill_n(c + i * c_row_step, n, T(0));
    for (std::int64_t j0 = 0; j0 < n; j0 += tile) {
      const std::int64_t columns = std::min(tile, n - j0);
      for (std::int64_t p0 = 0; p0 < k; p0 += tile) {
        const std::int64_t depth = std::min(tile, k - p0);
        T packed[tile][tile];
        for (std::int64_t p = 0; p < depth; ++p) {
          for (std::int64_t j = 0; j < columns; ++j) packed[p][j] = b.data[(p0 + p) * b_row + (j0 + j) * b_column];
        }
        for (std::int64_t i = begin; i < end; ++i) {
          T* row = c + i * c_row_step + j0;
          for (std::int64_t p = 0; p < depth; ++p) {
            const T factor = a.data[i * a_row + (p0 + p) * a_column];
            for (std::int64_t j = 0; j < columns; ++j) row[j] += factor * packed[p][j];
          }
        }
      }
    }
  });
}

}  // namespace

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<double>& a, const Matrix<double>& b, double* c,
          std::int64_t c_row_step, bool accumulate) {
  plain_gemm(m, n, k, a, b, c, c_row_step, accumulate);
}

void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a, const Matrix<float>& b, float* c,
          std::int64_t c_row_step, bool accumulate) {
#ifdef PERDITA_WITH_ONEDNN
  if (m > 0 && n > 0 && k > 0) {
    const dnnl_status_t status =
        dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.data, a.row_step, b.data,
                   b.row_step, accumulate ? 1.0f : 0.0f, c, c_row_step);
    if (status != dnnl_success) fail<Error>("matmul: oneDNN refused a product of {} x {} x {} (status {})", m, k, n, static_cast<int>(status));
    return;
  }
#endif
  plain_gemm(m, n, k, a, b, c, c_row_step, accumulate);
}

}  // namespace perdita::detail
