#include "perdita/functional/reduce_losses.hpp"

#include <limits>
#include <vector>

namespace perdita::detail {

Tensor reduce_losses(const char* function, const Tensor& losses, const LossOptions& options, Normalize standard,
                     const Shape* input_shape) {
  const bool weighted = options.weight.defined();
  const Tensor weight = weighted ? options.weight.to(losses.dtype()) : Tensor();
  const Tensor terms = weighted ? losses * weight : losses;
  if (weighted && terms.shape() != losses.shape()) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the shape {} of the losses", function,
                     weight.shape(), losses.shape());
  }
  if (options.extras) *options.extras = {.losses = terms.detach()};
  if (options.reduction == Reduction::none) {
    if (options.extras) options.extras->numerator = sum(options.extras->losses).item();
    return terms;
  }
  const Tensor total = sum(terms);
  if (options.extras) options.extras->numerator = total.item();
  if (options.reduction == Reduction::sum) return total;

  const bool by_batch = options.reduction == Reduction::batchmean;
  const Normalize given = options.normalize_by == Normalize::standard ? standard : options.normalize_by;
  const Normalize normalize = by_batch ? Normalize::batch : given;
  if (normalize == Normalize::weight_sum && weighted) {
    const Tensor weights = sum(weight.expand(terms.shape()));
    if (options.extras) options.extras->denominator = weights.item();
    return total / weights;
  }
  const double count = static_cast<double>(terms.numel());
  const Shape& batch = by_batch && input_shape != nullptr ? *input_shape : terms.shape();
  const double denominator = denominator_of(normalize, batch, count, count);
  if (options.extras) options.extras->denominator = denominator;
  return denominator == 0 ? mean_of_nothing(function, losses.dtype(), {&losses}) : total / denominator;
}

Tensor reduce_present(const char* function, const Tensor& losses, const Tensor& target, const LossOptions& options,
                      Normalize standard, const Shape* input_shape) {
  if (!options.missing || !is_real(target.dtype()))
    return reduce_losses(function, losses, options, standard, input_shape);
  const Tensor is_present = target.detach() == target.detach(), zero = Tensor::zeros({}, losses.dtype());
  const Tensor present = select(is_present, losses, zero);
  const bool is_weighted = options.weight.defined();
  LossOptions own = options;
  if (is_weighted) own.weight = select(is_present, options.weight.to(losses.dtype()), zero);
  const Normalize given = options.normalize_by == Normalize::standard ? standard : options.normalize_by;
  if (options.reduction != Reduction::mean || given == Normalize::batch)
    return reduce_losses(function, present, own, standard, input_shape);
  own.reduction = Reduction::sum, own.normalize_by = Normalize::standard;
  const Tensor total = reduce_losses(function, present, own, standard, input_shape);
  const Tensor factors = given == Normalize::weight_sum && is_weighted ? own.weight : is_present.to(losses.dtype());
  const Tensor divisor = sum(factors.expand(losses.shape()));
  const double value = divisor.item();
  if (options.extras) options.extras->denominator = value;
  return value == 0 ? mean_of_nothing(function, losses.dtype(), {&losses}) : total / divisor;
}

Tensor mean_of_nothing(const char* function, DType dtype, std::span<const Tensor* const> inputs) {
  std::vector<Tensor> given;
  std::vector<Shape> shapes;
  for (const Tensor* input : inputs) {
    if (!input->defined()) continue;
    given.push_back(*input);
    shapes.push_back(input->shape());
  }
  const Tensor nan = Tensor::full({}, std::numeric_limits<double>::quiet_NaN(), dtype);
  return make_node(function, nan, std::span<const Tensor>(given), [shapes, dtype](BackwardContext& b) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      if (b.wants(static_cast<int>(i))) b.set(static_cast<int>(i), Tensor::zeros(shapes[i], dtype));
    }
  });
}

double denominator_of(Normalize normalize, const Shape& shape, double count, double weight_sum) {
  switch (normalize) {
    case Normalize::count:
      return count;
    case Normalize::weight_sum:
      return weight_sum;
    case Normalize::batch:
      return shape.rank() == 0 ? 1.0 : static_cast<double>(shape[0]);
    case Normalize::standard:
      break;
  }
  return count;
}

void scale_gradient(BackwardContext& b, Tensor& gradient, int classes_dim, int input) {
  const Tensor& upstream = b.upstream();
  if (upstream.numel() == 1 && gradient.numel() != 1 && !b.create_graph()) {
    const double factor = upstream.item();
    if (factor == 1.0 && b.may_consume()) return b.set(input, std::move(gradient));
    return b.set(input, gradient * factor);
  }
  if (b.may_consume() && !b.create_graph() && upstream.shape() == gradient.shape()) {
    gradient.mul_(upstream);  // its only owner is this node, which is not used again
    return b.set(input, std::move(gradient));
  }
  b.set(input, gradient * (classes_dim < 0 || upstream.rank() == 0 ? upstream : upstream.unsqueeze(classes_dim)));
}

}  // namespace perdita::detail
