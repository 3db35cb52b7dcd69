#include "perdita/tensor/gradcheck.hpp"

#include <algorithm>
#include <cmath>

#include "perdita/tensor/all.hpp"

namespace perdita {

namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

/// sum(function(inputs) * w) with fixed weights w, so that errors in single outputs cannot cancel.
Tensor weighted_sum(const Function& function, const std::vector<Tensor>& inputs) {
  const Tensor output = function(inputs);
  return sum(output * (0.5 + Tensor::rand(output.shape(), 17, 3, DType::float64)));
}

std::string compare(const Function& function, const std::vector<Tensor>& inputs, const GradientCheck& options,
                    const char* what) {
  std::vector<Tensor> active;
  for (const Tensor& input : inputs) {
    if (!input.requires_grad()) continue;
    if (input.dtype() != DType::float64)
      fail<DTypeError>("check_gradient: inputs must be float64, got {}", name_of(input.dtype()));
    active.push_back(input);
  }
  std::vector<Tensor> gradients(active.size());
  const Tensor total = weighted_sum(function, inputs);
  if (total.requires_grad()) gradients = grad({total}, active, {.allow_unused = true});  // else it is constant
  NoGrad no_grad;
  for (std::size_t k = 0; k < active.size(); ++k) {
    const std::vector<double> analytic = gradients[k].defined()
                                             ? gradients[k].to_vector<double>()
                                             : std::vector<double>(static_cast<std::size_t>(active[k].numel()));
    double* x = active[k].mutable_data<double>();
    for (std::int64_t i = 0; i < active[k].numel(); ++i) {
      const double before = x[i];
      active[k].mutable_data<double>()[i] = before + options.step;
      const double above = weighted_sum(function, inputs).item();
      active[k].mutable_data<double>()[i] = before - options.step;
      const double below = weighted_sum(function, inputs).item();
      active[k].mutable_data<double>()[i] = before;
      const double numeric = (above - below) / (2 * options.step), found = analytic[static_cast<std::size_t>(i)];
      const double allowed = options.absolute + options.relative * std::max(std::abs(numeric), std::abs(found));
      if (!(std::abs(numeric - found) <= allowed)) {
        return fmt::format(
            "{} by input {} of shape {} at element {} (value {}): backward gives {}, differences give {}", what, k,
            active[k].shape(), i, before, found, numeric);
      }
    }
  }
  return "";
}

}  // namespace

std::string check_gradient(const Function& function, const std::vector<Tensor>& inputs, const GradientCheck& options) {
  std::string difference = compare(function, inputs, options, "gradient");
  if (!difference.empty() || !options.second_order) return difference;
  const Function first_order = [&](const std::vector<Tensor>& at) {
    NoGrad record(false);  // also where only the value is wanted: it is a gradient
    std::vector<Tensor> active;
    for (const Tensor& input : at) {
      if (input.requires_grad()) active.push_back(input);
    }
    const std::vector<Tensor> gradients =
        grad({weighted_sum(function, at)}, active, {.create_graph = true, .allow_unused = true});
    Tensor total = Tensor::zeros({}, DType::float64);
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      if (!gradients[k].defined()) continue;
      total = total + sum(gradients[k] * (0.5 + Tensor::rand(gradients[k].shape(), 18, k, DType::float64)));
    }
    return total;
  };
  return compare(first_order, inputs, options, "second derivative");
}

}  // namespace perdita
