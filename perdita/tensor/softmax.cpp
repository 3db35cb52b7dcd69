// softmax, log_softmax and logsumexp along any dimension.
#include <cmath>
#include <limits>

#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/reduce.hpp"

namespace perdita {

using namespace detail;

namespace {

/// Per line: m + log(sum(exp(x - m))) with m the largest element; an infinite m is the answer by itself.
Tensor log_sum_exp_of(const Tensor& x, int dim) {
  if (middle_of(x, dim).n == 0) fail<ShapeError>("logsumexp: dimension {} of shape {} is empty", dim, x.shape());
  const Tensor largest = amax(x, dim, true);
  const Tensor shift = where(abs(largest) == std::numeric_limits<double>::infinity(), 0.0, largest);
  return log(sum(exp(x - shift), dim, true)) + shift;
}

const Tensor& floating_operand(const Tensor& x, const char* name) {
  require_defined(x, name);
  visit_floating(x.dtype(), name, []<class T>() {});
  return x;
}

}  // namespace

Tensor logsumexp(const Tensor& x, int dim, bool keepdim) {
  const Tensor source = floating_operand(x, "logsumexp").rank() == 0 ? x.reshape({1}) : x;
  const int d = normalize_dim(dim, source.rank(), "logsumexp");
  Tensor result;
  {
    NoGrad no_grad;
    result = log_sum_exp_of(source.detach(), d);
    ensure_data(result);
  }
  const bool drop = x.rank() == 0 || !keepdim;
  const Shape ones = result.shape();
  if (drop) result = result.squeeze(d);
  return make_node("logsumexp", result, {&source},
                   [saved = Saved(source), value = Saved(result.detach()), ones](BackwardContext& b) {
                     // d/dx = softmax(x); where everything is -inf, exp(-inf - -inf) is NaN, as in PyTorch.
                     const Tensor total = b.output(value.get(b.name())).reshape(ones);
                     b.set(0, b.upstream().reshape(ones) * exp(saved.get(b.name()) - total));
                   });
}

Tensor log_softmax(const Tensor& x, int dim) {
  const int d = normalize_dim(dim, floating_operand(x, "log_softmax").rank(), "log_softmax");
  if (x.rank() == 0) return log_softmax(x.reshape({1}), 0).reshape({});
  if (x.numel() == 0) return x * 1.0;
  Tensor result;
  {
    NoGrad no_grad;
    // (x - max) - log(sum), for max + log(sum) would round away what a small sum has beside a large max.
    const Tensor source = x.detach(), shifted = source - amax(source, d, true);
    result = shifted - log(sum(exp(shifted), d, true));
    ensure_data(result);
  }
  return make_node("log_softmax", result, {&x}, [value = Saved(result.detach()), d](BackwardContext& b) {
    const Tensor& g = b.upstream();
    b.set(0, g - exp(b.output(value.get(b.name()))) * sum(g, d, true));
  });
}

Tensor softmax(const Tensor& x, int dim) {
  const int d = normalize_dim(dim, floating_operand(x, "softmax").rank(), "softmax");
  if (x.rank() == 0) return softmax(x.reshape({1}), 0).reshape({});
  if (x.numel() == 0) return x * 1.0;
  Tensor result;
  {
    NoGrad no_grad;
    const Tensor source = x.detach();
    const Tensor e = exp(source - amax(source, d, true));
    result = e / sum(e, d, true);
    ensure_data(result);
  }
  return make_node("softmax", result, {&x}, [value = Saved(result.detach()), d](BackwardContext& b) {
    const Tensor p = b.output(value.get(b.name())), gp = b.upstream() * p;
    b.set(0, gp - p * sum(gp, d, true));
  });
}

}  // namespace perdita
