// Elementwise operations that are written down and not yet computed. For the sources of this part only.
//
// apply() on floating operands makes a tensor whose body holds the operation and its operands. Whoever needs elements
// has the whole expression computed in one pass; sum() needs only its sum, and stores nothing. Either way the
// expression becomes ONE autograd node over its leaves, whose backward is one pass too.
//
// All recorded operands of an operation have its shape and computing dtype; others are computed first and become
// leaves. So only leaves are broadcast, and a region is one loop.
#pragma once

#include <array>
#include <mutex>

#include "perdita/expr/ops.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita::detail {

inline constexpr int max_region_operations = 64;
inline constexpr int max_region_leaves = 16;

struct Recorded : Pooled {
  Op op;
  DType compute;            // in which it is computed: the result of a comparison is bool all the same
  bool tracks = false;      // gradients are recorded
  bool hides_grad = false;  // made under NoGrad from tensors with gradients: a constant to what uses it
  int operations = 1;       // in the region that ends here; shared ones may be counted more than once, like leaves
  int leaves = 0;
  int operand_count = 0;
  std::array<Ref<TensorImpl>, 3> operands;  // none: the constant
  std::array<double, 3> constants{};
  std::array<ReaderLink, 3> links;
  TensorImpl* owner = nullptr;
};

/// Guards the operations of recorded tensors and the lists of their readers. Never held while anything is computed.
std::mutex& recording_mutex();

/// Forgets the operation of a tensor that goes away.
void drop_recorded(TensorImpl& impl);
/// Takes the operation from its tensor and from the lists of its operands. The caller holds the mutex, and deletes
/// the operation after letting go of it.
Recorded* unlink(TensorImpl& impl);

/// scale * the sum of all elements of a recorded tensor, without storing them.
Tensor sum_recorded(const Tensor& x, double scale, const char* name);

/// An elementwise operation on integers and bools, at once; `dtype` is that of its arguments.
Tensor apply_to_integers(Op op, const std::array<Tensor, 3>& operands, int count, DType dtype);

}  // namespace perdita::detail
