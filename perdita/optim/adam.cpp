#include "perdita/optim/adam.hpp"

#include <cmath>

#include "perdita/optim/update.hpp"

namespace perdita::optim {

namespace {

/// What of the rule is the same for all elements of a step.
struct Step {
  double step_size;   // lr / (1 - beta1^t)
  double root_scale;  // 1 / sqrt(1 - beta2^t)
  double keep;        // 1 - lr * weight_decay of AdamW
  double decay;       // weight_decay of Adam
  double sign, beta1, beta2, eps;
};

template <bool amsgrad>
struct Rule {
  Step s;
  template <class P, std::size_t count>
  PERDITA_INLINE void operator()(P& p, const P& g, std::array<P, count>& state) const {
    p = p * s.keep;
    const P gradient = s.sign * g + s.decay * p;
    P &mean = state[0], &square_mean = state[1];
    mean = without_subnormal(mean + (1 - s.beta1) * (gradient - mean));
    square_mean = s.beta2 * square_mean + (1 - s.beta2) * (gradient * gradient);
    P square_root;
    if constexpr (amsgrad) {
      state[2] = max(state[2], square_mean);
      square_root = sqrt(state[2]);
    } else {
      square_root = sqrt(square_mean);
    }
    p = p - s.step_size * (mean / (square_root * s.root_scale + s.eps));
  }
};

std::vector<std::string> buffers_of(const AdamOptions& options) {
  std::vector<std::string> names{"mean", "square_mean"};
  if (options.amsgrad) names.push_back("largest_square_mean");
  return names;
}

}  // namespace

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam("Adam", std::move(parameters), options, false) {}

Adam::Adam(const char* name, std::vector<Tensor> parameters, const AdamOptions& options, bool decoupled)
    : Optimizer(name, std::move(parameters), options.lr, buffers_of(options)),
      options_(options),
      decoupled_(decoupled) {
  check_options(name, options);
}

template <class T>
void Adam::update_as(T* p, const T* g, const std::vector<T*>& buffers, std::int64_t count, std::int64_t steps) const {
  const double t = static_cast<double>(steps), decay = options_.weight_decay;
  const Step step{.step_size = lr() / (1 - std::pow(options_.beta1, t)),
                  .root_scale = 1 / std::sqrt(1 - std::pow(options_.beta2, t)),
                  .keep = decoupled_ ? 1 - lr() * decay : 1.0,
                  .decay = decoupled_ ? 0.0 : decay,
                  .sign = options_.maximize ? -1.0 : 1.0,
                  .beta1 = options_.beta1,
                  .beta2 = options_.beta2,
                  .eps = options_.eps};
  if (options_.amsgrad) {
    update_all<3>(Rule<true>{step}, p, g, {buffers[0], buffers[1], buffers[2]}, count);
  } else {
    update_all<2>(Rule<false>{step}, p, g, {buffers[0], buffers[1]}, count);
  }
}

void Adam::update(float* p, const float* g, const std::vector<float*>& buffers, std::int64_t count,
                  std::int64_t steps) const {
  update_as(p, g, buffers, count, steps);
}
void Adam::update(double* p, const double* g, const std::vector<double*>& buffers, std::int64_t count,
                  std::int64_t steps) const {
  update_as(p, g, buffers, count, steps);
}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& options)
    : Adam("AdamW", std::move(parameters),
           {options.lr, options.beta1, options.beta2, options.eps, options.weight_decay, options.amsgrad,
            options.maximize},
           true) {}

}  // namespace perdita::optim
