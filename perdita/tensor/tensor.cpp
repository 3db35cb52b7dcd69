#include "perdita/tensor/tensor.hpp"

#include <cmath>

#include "perdita/core/random.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/loops.hpp"
#include "perdita/tensor/recorded.hpp"

namespace perdita {

namespace detail {

Ref<TensorImpl> make_impl(const Shape& shape, DType dtype) {
  Ref<TensorImpl> impl(new TensorImpl);
  impl->dtype = dtype;
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->storage = Ref<Storage>(new Storage);
  return impl;
}

Tensor alias(const Tensor& tensor, const Shape& shape, const Strides& strides, std::int64_t offset) {
  ensure_data(tensor);
  Ref<TensorImpl> impl(new TensorImpl);
  impl->dtype = tensor.impl()->dtype;
  impl->shape = shape;
  impl->strides = strides;
  impl->offset = offset;
  impl->storage = tensor.impl()->storage;
  return Tensor(std::move(impl));
}

void TensorImpl::destroy() {
  if (recorded) drop_recorded(*this);
  delete this;
}

bool TensorImpl::recorded_tracks() const {
  std::lock_guard lock(recording_mutex());
  return recorded ? recorded->tracks : static_cast<bool>(node);
}

void require_defined(const Tensor& tensor, const char* operation) {
  if (!tensor.defined()) fail<ValueError>("{}: a tensor argument is undefined", operation);
}

}  // namespace detail

using detail::Ref;
using detail::TensorImpl;

Tensor::Tensor() noexcept = default;
Tensor::Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}
Tensor::Tensor(const Tensor&) = default;
Tensor::Tensor(Tensor&&) noexcept = default;
Tensor& Tensor::operator=(const Tensor&) = default;
Tensor& Tensor::operator=(Tensor&&) noexcept = default;
Tensor::~Tensor() = default;

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count) || count > (std::int64_t{1} << 56)) {
      fail<ShapeError>("Tensor: shape {} has a negative size or too many elements", shape);
    }
  }
  Ref<TensorImpl> impl = detail::make_impl(shape, dtype);
  impl->storage->buffer = Buffer::allocate(static_cast<std::size_t>(count) * size_of(dtype));
  return Tensor(std::move(impl));
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor result = empty(shape, dtype);
  result.fill_(value);
  return result;
}
Tensor Tensor::zeros(const Shape& shape, DType dtype) { return full(shape, 0, dtype); }
Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor Tensor::number(double value, DType dtype) {
  Tensor result = empty({}, dtype);
  visit_dtype(dtype, [&]<class T>() { *detail::pointer<T>(result) = static_cast<T>(value); });
  result.impl_->is_number = true;
  return result;
}

Tensor Tensor::arange(double begin, double end, double step, DType dtype) {
  if (step == 0 || (end - begin) / step < 0 || !std::isfinite((end - begin) / step)) {
    fail<ValueError>("arange: step is {}, which does not lead from {} to {}", step, begin, end);
  }
  Tensor result = empty({static_cast<std::int64_t>(std::ceil((end - begin) / step))}, dtype);
  visit_dtype(dtype, [&]<class T>() {
    T* out = detail::pointer<T>(result);
    for (std::int64_t i = 0; i < result.numel(); ++i) out[i] = static_cast<T>(begin + static_cast<double>(i) * step);
  });
  return result;
}

namespace {

template <class Draw>
Tensor random_tensor(const Shape& shape, DType dtype, const char* operation, Draw draw) {
  Tensor result = Tensor::empty(shape, dtype);
  visit_floating(dtype, operation, [&]<class T>() {
    T* out = detail::pointer<T>(result);
    detail::for_each_row<1>(shape, {result.strides()}, [&](auto offsets, auto, std::int64_t count) {
      for (std::int64_t i = offsets[0]; i < offsets[0] + count; ++i) {
        out[i] = static_cast<T>(draw(static_cast<std::uint64_t>(i)));
      }
    });
  });
  return result;
}

}  // namespace

Tensor Tensor::rand(const Shape& shape, std::uint64_t seed, std::uint64_t stream, DType dtype) {
  const Philox random(seed, stream);
  // Rounding to float32 may give 1 from the last doubles below it; 24 bits do not.
  if (dtype == DType::float32) {
    return random_tensor(shape, dtype, "rand",
                         [=](std::uint64_t i) { return static_cast<double>(random.bits64(i) >> 40) * 0x1p-24; });
  }
  return random_tensor(shape, dtype, "rand", [=](std::uint64_t i) { return random.uniform(i); });
}

Tensor Tensor::randn(const Shape& shape, std::uint64_t seed, std::uint64_t stream, DType dtype) {
  const Philox random(seed, stream);
  return random_tensor(shape, dtype, "randn", [=](std::uint64_t i) { return random.normal(i); });
}

template <Number T>
Tensor Tensor::from(const std::vector<T>& values, const Shape& shape) {
  if (static_cast<std::int64_t>(values.size()) != perdita::numel(shape)) {
    fail<ShapeError>("Tensor::from: {} values do not fill shape {}", values.size(), shape);
  }
  using Element = std::conditional_t<std::is_same_v<T, int>, std::int32_t, T>;
  Tensor result = empty(shape, dtype_of<Element>());
  std::copy(values.begin(), values.end(), detail::pointer<Element>(result));
  return result;
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor dense = to(dtype_of<T>()).contiguous();
  const T* begin = dense.data<T>();
  return std::vector<T>(begin, begin + dense.numel());
}

#define PERDITA_INSTANTIATE(T)                                          \
  template Tensor Tensor::from<T>(const std::vector<T>&, const Shape&); \
  template std::vector<T> Tensor::to_vector<T>() const;
PERDITA_INSTANTIATE(float)
PERDITA_INSTANTIATE(double)
PERDITA_INSTANTIATE(std::int64_t)
PERDITA_INSTANTIATE(std::int32_t)
PERDITA_INSTANTIATE(std::uint8_t)
PERDITA_INSTANTIATE(bool)
#undef PERDITA_INSTANTIATE

Tensor Tensor::from(const Array& array) {
  Ref<TensorImpl> impl = detail::make_impl(array.shape, array.dtype);
  impl->storage->buffer = array.buffer;
  return Tensor(std::move(impl));
}

Array Tensor::to_array() const {
  const Tensor dense = contiguous();
  detail::ensure_data(dense);
  const TensorImpl& impl = *dense.impl();
  if (impl.offset == 0) return {impl.dtype, impl.shape, impl.storage->buffer};
  return {impl.dtype, impl.shape, dense.clone().impl()->storage->buffer};
}

DType Tensor::dtype() const { return impl_->dtype; }
const Shape& Tensor::shape() const { return impl_->shape; }
const Strides& Tensor::strides() const { return impl_->strides; }
std::int64_t Tensor::size(int dim) const { return shape()[normalize_dim(dim, rank(), "size")]; }
bool Tensor::is_contiguous() const { return perdita::is_contiguous(shape(), strides()); }

void* Tensor::raw_data(DType asked, bool writes) const {
  detail::require_defined(*this, "data");
  if (asked != dtype())
    fail<DTypeError>("data: the tensor has dtype {}, but {} was requested", name_of(dtype()), name_of(asked));
  if (!is_contiguous()) {
    fail<ShapeError>("data: the tensor of shape {} is a view with strides {} (call contiguous() first)", shape(),
                     strides());
  }
  if (writes)
    detail::before_write(*this);
  else
    detail::ensure_data(*this);
  return impl_->pointer();
}

double Tensor::item() const {
  detail::require_defined(*this, "item");
  if (numel() != 1) fail<ShapeError>("item: the tensor has shape {} (valid: one element)", shape());
  if (is_narrow(dtype())) return detach().to(DType::float32).item();
  detail::ensure_data(*this);
  return visit_dtype(dtype(), [&]<class T>() { return static_cast<double>(*detail::pointer<T>(*this)); });
}

}  // namespace perdita
