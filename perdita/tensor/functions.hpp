// Functions of whole tensors: reductions, products, gathering, softmax. All are differentiable, to any order.
#pragma once

#include <optional>
#include <vector>

#include "perdita/tensor/tensor.hpp"

namespace perdita {

// ---- reductions: over all elements (rank 0), one dimension, or several; keepdim leaves sizes of 1 ----

/// Bit-identical for any number of threads. Integers and bool are summed as int64; an empty sum is 0.
Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, int dim, bool keepdim = false);
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim = false);
/// For floating dtypes only (DTypeError); an empty mean is NaN.
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, int dim, bool keepdim = false);
/// Maximum and minimum; NaN if any element is NaN. Tied elements share the gradient equally. Throw ShapeError for an
/// empty range. (max(x, 2.0) and max(x, y) are elementwise.)
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor amax(const Tensor& x, int dim, bool keepdim = false);
Tensor amin(const Tensor& x, int dim, bool keepdim = false);
/// int64 position of the first largest element (of the first NaN, if there is one).
Tensor argmax(const Tensor& x);
Tensor argmax(const Tensor& x, int dim, bool keepdim = false);
/// log(sum(exp(x))) without overflow; -inf if all elements are -inf.
Tensor logsumexp(const Tensor& x, int dim, bool keepdim = false);
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);

// ---- products ----

/// [N,K] x [K,M], [K] x [K,M], [N,K] x [K], [K] x [K] (a scalar), and batches [B,N,K] x [B,K,M], where either side may
/// be one matrix for all. One floating dtype. Throws ShapeError, DTypeError.
Tensor matmul(const Tensor& a, const Tensor& b);

// ---- gathering. Indices are int64 (DTypeError) and in range (IndexError names position and value) ----

/// out[i][j] = x[index[i][j]][j] for dim 0, x[i][index[i][j]] for dim 1, and so on; other sizes at most those of x.
Tensor gather(const Tensor& x, int dim, const Tensor& index);
/// The slices of x along `dim` at the positions in `index` (rank 1), in that order.
Tensor index_select(const Tensor& x, int dim, const Tensor& index);
/// x[index]: rows of x, in the shape of `index`.
Tensor index_rows(const Tensor& x, const Tensor& index);
/// Joins along an existing dimension; dtypes are promoted.
Tensor cat(const std::vector<Tensor>& tensors, int dim = 0);
/// Joins along a new dimension.
Tensor stack(const std::vector<Tensor>& tensors, int dim = 0);
/// int64 labels to int64 zeros and ones, classes last. classes = -1: the largest label + 1.
Tensor one_hot(const Tensor& labels, std::int64_t classes = -1);

namespace detail {
/// x at begin, begin + step, ... of one dimension of zeros.
Tensor embed(const Tensor& x, const Shape& shape, int dim, std::int64_t begin, std::int64_t step);
/// Undoes broadcasting: sums over the dimensions that `shape` lacks or has 1 of.
Tensor sum_to_shape(const Tensor& x, const Shape& shape);
/// Zeros of `shape` to which src[i][j] is added at [index[i][j]][j] and so on: the gradient of gather.
Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source);
/// Zeros of `shape` to whose slices at `index` those of `source` are added: the gradient of index_select.
Tensor index_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source);
}  // namespace detail

}  // namespace perdita
