// Contrastive cross-entropy of cosines on tensors.
#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"
#include "perdita/losses/distance/norm.hpp"

namespace perdita {

namespace {

using namespace detail;

/// x / max(|x|, 1e-12) along the last dimension, with gradient 0 for shorter vectors. Vectors are first divided by
/// their largest component, so that squares neither overflow nor underflow.
Tensor unit_vectors(const Tensor& x) {
  constexpr double shortest = 1e-12;
  const Tensor largest = amax(abs(x.detach()), -1, true);
  const Tensor scaled = x / select(largest > 0.0, largest, 1.0);
  const Tensor norm = EuclideanNorm::root(sum(square(scaled), -1, true));
  const Tensor is_short = largest * norm.detach() <= shortest;
  return select(is_short, x.detach() / shortest, scaled / select(norm > 0.0, norm, 1.0));
}

void check_vectors(const char* function, const char* argument, const Tensor& x) {
  if (!x.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  if (!is_floating(x.dtype()))
    fail<DTypeError>("{}: {} holds {} (valid: float32, float64)", function, argument, name_of(x.dtype()));
}

void check_pairs(const char* function, const Tensor& query, const Tensor& key) {
  check_vectors(function, "query", query);
  check_vectors(function, "positive", key);
  if (query.rank() != 2 || query.shape() != key.shape()) {
    fail<ShapeError>("{}: query has shape {} and positive {} (valid: [N, D] for both)", function, query.shape(),
                     key.shape());
  }
}

void check_negatives(const char* function, const Tensor& query, const Tensor& negatives) {
  check_vectors(function, "negatives", negatives);
  const Shape& shape = negatives.shape();
  const bool is_shared = shape.rank() == 2 && shape[1] == query.size(1);
  const bool is_own = shape.rank() == 3 && shape[0] == query.size(0) && shape[2] == query.size(1);
  if (!is_shared && !is_own) {
    fail<ShapeError>("{}: negatives has shape {}, but query has {} (valid: [M, {}] or [{}, M, {}])", function, shape,
                     query.shape(), query.size(1), query.size(0), query.size(1));
  }
}

/// Cosines of each query with its positive, then with the negatives: [N, 1 + M].
Tensor cosines_with(const Tensor& query, const Tensor& key, const Tensor& negatives) {
  const Tensor with_positive = sum(query * key, 1, true);
  const Tensor with_negatives =
      negatives.rank() == 2 ? matmul(query, negatives.t()) : sum(query.unsqueeze(1) * negatives, 2);
  return cat({with_positive, with_negatives}, 1);
}

}  // namespace

Tensor detail::own_call(const char* function, const InfoNce& loss, GivenTensors x, const LossOptions& options) {
  const Tensor negatives = x.size() > 2 ? *x[2] : Tensor();
  check_pairs(function, *x[0], *x[1]);
  if (negatives.defined()) check_negatives(function, *x[0], negatives);
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  check_parameters(loss);
  DType dtype = promote(x[0]->dtype(), x[1]->dtype());
  if (negatives.defined()) dtype = promote(dtype, negatives.dtype());
  const Tensor query = unit_vectors(x[0]->to(dtype)) / loss.temperature, key = unit_vectors(x[1]->to(dtype));
  const std::int64_t count = query.size(0);

  if (count == 0) return reduce_losses(function, sum(query * key, 1), options, Normalize::count);
  // Weights belong to queries, not to classes: they are applied to the losses of queries.
  const ClassOptions of_rows{.reduction = options.weight.defined() ? Reduction::none : options.reduction,
                             .normalize_by = options.normalize_by,
                             .extras = options.extras};
  const Tensor losses =
      negatives.defined()
          ? cross_entropy_named(function, cosines_with(query, key, unit_vectors(negatives.to(dtype))),
                                Tensor::zeros({count}, DType::int64), of_rows)
          : functional::linear_cross_entropy(
                query, key, Tensor::arange(count),
                {.reduction = of_rows.reduction, .normalize_by = of_rows.normalize_by, .extras = of_rows.extras});
  if (options.weight.defined()) return reduce_losses(function, losses, options, Normalize::count);
  // The logits are cosines, which the extras have no margins of.
  if (options.extras) options.extras->margins = options.extras->hits = Tensor();
  return losses;
}

}  // namespace perdita
