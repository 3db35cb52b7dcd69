// Stochastic gradient descent with momentum.
#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/optim/optimizer.hpp"

namespace perdita::optim {

/// Options of SGD, as in torch.optim.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;  ///< mu: v = mu v + (1 - dampening) g, but v = g in the first step
  double dampening = 0;
  double weight_decay = 0;  ///< L2: added to the gradient as weight_decay * p
  bool nesterov = false;    ///< steps by g + mu v instead of v
  bool maximize = false;

  /// What can be chosen by name: everything but lr and maximize.
  static constexpr auto parameters() {
    return std::array{
        parameter<&SGDOptions::momentum>("momentum", "momentum factor", non_negative),
        parameter<&SGDOptions::dampening>("dampening", "dampening of the momentum"),
        parameter<&SGDOptions::weight_decay>("weight_decay", "L2 penalty, added to the gradient", non_negative),
        parameter<&SGDOptions::nesterov>("nesterov", "use Nesterov momentum"),
    };
  }
};

/// p -= lr * v, the rule of torch.optim.SGD (where lr multiplies after momentum, unlike in Sutskever et al. 2013).
class SGD final : public Optimizer {
 public:
  /// Throws ValueError for options outside the ranges of parameters(), a negative lr, and for nesterov without momentum
  /// or with dampening.
  SGD(std::vector<Tensor> parameters, const SGDOptions& options = {});

 private:
  void update(float*, const float*, const std::vector<float*>&, std::int64_t, std::int64_t) const override;
  void update(double*, const double*, const std::vector<double*>&, std::int64_t, std::int64_t) const override;
  template <class T>
  void update_as(T* p, const T* g, const std::vector<T*>& buffers, std::int64_t count, std::int64_t steps) const;

  SGDOptions options_;
};

}  // namespace perdita::optim
