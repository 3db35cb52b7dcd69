// A product by oneDNN on one thread. For matmul.cpp only.
#pragma once

#include "perdita/tensor/matmul.hpp"

namespace perdita::detail {

/// As gemm(), for sizes above 0, without other threads. Throws Error when oneDNN refuses.
void onednn_product(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a, const Matrix<float>& b,
                    float* c, std::int64_t c_row_step, bool accumulate);

}  // namespace perdita::detail
