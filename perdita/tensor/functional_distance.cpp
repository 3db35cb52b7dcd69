// Losses that compare vectors by their distance.
#include <cmath>

#include "perdita/tensor/functional.hpp"
#include "perdita/tensor/pair_loss.hpp"

namespace perdita {

namespace {

using namespace detail;

/// ||x||_2 over the last dimension, with a gradient of 0 where it is 0.
Tensor euclidean_norm(const Tensor& x) {
  const Tensor squares = sum(square(x), -1);
  const Tensor is_zero = squares == 0.0;
  return select(is_zero, 0.0, sqrt(select(is_zero, 1.0, squares)));
}

Tensor norm(const Tensor& x, double p) {
  if (p == 2) return euclidean_norm(x);
  if (p == 1) return sum(abs(x), -1);
  if (p == 0) return sum(select(x == 0.0, 0.0 * x, 1.0), -1);
  if (std::isinf(p)) return amax(abs(x), -1);
  const Tensor powers = sum(pow(abs(x), p), -1);
  const Tensor is_zero = powers == 0.0;
  return select(is_zero, 0.0, pow(select(is_zero, 1.0, powers), 1 / p));
}

void check_vectors(const char* function, std::initializer_list<const Tensor*> vectors) {
  const Tensor& first = **vectors.begin();
  for (const Tensor* vector : vectors) {
    if (!vector->defined()) fail<ValueError>("{}: an input is not a tensor", function);
    if (!is_floating(vector->dtype())) {
      fail<DTypeError>("{}: an input holds {} (valid: float32, float64)", function, name_of(vector->dtype()));
    }
    if (vector->rank() == 0 || vector->rank() != first.rank()) {
      fail<ShapeError>("{}: inputs have shapes {} and {} (valid: [..., D] of the same rank)", function, first.shape(),
                       vector->shape());
    }
  }
}

}  // namespace

namespace functional {

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps) {
  check_vectors("pairwise_distance", {&x1, &x2});
  if (!(p >= 0)) fail<ValueError>("pairwise_distance: p is {} (valid: 0 or more)", p);
  return norm(x1 - x2 + eps, p);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             const CosineEmbedding& loss, const LossOptions& options) {
  constexpr const char* function = "cosine_embedding_loss";
  check_vectors(function, {&input1, &input2});
  check_parameters(loss);
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (target.rank() > 1 || target.rank() + 1 != input1.rank()) {
    fail<ShapeError>("{}: target has shape {}, but the inputs have {} and {} (valid: [] for [D], [N] for [N, D])",
                     function, target.shape(), input1.shape(), input2.shape());
  }
  const DType dtype = promote(input1.dtype(), input2.dtype());
  const Tensor x1 = input1.to(dtype), x2 = input2.to(dtype);
  constexpr double epsilon = 1e-12F;  // as PyTorch stores it
  const Tensor lengths = (sum(square(x1), -1) + epsilon) * (sum(square(x2), -1) + epsilon);
  const Tensor cosine = sum(x1 * x2, -1) / sqrt(lengths);
  return reduce_losses(function, loss(cosine, target.to(dtype)), options, Normalize::count);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, const TripletMargin& loss,
                                         const LossOptions& options) {
  constexpr const char* function = "triplet_margin_with_distance_loss";
  check_vectors(function, {&anchor, &positive, &negative});
  check_parameters(loss);
  if (!distance) fail<ValueError>("{}: there is no distance (valid: a function of two tensors)", function);
  const Tensor near = distance(anchor, positive);
  Tensor far = distance(anchor, negative);
  if (loss.swap) far = min(far, distance(positive, negative));
  return reduce_losses(function, loss(near, far), options, Normalize::count);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMargin& loss, const LossOptions& options) {
  const auto distance = [&](const Tensor& a, const Tensor& b) { return pairwise_distance(a, b, loss.p, loss.eps); };
  return triplet_margin_with_distance_loss(anchor, positive, negative, distance, loss, options);
}

}  // namespace functional
}  // namespace perdita
