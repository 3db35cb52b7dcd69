#include "perdita/functional/pair_loss.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "perdita/kernels/domain.hpp"

namespace perdita {

namespace {
std::atomic<bool> all_losses_validate{false};
}

void set_validation(bool on) { all_losses_validate.store(on, std::memory_order_relaxed); }
bool validation() { return all_losses_validate.load(std::memory_order_relaxed); }

namespace detail {

namespace {

void check_same_shape(const char* function, const Tensor& input, const Tensor& target) {
  if (input.shape() != target.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
}

}  // namespace

void check_domain(const char* function, const char* argument, const Tensor& tensor, const Interval& domain,
                  bool allows_nan) {
  const Tensor dense = tensor.detach().contiguous();
  visit_floating(dense.dtype(), function, [&]<class T>() {
    const T* const data = dense.data<T>();
    const bool has_holes = domain.ends_only || !domain.includes_low || !domain.includes_high;
    std::int64_t bad = has_holes ? 0 : kernels::first_outside(data, dense.numel(), domain.low, domain.high);
    const auto is_outside = [&](T x) { return std::isnan(x) ? !allows_nan : !domain.contains(static_cast<double>(x)); };
    bad = std::find_if(data + bad, data + dense.numel(), is_outside) - data;
    if (bad < dense.numel()) {
      fail<ValueError>("{}: {}[{}] is {} (valid: {})", function, argument, bad, data[bad], to_string(domain));
    }
  });
}

Tensor loss_operand(const char* function, const char* argument, const Tensor& tensor, DType dtype) {
  if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  return tensor.to(dtype);
}

DType loss_dtype(const char* function, const Tensor& input, const Tensor& target) {
  if (!input.defined() || !target.defined()) {
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  }
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  return is_floating(target.dtype()) ? promote(input.dtype(), target.dtype()) : input.dtype();
}

void check_broadcast(const char* function, const Shape& input, const Shape& target, const LossOptions& options) {
  if (input == target) return;
  const Shape common = broadcast_shapes(input, target, function);
  if (common == input || common == target || options.broadcasts_both) return;
  fail<ShapeError>(
      "{}: target has shape {}, but input has {}, and their losses would have {} (valid: the same shape, or one that "
      "the other broadcasts to; broadcasts_both allows it)",
      function, target, input, common);
}

void check_loss_operands(const char* function, const LossInfo& info, const Domains& domains, const Tensor& input,
                         const Tensor& target, const LossOptions& options) {
  if (info.broadcasts) {
    check_broadcast(function, input.shape(), target.shape(), options);
  } else {
    check_same_shape(function, input, target);
  }
  if (!info.checks_domain && !validates(options)) return;
  const auto is_bounded = [](const Interval& i) { return std::isfinite(i.low) || std::isfinite(i.high); };
  if (is_bounded(domains.input)) check_domain(function, "input", input, domains.input);
  if (is_bounded(domains.target)) check_domain(function, "target", target, domains.target);
}

Tensor reduce_losses(const char* function, const Tensor& losses, const LossOptions& options, Normalize standard,
                     const Shape* input_shape) {
  const bool weighted = options.weight.defined();
  const Tensor weight = weighted ? options.weight.to(losses.dtype()) : Tensor();
  const Tensor terms = weighted ? losses * weight : losses;
  if (weighted && terms.shape() != losses.shape()) {
    fail<ShapeError>("{}: weight of shape {} does not broadcast to the loss's {}", function, weight.shape(),
                     losses.shape());
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

Tensor mean_of_nothing(const char* function, DType dtype, std::initializer_list<const Tensor*> inputs) {
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
    gradient.mul_(upstream);  // nobody else has it, and it need not be kept
    return b.set(input, std::move(gradient));
  }
  b.set(input, gradient * (classes_dim < 0 || upstream.rank() == 0 ? upstream : upstream.unsqueeze(classes_dim)));
}

}  // namespace detail
}  // namespace perdita
