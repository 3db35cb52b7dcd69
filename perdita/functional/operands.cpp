#include "perdita/functional/operands.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "perdita/functional/loss_call.hpp"
#include "perdita/kernels/domain.hpp"

namespace perdita {

namespace {
std::atomic<bool> all_losses_validate{false};
}

void set_validation(bool on) { all_losses_validate.store(on, std::memory_order_relaxed); }
bool validation() { return all_losses_validate.load(std::memory_order_relaxed); }

namespace detail {

namespace {

/// The input, and a number of the domain where the target is missing.
Tensor present_or(const Tensor& input, const Tensor& target, const Interval& domain) {
  const NoGrad no_grad;
  const bool has_low = std::isfinite(domain.low), has_high = std::isfinite(domain.high);
  const double inside = has_low && has_high ? (domain.low + domain.high) / 2
                        : has_low           ? domain.low + 1
                                            : domain.high - 1;
  return select(target == target, input.to(computing_type(input.dtype())), inside);
}

void check_same_shape(const char* function, const Tensor& input, const Tensor& target) {
  if (input.shape() != target.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
}

}  // namespace

Widened::Widened(GivenTensors given) {
  tensors_.reserve(given.size());  // pointers into it stay valid
  for (const Tensor* tensor : given) {
    const bool is_kept = !tensor->defined() || !is_narrow(tensor->dtype());
    if (!is_kept) tensors_.push_back(tensor->to(DType::float32));
    pointers_.push_back(is_kept ? tensor : &tensors_.back());
  }
}

void check_domain(const char* function, const char* argument, const Tensor& tensor, const Interval& domain,
                  bool allows_nan) {
  const Tensor dense = tensor.detach().to(is_floating(tensor.dtype()) ? tensor.dtype() : DType::float32).contiguous();
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
  if (!is_real(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  return computing_type(is_real(target.dtype()) ? promote(input.dtype(), target.dtype()) : input.dtype());
}

void check_element_options(std::string_view function, const LossInfo& info, const LossOptions& options) {
  if (options.missing && !is_elementwise(info)) {
    fail<ValueError>("{}: missing is not supported (valid: for losses of an input and a target element)", function);
  }
  if (options.pos_weight.defined() && !takes_pos_weight(info))
    fail<ValueError>("{}: pos_weight is not supported", function);
  if (options.label_smoothing != 0 && !has_smooth_labels(info)) {
    fail<ValueError>("{}: label_smoothing is not supported (valid: for losses of classes, and of labels from 0 to 1)",
                     function);
  }
}

void check_broadcast(const char* function, const Shape& input, const Shape& target, const LossOptions& options) {
  if (input == target) return;
  const Shape common = broadcast_shapes(input, target, function);
  if (common == input || common == target || options.broadcasts_both) return;
  fail<ShapeError>(
      "{}: target has shape {}, but input has {}, and the losses would have {} (valid: the same shape, or a shape to "
      "which the other broadcasts; broadcasts_both allows this)",
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
  const bool leaves_out = options.missing && is_real(target.dtype());
  if (is_bounded(domains.input))
    check_domain(function, "input", leaves_out ? present_or(input, target, domains.input) : input, domains.input);
  if (is_bounded(domains.target)) check_domain(function, "target", target, domains.target, leaves_out);
}

}  // namespace detail
}  // namespace perdita
