#include "perdita/functional/embeddings.hpp"

namespace perdita::detail {

void check_vectors(const char* function, const char* argument, const Tensor& x) {
  if (!x.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  if (!is_floating(x.dtype()))
    fail<DTypeError>("{}: {} holds {} (valid: float32, float64)", function, argument, name_of(x.dtype()));
}

void check_pairs(const char* function, const char* first, const Tensor& x, const char* second, const Tensor& y) {
  check_vectors(function, first, x);
  check_vectors(function, second, y);
  if (x.rank() != 2 || x.shape() != y.shape()) {
    fail<ShapeError>("{}: {} has shape {} and {} {} (valid: [N, D] for both)", function, first, x.shape(), second,
                     y.shape());
  }
}

void check_rows(const char* function, const char* argument, const Tensor& x) {
  check_vectors(function, argument, x);
  if (x.rank() != 2) fail<ShapeError>("{}: {} has shape {} (valid: [N, D])", function, argument, x.shape());
}

std::vector<std::int64_t> labels_of_rows(const char* function, const Tensor& target, std::int64_t rows,
                                         std::int64_t classes) {
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (is_floating(target.dtype()) || target.dtype() == DType::boolean) {
    fail<DTypeError>("{}: target holds {} (valid: int64, int32, uint8)", function, name_of(target.dtype()));
  }
  if (target.shape() != Shape{rows}) {
    fail<ShapeError>("{}: target has shape {}, but there are {} rows (valid: [{}])", function, target.shape(), rows,
                     rows);
  }
  std::vector<std::int64_t> labels = target.to(DType::int64).to_vector<std::int64_t>();
  for (std::size_t i = 0; classes >= 0 && i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= classes)
      fail<IndexError>("{}: target[{}] is {} (valid: 0 to {})", function, i, labels[i], classes - 1);
  }
  return labels;
}

DType embedding_dtype(const Tensor& x) { return x.dtype() == DType::float64 ? DType::float64 : DType::float32; }
DType embedding_dtype(const Tensor& x, const Tensor& y) { return embedding_dtype(x.dtype() == DType::float64 ? x : y); }

}  // namespace perdita::detail
