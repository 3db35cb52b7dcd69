// A loss with its options, as Python calls it: on arrays, with or without gradients.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/functional/functional.hpp"
#include "perdita/losses/any.hpp"
#include "python/src/arrays.hpp"

namespace perdita::python {

/// Immutable, and checked when it is made: a module of Python's holds one.
class Loss {
 public:
  /// text: as parse_loss() reads it, and perhaps an option validate=true. Throws ValueError.
  Loss(std::string function, std::string_view text, std::string_view reduction, std::string_view normalize_by);

  const std::string& function() const { return function_; }
  /// Reads the arrays of a tuple, in the order of the signature, of which those at the end may be missing. Warns
  /// (UserWarning) of a target that is broadcast to the input.
  void read(nanobind::tuple arrays, Operands& operands) const;
  Tensor operator()(std::span<const Tensor> operands, LossExtras* extras = nullptr) const;

 private:
  const perdita::Operands& signature() const { return info_of(loss_).operands; }
  Tensor of_one_type(std::span<const Tensor> operands, LossExtras* extras) const;
  Tensor of_several_types(std::span<const Tensor> operands, LossExtras* extras) const;
  std::string with_shapes(const std::string& message, std::span<const Tensor> operands) const;

  std::string function_;
  AnyLoss loss_;
  Reduction reduction_;
  Normalize normalize_by_;
  bool validates_ = false;
  bool takes_logits_ = false;
  bool compares_elements_ = false;  ///< of input and target, which should have one shape
};

/// A loss that was computed, and its gradients: what autograd of a host keeps between forward and backward.
class Evaluation {
 public:
  /// wanted: bit i asks for the gradient by array i.
  Evaluation(std::shared_ptr<const Loss> loss, nanobind::tuple arrays, unsigned wanted, LossExtras* extras = nullptr);

  const Tensor& loss() const { return value_; }
  const std::shared_ptr<const Loss>& function() const { return loss_; }
  unsigned wanted() const { return wanted_; }
  /// Whether backward() only scales: a single loss has made its gradients, and may outlive changes of its arrays.
  bool has_gradients() const { return !gradients_.empty(); }
  /// Whether backward() has been called.
  bool is_spent() const { return leaves_.empty(); }
  /// The gradients times `upstream` (an array of the loss's shape, or None for 1) for the wanted arrays, in their
  /// order; once only. Throws GraphError.
  std::vector<Tensor> backward(nanobind::handle upstream);
  /// Lets go of the arrays, which only backward() reads.
  void release_arrays() { operands_.clear(); }

 private:
  std::shared_ptr<const Loss> loss_;
  unsigned wanted_;
  Operands operands_;
  std::vector<Tensor> leaves_;
  Tensor value_;
  std::vector<Tensor> gradients_;
};

}  // namespace perdita::python
