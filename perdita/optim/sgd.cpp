#include "perdita/optim/sgd.hpp"

#include "perdita/optim/update.hpp"

namespace perdita::optim {

namespace {

struct PlainRule {
  double lr, decay, sign;
  template <class P>
  PERDITA_INLINE void operator()(P& p, const P& g, std::array<P, 0>&) const {
    p = p - lr * (sign * g + decay * p);
  }
};

struct MomentumRule {
  double lr, decay, sign, momentum, fresh;  // fresh: what a gradient adds to the velocity
  bool nesterov;
  template <class P>
  PERDITA_INLINE void operator()(P& p, const P& g, std::array<P, 1>& velocity) const {
    const P gradient = sign * g + decay * p;
    velocity[0] = without_subnormal(momentum * velocity[0] + fresh * gradient);
    p = p - lr * (nesterov ? gradient + momentum * velocity[0] : velocity[0]);
  }
};

}  // namespace

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options)
    : Optimizer("SGD", std::move(parameters), options.lr,
                options.momentum > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{}),
      options_(options) {
  check_options("SGD", options);
  if (options.nesterov && !(options.momentum > 0 && options.dampening == 0)) {
    fail<ValueError>("SGD: nesterov is used with momentum {} and dampening {} (valid: momentum above 0, dampening 0)",
                     options.momentum, options.dampening);
  }
}

template <class T>
void SGD::update_as(T* p, const T* g, const std::vector<T*>& buffers, std::int64_t count, std::int64_t steps) const {
  const double sign = options_.maximize ? -1 : 1;
  if (buffers.empty()) {
    update_all<0>(PlainRule{lr(), options_.weight_decay, sign}, p, g, {}, count);
    return;
  }
  // The velocity starts as the gradient itself: dampening does not touch the first step, and the buffer is zero.
  const double fresh = steps == 1 ? 1 : 1 - options_.dampening;
  const MomentumRule rule{lr(), options_.weight_decay, sign, options_.momentum, fresh, options_.nesterov};
  update_all<1>(rule, p, g, {buffers[0]}, count);
}

void SGD::update(float* p, const float* g, const std::vector<float*>& buffers, std::int64_t count,
                 std::int64_t steps) const {
  update_as(p, g, buffers, count, steps);
}
void SGD::update(double* p, const double* g, const std::vector<double*>& buffers, std::int64_t count,
                 std::int64_t steps) const {
  update_as(p, g, buffers, count, steps);
}

}  // namespace perdita::optim
