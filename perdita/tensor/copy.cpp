// Elements moved, converted and overwritten.
#include <cstring>

#include "perdita/kernels/narrow.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/loops.hpp"

namespace perdita {

namespace detail {

namespace {

template <class T>
inline constexpr bool is_narrow_type = std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>;

template <class T>
inline constexpr DType type_of = std::is_same_v<T, BFloat16> ? DType::bfloat16 : DType::float16;

/// visit_dtype() for every type.
template <class Visitor>
void visit_stored(DType dtype, const Visitor& visitor) {
  if (is_narrow(dtype))
    visit_narrow(dtype, visitor);
  else
    visit_dtype(dtype, visitor);
}

template <class From, class To>
To convert(From value) {
  if constexpr (std::is_same_v<From, To>)
    return value;
  else if constexpr (is_narrow_type<From>)
    return convert<float, To>(value);
  else if constexpr (std::is_same_v<To, BFloat16>)
    return to_bfloat16(static_cast<float>(value));
  else if constexpr (std::is_same_v<To, Float16>)
    return to_float16(static_cast<float>(value));
  else if constexpr (std::is_same_v<To, bool>)
    return value != From(0);
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Out of range (and NaN) is undefined in C++: saturate instead.
    constexpr From low = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From high = static_cast<From>(std::numeric_limits<To>::max());
    if (!(value > low)) return value == value ? std::numeric_limits<To>::min() : To(0);
    return value >= high ? std::numeric_limits<To>::max() : static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class From, class To>
void copy_row(const From* from, std::int64_t from_step, To* to, std::int64_t to_step, std::int64_t count) {
  if constexpr (std::is_same_v<From, To>) {
    if (from_step == 1 && to_step == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(To));
      return;
    }
  }
  if constexpr (is_narrow_type<From> && std::is_same_v<To, float>) {
    if (to_step == 1 && from_step == 1) return widen(to, from, type_of<From>, count);
  }
  if constexpr (is_narrow_type<To> && std::is_same_v<From, float>) {
    if (to_step == 1 && from_step == 1) return narrow(to, type_of<To>, from, count);
  }
  if (to_step == 1 && from_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = convert<From, To>(from[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_step] = convert<From, To>(from[i * from_step]);
  }
}

/// A matrix whose rows lie apart is turned in tiles that fit the cache.
template <class T>
bool copy_transposed(Shape shape, std::array<Strides, 2> strides, const T* from, T* to) {
  collapse(shape, strides);
  if (shape.rank() != 2 || strides[1][1] != 1 || strides[0][0] != 1) return false;
  constexpr std::int64_t tile = 32;
  const std::int64_t rows = shape[0], columns = shape[1], row_step = strides[1][0], column_step = strides[0][1];
  perdita::parallel_for((rows + tile - 1) / tile, [&](std::int64_t block) {
    const std::int64_t begin = block * tile, end = std::min(rows, begin + tile);
    for (std::int64_t first = 0; first < columns; first += tile) {
      const std::int64_t last = std::min(columns, first + tile);
      for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t c = first; c < last; ++c) to[r * row_step + c] = from[r + c * column_step];
      }
    }
  });
  return true;
}

}  // namespace

void copy_elements(const Tensor& source, const Tensor& target) {
  const std::array<Strides, 2> strides{source.strides(), target.strides()};
  visit_stored(source.dtype(), [&]<class From>() {
    visit_stored(target.dtype(), [&]<class To>() {
      const From* from = pointer<From>(source);
      To* to = pointer<To>(target);
      if constexpr (std::is_same_v<From, To>) {
        if (target.numel() > 4096 && copy_transposed(target.shape(), strides, from, to)) return;
      }
      for_each_row<2>(target.shape(), strides, [&](auto offsets, auto steps, std::int64_t count) {
        copy_row(from + offsets[0], steps[0], to + offsets[1], steps[1], count);
      });
    });
  });
}

}  // namespace detail

namespace {

Tensor dense_copy(const Tensor& tensor, DType dtype) {
  detail::ensure_data(tensor);
  Tensor result = Tensor::empty(tensor.shape(), dtype);
  detail::copy_elements(tensor, result);
  return result;
}

}  // namespace

Tensor Tensor::clone() const {
  detail::require_defined(*this, "clone");
  return make_node("clone", dense_copy(*this, dtype()), {this},
                   [](BackwardContext& b) { b.set(0, b.take_upstream()); });
}

Tensor Tensor::contiguous() const {
  detail::require_defined(*this, "contiguous");
  if (is_contiguous()) return *this;
  return make_node("contiguous", dense_copy(*this, dtype()), {this},
                   [](BackwardContext& b) { b.set(0, b.take_upstream()); });
}

Tensor Tensor::to(DType target) const {
  detail::require_defined(*this, "to");
  if (dtype() == target) return *this;
  Tensor result = dense_copy(*this, target);
  if (!is_floating(target)) return result;
  return make_node("to", std::move(result), {this},
                   [from = dtype()](BackwardContext& b) { b.set(0, b.upstream().to(from)); });
}

const Tensor& Tensor::fill_(double value) const {
  detail::require_defined(*this, "fill_");
  detail::before_write(*this);
  detail::visit_stored(dtype(), [&]<class T>() {
    T* out = detail::pointer<T>(*this);
    const T element = detail::convert<double, T>(value);
    detail::for_each_row<1>(shape(), {strides()}, [&](auto offsets, auto steps, std::int64_t count) {
      if (steps[0] == 1)
        std::fill_n(out + offsets[0], count, element);
      else
        for (std::int64_t i = 0; i < count; ++i) out[offsets[0] + i * steps[0]] = element;
    });
  });
  return *this;
}

const Tensor& Tensor::copy_(const Tensor& source) const {
  detail::require_defined(*this, "copy_");
  detail::require_defined(source, "copy_");
  if (grad_enabled() && source.impl()->tracks()) {
    fail<GraphError>(
        "copy_: the source requires a gradient, but in-place operations are not recorded (use NoGrad or detach())");
  }
  if (broadcast_shapes(shape(), source.shape(), "copy_") != shape()) {
    fail<ShapeError>("copy_: source of shape {} does not fit into shape {}", source.shape(), shape());
  }
  detail::ensure_data(source);
  detail::before_write(*this);
  Tensor from = detail::alias(source, shape(), broadcast_strides(source.shape(), source.strides(), shape()),
                              source.impl()->offset);
  // Overlapping memory would be read after it is written.
  if (source.impl()->storage == impl_->storage) from = dense_copy(from, source.dtype());
  detail::copy_elements(from, *this);
  return *this;
}

}  // namespace perdita
