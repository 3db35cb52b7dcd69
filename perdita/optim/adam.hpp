// Adam (Kingma and Ba, ICLR 2015, algorithm 1) and AdamW (Loshchilov and Hutter, ICLR 2019, algorithm 2).
#pragma once

#include <array>

#include "perdita/losses/info.hpp"
#include "perdita/optim/optimizer.hpp"

namespace perdita::optim {

namespace detail {
/// The parameters of Adam and AdamW, which differ in what weight_decay does.
template <class Options>
constexpr auto adam_parameters(std::string_view weight_decay) {
  constexpr Interval decay_rate{.low = 0, .high = 1, .includes_high = false};
  return std::array{
      parameter<&Options::beta1>("beta1", "decay rate of the mean of gradients", decay_rate),
      parameter<&Options::beta2>("beta2", "decay rate of the mean of squared gradients", decay_rate),
      parameter<&Options::eps>("eps", "added to the square root of that mean", non_negative),
      parameter<&Options::weight_decay>("weight_decay", weight_decay, non_negative),
      parameter<&Options::amsgrad>("amsgrad", "use the maximum of the mean of squared gradients so far"),
  };
}
}  // namespace detail

/// Options of Adam, as in torch.optim.
struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;       ///< of the mean of gradients
  double beta2 = 0.999;     ///< of the mean of their squares
  double eps = 1e-8;        ///< added to the square root, after bias correction
  double weight_decay = 0;  ///< Adam: added to the gradient; AdamW: p *= 1 - lr * weight_decay
  bool amsgrad = false;     ///< uses the maximum of the mean of squares so far
  bool maximize = false;

  /// What can be chosen by name: everything but lr and maximize.
  static constexpr auto parameters() {
    return detail::adam_parameters<AdamOptions>("L2 penalty, added to the gradient");
  }
};

/// The rule of torch.optim.Adam.
class Adam : public Optimizer {
 public:
  /// Throws ValueError for options outside the ranges of parameters(), and for a negative lr.
  Adam(std::vector<Tensor> parameters, const AdamOptions& options = {});

 protected:
  Adam(const char* name, std::vector<Tensor> parameters, const AdamOptions& options, bool decoupled);

 private:
  void update(float*, const float*, const std::vector<float*>&, std::int64_t, std::int64_t) const override;
  void update(double*, const double*, const std::vector<double*>&, std::int64_t, std::int64_t) const override;
  template <class T>
  void update_as(T* p, const T* g, const std::vector<T*>& buffers, std::int64_t count, std::int64_t steps) const;

  AdamOptions options_;
  bool decoupled_;
};

/// Options of AdamW: those of Adam, with another default of weight_decay.
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;

  /// What can be chosen by name: everything but lr and maximize.
  static constexpr auto parameters() {
    return detail::adam_parameters<AdamWOptions>(
        "decoupled weight decay: the parameters are multiplied by 1 - lr * weight_decay");
  }
};

/// The rule of torch.optim.AdamW. Throws as Adam.
class AdamW final : public Adam {
 public:
  AdamW(std::vector<Tensor> parameters, const AdamWOptions& options = {});
};

}  // namespace perdita::optim
