// Losses that compare vectors by their distance.
#include <cmath>

#include "perdita/functional/functional.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/losses/comparing_kernels.hpp"

namespace perdita {

namespace {

using namespace detail;

Tensor norm(const Tensor& x, double p) {
  if (p == 2) return EuclideanNorm::root(sum(EuclideanNorm::term(x), -1));
  if (p == 1) return ManhattanNorm::root(sum(ManhattanNorm::term(x), -1));
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

Shape without_last(Shape shape) {
  shape.erase(shape.rank() - 1);
  return shape;
}

/// A loss of rows of vectors by its kernel; `targets` are one for each row, where the formula has such.
template <class OfSums, std::size_t n, class Formula>
Tensor vector_loss(const char* function, const OfSums& of_sums, const std::array<Tensor, n>& vectors,
                   const Tensor& targets, const LossOptions& options, Formula formula) {
  const Shape rows = without_last(vectors[0].shape());
  return visit_floating(vectors[0].dtype(), function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, n>& out) {
      kernels::VectorRowsTask<T, static_cast<int>(n)> task{.rows = numel(rows),
                                                           .size = vectors[0].size(-1),
                                                           .targets = targets.defined() ? targets.data<T>() : nullptr,
                                                           .gradients = out.gradients,
                                                           .scale = out.scale,
                                                           .losses = out.losses};
      for (std::size_t k = 0; k < n; ++k) task.vectors[k] = vectors[k].template data<T>();
      return kernels::vector_rows_loss(of_sums, task);
    };
    return kernel_loss<T>(function, vectors, rows, options, compute, std::move(formula));
  });
}

Tensor cosine_embedding_by_formula(const char* function, const CosineEmbeddingOfSums& loss, const Tensor& x1,
                                   const Tensor& x2, const Tensor& target, const LossOptions& options) {
  const Tensor losses =
      loss.value(sum(loss.term<0>(x1, x2), -1), sum(loss.term<1>(x1, x2), -1), sum(loss.term<2>(x1, x2), -1), target);
  return reduce_losses(function, losses, options, Normalize::count);
}

Tensor triplet_margin_by_formula(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                 const TripletMargin& loss, const LossOptions& options) {
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return functional::pairwise_distance(a, b, loss.p, loss.eps);
  };
  return functional::triplet_margin_with_distance_loss(anchor, positive, negative, distance, loss, options);
}

template <class Norm>
Tensor triplet_margin_by_kernel(const std::array<Tensor, 3>& vectors, const TripletMargin& loss,
                                const LossOptions& options) {
  constexpr const char* function = "triplet_margin_loss";
  const auto formula = [loss, options = without_extras(options)](std::span<const Tensor> x) {
    return triplet_margin_by_formula(x[0], x[1], x[2], loss, options);
  };
  if (loss.swap) return vector_loss(function, TripletMarginOfSums<Norm, true>{loss}, vectors, {}, options, formula);
  return vector_loss(function, TripletMarginOfSums<Norm, false>{loss}, vectors, {}, options, formula);
}

}  // namespace

Tensor detail::own_call(const char* function, const CosineEmbedding& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input1 = *x[0], &input2 = *x[1], &target = *x[2];
  check_vectors(function, {&input1, &input2});
  check_parameters(loss);
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (target.rank() > 1 || target.rank() + 1 != input1.rank()) {
    fail<ShapeError>("{}: target has shape {}, but the inputs have {} and {} (valid: [] for [D], [N] for [N, D])",
                     function, target.shape(), input1.shape(), input2.shape());
  }
  const DType dtype = promote(input1.dtype(), input2.dtype());
  const Tensor x1 = input1.to(dtype), x2 = input2.to(dtype), t = target.to(dtype);
  if (validates(options)) check_domain(function, "target", t, CosineEmbedding::info.target);
  const CosineEmbeddingOfSums of_sums{loss};
  const bool is_plain = are_dense_alike({&x1, &x2}) && t.is_contiguous() && t.shape() == without_last(x1.shape()) &&
                        !options.weight.defined() && !needs_grad({&t});
  if (!is_plain) return cosine_embedding_by_formula(function, of_sums, x1, x2, t, options);
  return vector_loss(function, of_sums, std::array{x1, x2}, t, options,
                     [=, target = Saved(t), options = without_extras(options)](std::span<const Tensor> recorded) {
                       return cosine_embedding_by_formula(function, of_sums, recorded[0], recorded[1],
                                                          target.get(function), options);
                     });
}

Tensor detail::own_call(const char* function, const TripletMargin& loss, GivenTensors x, const LossOptions& options) {
  check_vectors(function, {x[0], x[1], x[2]});
  check_parameters(loss);
  const DType dtype = promote(promote(x[0]->dtype(), x[1]->dtype()), x[2]->dtype());
  const std::array vectors{x[0]->to(dtype), x[1]->to(dtype), x[2]->to(dtype)};
  const bool is_plain = are_dense_alike({&vectors[0], &vectors[1], &vectors[2]}) && !options.weight.defined();
  if (is_plain && loss.p == 2) return triplet_margin_by_kernel<EuclideanNorm>(vectors, loss, options);
  if (is_plain && loss.p == 1) return triplet_margin_by_kernel<ManhattanNorm>(vectors, loss, options);
  return triplet_margin_by_formula(vectors[0], vectors[1], vectors[2], loss, options);
}

namespace functional {

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps) {
  check_vectors("pairwise_distance", {&x1, &x2});
  if (!(p >= 0)) fail<ValueError>("pairwise_distance: p is {} (valid: 0 or more)", p);
  return norm(x1 - x2 + eps, p);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, const TripletMargin& loss,
                                         const LossOptions& options) {
  constexpr const char* function = "triplet_margin_with_distance_loss";
  check_options(function, options);
  check_vectors(function, {&anchor, &positive, &negative});
  check_parameters(loss);
  if (!distance) fail<ValueError>("{}: distance is empty (valid: a function of two tensors)", function);
  const Tensor near = distance(anchor, positive);
  Tensor far = distance(anchor, negative);
  if (loss.swap) far = min(far, distance(positive, negative));
  return reduce_losses(function, loss(near, far), options, Normalize::count);
}

}  // namespace functional
}  // namespace perdita
