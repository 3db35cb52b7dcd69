// Views. Each is alias() with other strides; its gradient is a view or an embedding of the upstream gradient.
#include <algorithm>

#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

using detail::alias;

namespace {

/// Strides that walk (shape, strides) in the order of `to`, when there are any.
bool try_reshape(const Shape& shape, const Strides& strides, const Shape& to, Strides& result) {
  Shape merged = shape;
  std::array<Strides, 1> walk{strides};
  collapse(merged, walk);
  result = contiguous_strides(to);
  if (merged.rank() == 0 || numel(to) == 0) return true;
  // Each merged dimension must be a product of neighbouring new ones.
  int d = merged.rank() - 1;
  std::int64_t room = merged[d], step = walk[0][d];
  for (int i = to.rank() - 1; i >= 0; --i) {
    if (to[i] == 1) continue;
    if (room == 1) {
      if (--d < 0) return false;
      room = merged[d];
      step = walk[0][d];
    }
    if (room % to[i] != 0) return false;
    result[i] = step;
    step *= to[i];
    room /= to[i];
  }
  return true;
}

Shape resolve_shape(const Tensor& tensor, const Shape& shape, const char* operation) {
  Shape result = shape;
  int unknown = -1;
  std::int64_t known = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == -1 && unknown < 0)
      unknown = i;
    else
      known *= shape[i];
  }
  if (unknown >= 0 && known > 0) result[unknown] = tensor.numel() / known;
  if (std::ranges::any_of(result, [](std::int64_t size) { return size < 0; }) || numel(result) != tensor.numel()) {
    fail<ShapeError>("{}: {} elements of shape {} do not fit shape {}", operation, tensor.numel(), tensor.shape(),
                     shape);
  }
  return result;
}

Tensor reshaped(const Tensor& x, const Shape& shape, const Strides& strides, const char* name) {
  return make_node(name, alias(x, shape, strides, x.impl()->offset), {&x}, [from = x.shape()](BackwardContext& b) {
    Tensor gradient = b.take_upstream().reshape(from);
    b.set(0, std::move(gradient));
  });
}

}  // namespace

Tensor Tensor::view(const Shape& asked) const {
  detail::require_defined(*this, "view");
  const Shape to = resolve_shape(*this, asked, "view");
  Strides result;
  if (!try_reshape(shape(), strides(), to, result)) {
    fail<ShapeError>("view: strides {} of shape {} do not allow a view of shape {} (reshape() copies)", strides(),
                     shape(), to);
  }
  return reshaped(*this, to, result, "view");
}

Tensor Tensor::reshape(const Shape& asked) const {
  detail::require_defined(*this, "reshape");
  const Shape to = resolve_shape(*this, asked, "reshape");
  if (to == shape()) return *this;
  Strides result;
  if (try_reshape(shape(), strides(), to, result)) return reshaped(*this, to, result, "reshape");
  return reshaped(contiguous(), to, contiguous_strides(to), "reshape");
}

Tensor Tensor::flatten(int first_dim, int last_dim) const {
  detail::require_defined(*this, "flatten");
  if (rank() == 0) return reshape({1});
  const int first = normalize_dim(first_dim, rank(), "flatten"), last = normalize_dim(last_dim, rank(), "flatten");
  if (first > last) fail<IndexError>("flatten: first dimension {} comes after last dimension {}", first, last);
  Shape to;
  for (int i = 0; i < rank(); ++i) {
    if (i > first && i <= last)
      to[first] *= shape()[i];
    else
      to.push_back(shape()[i]);
  }
  return reshape(to);
}

Tensor Tensor::permute(const Dims& order) const {
  detail::require_defined(*this, "permute");
  if (order.rank() != rank())
    fail<ShapeError>("permute: order is {} for a tensor of shape {} (valid: one index per dimension)", order, shape());
  Shape to(rank(), 0);
  Strides steps(rank(), 0);
  Dims inverse(rank(), -1);
  for (int i = 0; i < rank(); ++i) {
    const int from = normalize_dim(static_cast<int>(order[i]), rank(), "permute");
    if (inverse[from] >= 0) fail<ValueError>("permute: order {} names dimension {} twice", order, from);
    inverse[from] = i;
    to[i] = shape()[from];
    steps[i] = strides()[from];
  }
  return make_node("permute", alias(*this, to, steps, impl_->offset), {this}, [inverse](BackwardContext& b) {
    Tensor gradient = b.take_upstream().permute(inverse);
    b.set(0, std::move(gradient));
  });
}

Tensor Tensor::transpose(int dim0, int dim1) const {
  detail::require_defined(*this, "transpose");
  const int a = normalize_dim(dim0, rank(), "transpose"), b = normalize_dim(dim1, rank(), "transpose");
  if (rank() == 0 || a == b) return *this;
  Dims order;
  for (int i = 0; i < rank(); ++i) order.push_back(i == a ? b : i == b ? a : i);
  return permute(order);
}

Tensor Tensor::t() const {
  detail::require_defined(*this, "t");
  if (rank() != 2) fail<ShapeError>("t: expected a matrix, got shape {}", shape());
  return transpose(0, 1);
}

Tensor Tensor::slice(int dim, std::int64_t begin, std::int64_t end, std::int64_t step) const {
  detail::require_defined(*this, "slice");
  if (rank() == 0) fail<ShapeError>("slice: the tensor is a scalar (valid: rank 1 or more)");
  if (step <= 0) fail<ValueError>("slice: step is {} (valid: positive)", step);
  const int d = normalize_dim(dim, rank(), "slice");
  const std::int64_t size = shape()[d];
  const auto place = [size](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size); };
  begin = place(begin);
  end = std::max(begin, place(end));
  Shape to = shape();
  Strides steps = strides();
  to[d] = (end - begin + step - 1) / step;
  steps[d] *= step;
  const std::int64_t offset = impl_->offset + (to[d] > 0 ? begin * strides()[d] : 0);
  return make_node("slice", alias(*this, to, steps, offset), {this},
                   [from = shape(), d, begin, step](BackwardContext& b) {
                     b.set(0, detail::embed(b.upstream(), from, d, begin, step));
                   });
}

Tensor Tensor::select(int dim, std::int64_t index) const {
  detail::require_defined(*this, "select");
  if (rank() == 0) fail<ShapeError>("select: the tensor is a scalar (valid: rank 1 or more)");
  const int d = normalize_dim(dim, rank(), "select");
  const std::int64_t size = shape()[d];
  if (index < -size || index >= size) {
    fail<IndexError>("select: index {} is out of range for dimension {} of shape {} (valid: {}..{})", index, d, shape(),
                     -size, size - 1);
  }
  const std::int64_t at = index < 0 ? index + size : index;
  Shape to = shape();
  Strides steps = strides();
  to.erase(d);
  steps.erase(d);
  return make_node("select", alias(*this, to, steps, impl_->offset + at * strides()[d]), {this},
                   [from = shape(), d, at](BackwardContext& b) {
                     b.set(0, detail::embed(b.upstream().unsqueeze(d), from, d, at, 1));
                   });
}

Tensor Tensor::unsqueeze(int dim) const {
  detail::require_defined(*this, "unsqueeze");
  const int d = normalize_dim(dim, rank() + 1, "unsqueeze");
  Shape to = shape();
  Strides steps = strides();
  to.insert(d, 1);
  steps.insert(d, 0);
  return reshaped(*this, to, steps, "unsqueeze");
}

Tensor Tensor::squeeze(int dim) const {
  detail::require_defined(*this, "squeeze");
  const int d = normalize_dim(dim, rank(), "squeeze");
  if (rank() == 0 || shape()[d] != 1) return *this;
  Shape to = shape();
  Strides steps = strides();
  to.erase(d);
  steps.erase(d);
  return reshaped(*this, to, steps, "squeeze");
}

Tensor Tensor::squeeze() const {
  Tensor result = *this;
  for (int d = rank() - 1; d >= 0; --d) result = result.squeeze(d);
  return result;
}

Tensor Tensor::expand(const Shape& to) const {
  detail::require_defined(*this, "expand");
  if (to == shape()) return *this;
  if (broadcast_shapes(shape(), to, "expand") != to) {
    fail<ShapeError>("expand: shape {} cannot be expanded to {} (only dimensions of size 1 can)", shape(), to);
  }
  return make_node("expand", alias(*this, to, broadcast_strides(shape(), strides(), to), impl_->offset), {this},
                   [from = shape()](BackwardContext& b) { b.set(0, detail::sum_to_shape(b.upstream(), from)); });
}

namespace detail {

Tensor embed(const Tensor& x, const Shape& shape, int dim, std::int64_t begin, std::int64_t step) {
  ensure_data(x);
  Tensor result = Tensor::zeros(shape, x.dtype());
  Strides steps = result.strides();
  steps[dim] *= step;
  copy_elements(x, alias(result, x.shape(), steps, x.numel() > 0 ? begin * result.strides()[dim] : 0));
  const std::int64_t end = x.shape()[dim] == 0 ? begin : begin + (x.shape()[dim] - 1) * step + 1;
  return make_node("embed", std::move(result), {&x}, [dim, begin, end, step](BackwardContext& b) {
    b.set(0, b.upstream().slice(dim, begin, end, step));
  });
}

}  // namespace detail
}  // namespace perdita
