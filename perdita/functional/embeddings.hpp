// Operands of losses of embeddings.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/tensor/all.hpp"

namespace perdita::detail {

/// What a masked number is replaced by: exp() of its difference from any other is 0, and no derivative is NaN.
inline constexpr double absent = -1e30;

/// Throws ValueError, DTypeError.
void check_vectors(const char* function, const char* argument, const Tensor& x);
/// For two tensors [N, D] that belong together row by row. Throws ShapeError as well.
void check_pairs(const char* function, const char* first, const Tensor& x, const char* second, const Tensor& y);
/// Throws unless x has the shape [N, D].
void check_rows(const char* function, const char* argument, const Tensor& x);

/// The class of each row. Throws DTypeError for numbers that are not integers, ShapeError, and IndexError for labels
/// outside of [0, classes) if `classes` is not negative.
std::vector<std::int64_t> labels_of_rows(const char* function, const Tensor& target, std::int64_t rows,
                                         std::int64_t classes = -1);

/// The dtype that losses of embeddings are computed in.
DType embedding_dtype(const Tensor& x);
DType embedding_dtype(const Tensor& x, const Tensor& y);

}  // namespace perdita::detail
