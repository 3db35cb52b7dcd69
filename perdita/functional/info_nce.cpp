// Contrastive cross-entropy of cosines on tensors.
#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/embeddings.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"
#include "perdita/functional/unit_vectors.hpp"

namespace perdita {

namespace {

using namespace detail;

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
  check_pairs(function, "query", *x[0], "positive", *x[1]);
  if (negatives.defined()) check_negatives(function, *x[0], negatives);
  check_parameters(loss);
  DType dtype = promote(x[0]->dtype(), x[1]->dtype());
  if (negatives.defined()) dtype = promote(dtype, negatives.dtype());
  const Tensor query = unit_vectors(x[0]->to(dtype)) / loss.temperature, key = unit_vectors(x[1]->to(dtype));
  const std::int64_t count = query.size(0);

  if (count == 0) return reduce_losses(function, sum(query * key, 1), options, Normalize::count);
  // Weights belong to queries, not to classes: they are applied to the losses of queries.
  const ClassOptions of_rows{.reduction = options.weight.defined() ? Reduction::none : options.reduction,
                             .normalize_by = options.weight.defined() ? Normalize::standard : options.normalize_by,
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
