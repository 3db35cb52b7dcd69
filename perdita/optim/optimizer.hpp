// Base class of optimizers: parameters, learning rate and state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/losses/info.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita::optim {

/// Tensors by name.
using StateDict = std::vector<std::pair<std::string, Tensor>>;

/// Base class of optimizers: parameters, learning rate and state.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Updates every parameter that has a gradient, in one pass over parameter, gradient and state. Throws DTypeError for
  /// a gradient of another dtype.
  void step();
  /// Clears the gradients.
  void zero_grad() const;

  /// The learning rate.
  double lr() const { return lr_; }
  /// Throws ValueError for a negative or NaN rate.
  void set_lr(double lr);

  /// The state required to resume a run with bit-identical results: "step", and "<name>.i" for each parameter i.
  StateDict state_dict() const;
  /// Throws ValueError for state that does not fit the parameters.
  void load_state_dict(const StateDict& state);

 protected:
  /// `buffers` are the names of the buffers of each parameter. Throws ValueError without parameters, for one that does
  /// not require gradients or is given twice, GraphError for one that is not a leaf.
  Optimizer(const char* name, std::vector<Tensor> parameters, double lr, std::vector<std::string> buffers);

  /// One update of elements [0, count) at p, whose gradient is g; buffers are float64 or float32 as p. `steps` counts
  /// this parameter's updates, from 1.
  virtual void update(float* p, const float* g, const std::vector<float*>& buffers, std::int64_t count,
                      std::int64_t steps) const = 0;
  virtual void update(double* p, const double* g, const std::vector<double*>& buffers, std::int64_t count,
                      std::int64_t steps) const = 0;

  /// Throws ValueError for an option outside the range that its parameter states.
  template <class Options>
  static void check_options(const char* name, const Options& options) {
    for (const auto& parameter : Options::parameters()) {
      check_option(name, parameter.name, parameter.get(options), parameter.valid);
    }
  }

 private:
  static void check_option(const char* name, std::string_view option, double value, const Interval& valid);
  struct Slot {
    Tensor parameter;
    std::vector<Tensor> buffers;
    std::int64_t steps = 0;
  };
  template <class T>
  void step_slot(Slot& slot, const Tensor& gradient);

  const char* name_;
  double lr_;
  std::vector<std::string> buffer_names_;
  std::vector<Slot> slots_;
};

}  // namespace perdita::optim
