// A region: a recorded expression down to the tensors that have elements. For the sources of this part only.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "perdita/kernels/evaluate_program.hpp"
#include "perdita/tensor/recorded.hpp"

namespace perdita::detail {

/// How the gradients for some leaves of a region are had.
struct GradientPlan {
  enum class Kind : std::uint8_t { zero, upstream, computed };
  std::uint32_t wanted = 0;           // bit i: leaf i
  std::uint32_t reads = 0;            // bit i: the gradients need the elements of leaf i
  std::vector<Kind> kinds;            // by leaf; upstream: the incoming gradient itself
  std::vector<Expr> expressions;      // by leaf; input(leaf count) is the upstream gradient
  std::optional<Program> program;     // the computed ones, in the order of leaves, if there are any
  std::optional<Program> with_value;  // the same after the value
};

/// Per operation: what it is and where its operands stand, then its constants.
using Structure = std::vector<std::uint64_t>;

/// An operation inside a region whose result somebody holds: grad() may be asked for its gradient.
struct Inner {
  std::uint64_t id;  // TensorImpl::recorded_id
  int position;
};

/// What all regions of one structure share: compiled once, found again at every step of a loop.
class Plan {
 public:
  Plan(Structure structure, int leaf_count);
  const Expr& root() const { return root_; }
  int leaf_count() const { return leaf_count_; }
  const Program& program() const { return program_; }
  /// The gradient by the operation at `position`, whose result is input(leaf count + 1) of it.
  Expr inner_gradient(int position) const;
  /// Stays valid as long as the plan.
  const GradientPlan& gradient_plan(std::uint32_t wanted);

 private:
  Structure structure_;
  Expr root_;
  int leaf_count_;
  Program program_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<GradientPlan>> gradient_plans_;
};

/// The operations and leaves of one recorded tensor.
class Region {
 public:
  /// The caller holds the recording mutex. `recorded` is what `owner` is about to hold or holds.
  void collect(TensorImpl& owner, const Recorded& recorded);
  int operation_count() const { return operation_count_; }
  int leaf_count() const { return static_cast<int>(leaves.size()); }
  /// The plan of this structure, from a cache. The caller holds the recording mutex.
  std::shared_ptr<Plan> plan() const;

  std::vector<Ref<TensorImpl>> leaves;
  std::vector<Inner> inner;  // in the order of operations: the region's own result comes last, if anybody holds it

 private:
  std::uint64_t code_of(const Recorded& recorded, std::size_t operand);
  Structure structure_;
  int operation_count_ = 0;
};

}  // namespace perdita::detail
