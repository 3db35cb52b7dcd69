// Losses of two views of each sample.
#include "perdita/functional/embeddings.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/in_blocks.hpp"
#include "perdita/functional/unit_vectors.hpp"

namespace perdita {

namespace {

using namespace detail;

/// Whether element [i, j] of the rows [begin, end) of a matrix is on its diagonal, `shift` columns to the right.
Tensor is_own(std::int64_t begin, std::int64_t end, std::int64_t columns, std::int64_t shift = 0) {
  const Tensor own = Tensor::arange(end - begin) + (begin + shift);
  return own.unsqueeze(1) == Tensor::arange(columns).unsqueeze(0);
}

/// A factor or a summand of all logits; `standard` if it is not given.
Tensor scalar_of(const char* function, const char* argument, GivenTensors x, std::size_t index, double standard,
                 DType dtype) {
  const Tensor given = x.size() > index ? *x[index] : Tensor();
  if (!given.defined()) return Tensor::full({}, standard, dtype);
  check_vectors(function, argument, given);
  if (given.numel() != 1) {
    fail<ShapeError>("{}: {} has shape {} (valid: [], one number)", function, argument, given.shape());
  }
  return given.reshape({}).to(dtype);
}

}  // namespace

Tensor detail::own_call(const char* function, const NtXent& loss, GivenTensors x, const LossOptions& options) {
  check_pairs(function, "query", *x[0], "positive", *x[1]);
  check_parameters(loss);
  const DType dtype = embedding_dtype(*x[0], *x[1]);
  const Tensor vectors = cat({unit_vectors(x[0]->to(dtype)), unit_vectors(x[1]->to(dtype))}, 0);
  const std::int64_t count = vectors.size(0), half = count / 2;
  const auto losses_of = [count, half, temperature = loss.temperature](std::span<const Tensor> e, std::int64_t begin,
                                                                       std::int64_t end) {
    const Tensor logits = matmul(e[0], e[1].t()) / temperature;
    const Tensor others = logsumexp(select(is_own(begin, end, count), absent, logits), 1);
    const Tensor partner = is_own(begin, end, count, half) | is_own(begin, end, count, -half);
    return others - sum(select(partner, logits, 0.0), 1);
  };
  const BlockedLoss blocked{.function = function,
                            .inputs = {vectors, vectors},
                            .units = count,
                            .units_at_a_time = rows_at_a_time(count, dtype),
                            .losses_of = losses_of};
  return loss_in_blocks(blocked, options).to(promote(x[0]->dtype(), x[1]->dtype()));
}

Tensor detail::own_call(const char* function, const ClipContrastive&, GivenTensors x, const LossOptions& options) {
  check_pairs(function, "query", *x[0], "positive", *x[1]);
  const DType dtype = embedding_dtype(*x[0], *x[1]);
  const Tensor query = unit_vectors(x[0]->to(dtype)), key = unit_vectors(x[1]->to(dtype));
  const Tensor scale = scalar_of(function, "logit_scale", x, 2, 1 / 0.07, dtype);
  const auto losses_of = [](std::span<const Tensor> e, std::int64_t, std::int64_t) {
    const Tensor rows = logsumexp(matmul(e[0], e[3].t()) * e[4], 1);
    const Tensor columns = logsumexp(matmul(e[1], e[2].t()) * e[4], 1);
    return 0.5 * (rows + columns) - e[4] * sum(e[0] * e[1], 1);
  };
  const std::int64_t count = query.size(0);
  const BlockedLoss blocked{.function = function,
                            .inputs = {query, key, query, key, scale},
                            .sliced = 2,
                            .units = count,
                            .units_at_a_time = rows_at_a_time(2 * count, dtype),
                            .losses_of = losses_of};
  return loss_in_blocks(blocked, options).to(promote(x[0]->dtype(), x[1]->dtype()));
}

Tensor detail::own_call(const char* function, const Siglip&, GivenTensors x, const LossOptions& options) {
  check_pairs(function, "query", *x[0], "positive", *x[1]);
  const DType dtype = embedding_dtype(*x[0], *x[1]);
  const Tensor query = unit_vectors(x[0]->to(dtype)), key = unit_vectors(x[1]->to(dtype));
  const Tensor scale = scalar_of(function, "logit_scale", x, 2, 10, dtype);
  const Tensor bias = scalar_of(function, "logit_bias", x, 3, -10, dtype);
  const std::int64_t count = query.size(0);
  const auto losses_of = [count](std::span<const Tensor> e, std::int64_t begin, std::int64_t end) {
    const Tensor logits = matmul(e[0], e[1].t()) * e[2] + e[3];
    return sum(softplus(select(is_own(begin, end, count), -logits, logits)), 1);
  };
  const BlockedLoss blocked{.function = function,
                            .inputs = {query, key, scale, bias},
                            .units = count,
                            .units_at_a_time = rows_at_a_time(count, dtype),
                            .losses_of = losses_of};
  return loss_in_blocks(blocked, options).to(promote(x[0]->dtype(), x[1]->dtype()));
}

Tensor detail::own_call(const char* function, const Contrastive& loss, GivenTensors x, const LossOptions& options) {
  check_pairs(function, "input1", *x[0], "input2", *x[1]);
  check_parameters(loss);
  const Tensor& target = *x[2];
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (target.shape() != Shape{x[0]->size(0)}) {
    fail<ShapeError>("{}: target has shape {}, but there are {} pairs (valid: [{}])", function, target.shape(),
                     x[0]->size(0), x[0]->size(0));
  }
  const DType dtype = embedding_dtype(*x[0], *x[1]);
  const Tensor t = target.to(dtype);
  const Tensor squares = sum(square(x[0]->to(dtype) - x[1]->to(dtype)), 1);
  const Tensor apart = relu(loss.margin - EuclideanNorm::root(squares));
  return reduce_losses(function, 0.5 * (t * squares + (1.0 - t) * square(apart)), options, Normalize::count)
      .to(promote(x[0]->dtype(), x[1]->dtype()));
}

}  // namespace perdita
