// Module: named parameters and buffers of a model, its submodules, and its training mode.
//
// A module is a handle: copies share parameters and mode, so layers can be passed by value. To define a module, derive
// from it, register parameters and submodules, and add a forward function:
//
//     struct CustomLoss : nn::Module {
//       Tensor p1 = register_parameter("p1", Tensor::full({}, 0.1));
//       Tensor operator()(const Tensor& o, const Tensor& l) const { return sum(square(o - l) + p1 * o); }
//     };
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "perdita/tensor/all.hpp"

namespace perdita::nn {

/// Names and tensors in the order of registration; names of submodules' tensors are joined by dots.
using StateDict = std::vector<std::pair<std::string, Tensor>>;

/// Names that load_state_dict() did not find in the state, and names of the state that the module does not have.
struct LoadReport {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
};

class Module {
 public:
  Module();

  /// All parameters, those of submodules included; in named_parameters() as "submodule.name".
  std::vector<Tensor> parameters() const;
  StateDict named_parameters() const;
  /// Parameters and buffers, sharing memory with the module.
  StateDict state_dict() const;
  /// Copies values into the module's tensors. strict: throws ValueError that lists what is missing or unexpected.
  /// Throws ShapeError for a tensor of another shape, whether strict or not; nothing is copied then.
  LoadReport load_state_dict(const StateDict& state, bool strict = true) const;

  /// The mode of this module and all within it.
  void train(bool training = true) const;
  void eval() const { train(false); }
  bool is_training() const;
  /// Clears the gradients of all parameters.
  void zero_grad() const;

 protected:
  /// Registers `value` under `name` as a leaf that requires gradients, and returns it. Throws ValueError for a name
  /// that is already registered, empty or contains a dot.
  Tensor register_parameter(const std::string& name, const Tensor& value) const;
  /// A tensor that is saved with the model but not trained.
  Tensor register_buffer(const std::string& name, const Tensor& value) const;
  template <class M>
  M register_module(const std::string& name, const M& module) const {
    add_child(name, module);
    return module;
  }

 private:
  struct State;
  void add_child(const std::string& name, const Module& module) const;
  std::shared_ptr<State> state_;
};

}  // namespace perdita::nn
