// A loss with its options, as Python calls it: on arrays, with or without gradients.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/functional/loss_sum.hpp"
#include "python/src/arrays.hpp"

namespace perdita::python {

/// The upstream gradient of a loss in the next step of a training loop: that of the last two steps, if they had the
/// same one for all elements.
///
/// For a reduced loss it is 1 until two steps had another one that is a power of two: products with these are exact, so
/// that gradients which were computed for one can be scaled for any other, with the same bits. For losses that are not
/// reduced it is NaN where the last two steps differ; their gradients are then computed in backward().
class ExpectedUpstream {
 public:
  explicit ExpectedUpstream(bool is_reduced)
      : is_reduced_(is_reduced), expected_(is_reduced ? 1.0 : std::numeric_limits<double>::quiet_NaN()) {}
  double next() const { return expected_.load(std::memory_order_relaxed); }
  /// Takes note of the one of a step; nothing if elements had different ones.
  void note(std::optional<double> upstream);

 private:
  bool is_reduced_;
  std::atomic<double> expected_, last_{std::numeric_limits<double>::quiet_NaN()};
};

/// Immutable, and checked when it is made: a module of Python's holds one.
class Loss {
 public:
  /// text: as parse_loss_sum() reads it, and perhaps an option validate=true. Throws ValueError.
  Loss(std::string function, std::string_view text, std::string_view reduction, std::string_view normalize_by);

  const std::string& function() const { return function_; }
  bool reduces() const { return reduction_ != Reduction::none; }
  /// Reads the arrays of a tuple, in the order of the signature, of which those at the end may be missing. Warns
  /// (UserWarning) of a target that is broadcast to the input.
  void read(nanobind::tuple arrays, Operands& operands) const;
  /// expected_upstream: see LossOptions.
  Tensor operator()(std::span<const Tensor> operands, LossExtras* extras,
                    std::optional<double> expected_upstream) const;
  /// The upstream gradients to come, of a loss that uses them; else null.
  ExpectedUpstream* expected_upstream() const { return expected_upstream_ ? &*expected_upstream_ : nullptr; }

 private:
  const LossInfo& info() const { return info_of(loss_.leading()); }
  const perdita::Operands& signature() const { return info().operands; }
  Tensor of_one_type(std::span<const Tensor> operands, const LossOptions& options) const;
  Tensor of_several_types(std::span<const Tensor> operands, const LossOptions& options) const;
  std::string with_shapes(const std::string& message, std::span<const Tensor> operands) const;

  std::string function_;
  LossSum loss_;
  Reduction reduction_;
  Normalize normalize_by_;
  bool validates_ = false;
  bool takes_logits_ = false;
  bool compares_elements_ = false;  ///< of input and target, which should have one shape
  mutable std::optional<ExpectedUpstream> expected_upstream_;
};

/// function(name of the loss, arrays) returns the name of the dtype of a loss of operands of which some are bfloat16 or
/// float16. Without it, float32.
void set_result_type(nanobind::object function);

/// A loss that was computed, and its gradients: what autograd of a host keeps between forward and backward.
class Evaluation {
 public:
  /// wanted: bit i asks for the gradient by array i.
  Evaluation(std::shared_ptr<const Loss> loss, nanobind::tuple arrays, unsigned wanted, LossExtras* extras = nullptr);

  /// In the type that its host gives it, see set_result_type().
  const Tensor& loss() const { return result_; }
  const std::shared_ptr<const Loss>& function() const { return loss_; }
  unsigned wanted() const { return wanted_; }
  /// The gradients of a reduced loss times `upstream`, if that takes no more than scaling what is computed already: it
  /// may outlive changes of its arrays. Otherwise nothing, and backward() is to be called.
  std::optional<std::vector<Tensor>> ready_gradients(nanobind::handle upstream);
  /// Whether backward() has been called.
  bool is_spent() const { return leaves_.empty(); }
  /// The gradients times `upstream` (an array of the loss's shape, or None for 1) for the wanted arrays, in their
  /// order; once only. Throws GraphError.
  std::vector<Tensor> backward(nanobind::handle upstream);
  /// Lets go of the arrays, which only backward() reads.
  void release_arrays() { operands_.clear(); }

 private:
  std::optional<std::vector<Tensor>> ready_for(const Tensor& upstream);

  std::shared_ptr<const Loss> loss_;
  unsigned wanted_;
  Operands operands_{Operands::Narrow::read};
  std::vector<Tensor> leaves_;
  Tensor value_, result_;
  std::vector<Tensor> gradients_;  ///< for the upstream gradient expected_, if any were computed ahead
  double expected_ = 1;
};

}  // namespace perdita::python
