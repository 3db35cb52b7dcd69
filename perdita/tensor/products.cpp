// matmul: shapes, strides and gradients around gemm().
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/matmul.hpp"

namespace perdita {

using namespace detail;

namespace {

/// The last two dimensions of a tensor, which may be a transposed view.
template <class T>
Matrix<T> matrix_of(const Tensor& x) {
  const int r = x.rank() - 2;
  const std::int64_t rows = x.shape()[r], columns = x.shape()[r + 1];
  const std::int64_t row_step = x.strides()[r], column_step = x.strides()[r + 1];
  if (column_step == 1 || columns == 1)
    return {pointer<T>(x), std::max(rows == 1 ? columns : row_step, columns), false};
  return {pointer<T>(x), std::max(column_step, rows), true};
}

/// x itself if gemm() can read its matrices where they are, else a copy.
Tensor readable(const Tensor& x) {
  const int r = x.rank() - 2;
  const std::int64_t rows = x.shape()[r], columns = x.shape()[r + 1];
  const std::int64_t row_step = x.strides()[r], column_step = x.strides()[r + 1];
  const bool plain = (column_step == 1 || columns == 1) && (row_step >= columns || rows == 1);
  const bool turned = (row_step == 1 || rows == 1) && (column_step >= rows || columns == 1);
  ensure_data(x);
  NoGrad no_grad;
  return plain || turned ? x : x.contiguous();
}

/// Products of matrices, or of batches of them where a matrix stands for a batch of itself.
Tensor multiply(const Tensor& a_, const Tensor& b_) {
  const Tensor a = readable(a_), b = readable(b_);
  const std::int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  Shape shape;
  const std::int64_t batches = a.rank() == 3 ? a.shape()[0] : b.rank() == 3 ? b.shape()[0] : 1;
  if (a.rank() == 3 || b.rank() == 3) shape.push_back(batches);
  shape.push_back(m);
  shape.push_back(n);
  Tensor result = Tensor::empty(shape, a.dtype());
  visit_floating(a.dtype(), "matmul", [&]<class T>() {
    Matrix<T> left = matrix_of<T>(a), right = matrix_of<T>(b);
    T* out = pointer<T>(result);
    for (std::int64_t i = 0; i < batches; ++i) {
      gemm(m, n, k, left, right, out + i * m * n, n);
      if (a.rank() == 3) left.data += a.strides()[0];
      if (b.rank() == 3) right.data += b.strides()[0];
    }
  });
  return result;
}

Tensor transposed(const Tensor& x) { return x.transpose(-2, -1); }

/// Whether the matrices of x lie column by column, as in the transpose of a weight.
bool is_turned(const Tensor& x) { return x.strides()[x.rank() - 2] == 1 && x.strides()[x.rank() - 1] != 1; }

/// l r, laid out column by column if `turned`: a weight that was transposed gets its gradient in its own order then,
/// and keeps it without a copy.
Tensor multiply_into(const Tensor& l, const Tensor& r, bool turned) {
  return turned ? transposed(matmul(transposed(r), transposed(l))) : matmul(l, r);
}

/// matmul of operands of rank 2 or 3.
Tensor multiply_recorded(const Tensor& a, const Tensor& b) {
  return make_node(
      "matmul", multiply(a, b), {&a, &b},
      [a_ = needs_grad({&b}) ? Saved(a) : Saved(), b_ = needs_grad({&a}) ? Saved(b) : Saved(), a_shape = a.shape(),
       b_shape = b.shape(), a_turned = is_turned(a), b_turned = is_turned(b)](BackwardContext& c) {
        const Tensor& g = c.upstream();
        if (c.wants(0)) {
          c.set(0, sum_to_shape(multiply_into(g, transposed(b_.get("matmul")), a_turned), a_shape));
        }
        if (!c.wants(1)) return;
        const Tensor& left = a_.get("matmul");
        // One matrix b for a whole batch: one long product instead of a sum over the batch.
        if (b_shape.rank() == 2 && left.rank() == 3) {
          c.set(1, multiply_into(transposed(left.flatten(0, 1)), g.flatten(0, 1), b_turned));
        } else {
          c.set(1, sum_to_shape(multiply_into(transposed(left), g, b_turned), b_shape));
        }
      });
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  require_defined(a, "matmul");
  require_defined(b, "matmul");
  if (a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    fail<DTypeError>("matmul: operands are {} and {} (valid: both float32 or both float64)", name_of(a.dtype()),
                     name_of(b.dtype()));
  }
  const auto mismatch = [&] {
    fail<ShapeError>("matmul: shapes {} and {} (valid: [N,K] x [K,M], [B,N,K] x [B,K,M], or rank 1 for a vector)",
                     a.shape(), b.shape());
  };
  if (a.rank() < 1 || b.rank() < 1 || a.rank() > 3 || b.rank() > 3) mismatch();
  if (a.size(-1) != b.size(b.rank() == 1 ? 0 : -2)) mismatch();
  if (a.rank() == 3 && b.rank() == 3 && a.shape()[0] != b.shape()[0]) mismatch();
  if (a.rank() == 1) {
    const Tensor product = matmul(a.unsqueeze(0), b.rank() == 1 ? b.unsqueeze(1) : b);
    return b.rank() == 1 ? product.reshape({}) : product.squeeze(-2);
  }
  if (b.rank() == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  return multiply_recorded(a, b);
}

}  // namespace perdita
