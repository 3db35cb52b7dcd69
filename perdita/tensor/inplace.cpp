// Changes in place beyond copying.
#include <algorithm>

#include "perdita/core/parallel.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/loops.hpp"

namespace perdita {

using namespace detail;

namespace {

/// target[i] = f(target[i], source[i]), where source broadcasts and is converted to the target's dtype.
template <class F>
void update(const Tensor& target, const Tensor& source, const char* name, F f) {
  require_defined(target, name);
  require_defined(source, name);
  if (grad_enabled() && source.impl()->tracks()) {
    fail<GraphError>(
        "{}: the operand requires a gradient, but in-place operations are not recorded (use NoGrad or detach())", name);
  }
  if (broadcast_shapes(target.shape(), source.shape(), name) != target.shape()) {
    fail<ShapeError>("{}: operand of shape {} does not fit into shape {}", name, source.shape(), target.shape());
  }
  Tensor from = source.to(target.dtype());
  ensure_data(from);
  before_write(target);
  // Elements of a view may be overwritten before they are read.
  if (from.impl()->storage == target.impl()->storage && from.strides() != target.strides()) from = from.clone();
  visit_dtype(target.dtype(), [&]<class T>() {
    T* to = pointer<T>(target);
    const T* with = pointer<T>(from);
    if (target.is_contiguous() && from.is_contiguous() && from.shape() == target.shape()) {
      constexpr std::int64_t block = 16384;
      const std::int64_t count = target.numel();
      return parallel_for((count + block - 1) / block, [&](std::int64_t b) {
        const std::int64_t stop = std::min(count, (b + 1) * block);
        for (std::int64_t i = b * block; i < stop; ++i) to[i] = f(to[i], with[i]);
      });
    }
    const std::array<Strides, 2> strides{target.strides(),
                                         broadcast_strides(from.shape(), from.strides(), target.shape())};
    for_each_row<2>(target.shape(), strides, [&](auto offsets, auto steps, std::int64_t n) {
      T* a = to + offsets[0];
      const T* b = with + offsets[1];
      if (steps[0] == 1 && steps[1] == 1)
        for (std::int64_t i = 0; i < n; ++i) a[i] = f(a[i], b[i]);
      else
        for (std::int64_t i = 0; i < n; ++i) a[i * steps[0]] = f(a[i * steps[0]], b[i * steps[1]]);
    });
  });
}

}  // namespace

const Tensor& Tensor::add_(const Tensor& other, double alpha) const {
  if (alpha == 1)
    update(*this, other, "add_", []<class T>(T a, T b) { return static_cast<T>(a + b); });
  else
    update(*this, other, "add_", [alpha]<class T>(T a, T b) { return static_cast<T>(a + static_cast<T>(alpha) * b); });
  return *this;
}

const Tensor& Tensor::mul_(const Tensor& other) const {
  update(*this, other, "mul_", []<class T>(T a, T b) { return static_cast<T>(a * b); });
  return *this;
}

const Tensor& Tensor::add_(double value) const { return add_(full({}, value, dtype())); }
const Tensor& Tensor::mul_(double value) const { return mul_(full({}, value, dtype())); }

}  // namespace perdita
