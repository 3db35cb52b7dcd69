// Tensors of LibTorch as tensors of Perdita and back, over the same memory.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "perdita/tensor/all.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita::libtorch::detail {

/// The types that both libraries have.
inline constexpr std::pair<at::ScalarType, DType> shared_types[] = {
    {at::kFloat, DType::float32}, {at::kDouble, DType::float64}, {at::kLong, DType::int64},
    {at::kInt, DType::int32},     {at::kByte, DType::uint8},     {at::kBool, DType::boolean}};

inline std::optional<DType> dtype_of(at::ScalarType type) {
  for (const auto& [theirs, ours] : shared_types) {
    if (theirs == type) return ours;
  }
  return std::nullopt;
}

inline at::ScalarType scalar_type_of(DType dtype) {
  for (const auto& [theirs, ours] : shared_types) {
    if (ours == dtype) return theirs;
  }
  fail<DTypeError>("a result holds {}", name_of(dtype));
}

inline bool is_narrow(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16;
}

/// The keys that are not in `known`. The operator - of these sets keeps the backends of both.
inline c10::DispatchKeySet without(c10::DispatchKeySet keys, c10::DispatchKeySet known) {
  return {c10::DispatchKeySet::RAW, keys.raw_repr() & ~known.raw_repr()};
}

/// Throws GraphError where operators of LibTorch are followed or replaced, which would not see a loss: in a trace, a
/// transform of torch.func, a dispatch mode, forward-mode differentiation.
inline void check_state(std::string_view function) {
  using c10::DispatchKey;
  const c10::DispatchKeySet usual = c10::default_included_set | c10::default_excluded_set;
  const c10::DispatchKeySet active = without(c10::impl::tls_local_dispatch_key_set().included_, usual);
  if (!active.empty()) {
    fail<GraphError>("{}: not supported in a trace, a transform or a dispatch mode of torch ({} is active)", function,
                     c10::toString(active.highestPriorityTypeId()));
  }
}

/// Throws DTypeError or GraphError unless the elements of a tensor are in its memory, and nothing but the autograd of
/// LibTorch follows it. The tensor has been resolved().
inline void check_plain(std::string_view function, std::string_view argument, const at::Tensor& tensor) {
  using c10::DispatchKey;
  const c10::DispatchKeySet plain(
      {DispatchKey::CPU, DispatchKey::AutogradCPU, DispatchKey::ADInplaceOrView, DispatchKey::AutocastCPU});
  const c10::DispatchKeySet other = without(tensor.key_set(), plain);
  if (tensor.device().type() != c10::DeviceType::CPU) {
    fail<DTypeError>("{}: {} is on the device {} (valid: cpu)", function, argument, tensor.device().str());
  }
  if (tensor.layout() != at::kStrided) {
    fail<DTypeError>("{}: {} is not dense (valid: a strided tensor, such as to_dense())", function, argument);
  }
  if (!other.empty()) {
    fail<DTypeError>("{}: {} is a wrapper or subclass of a tensor ({}) (valid: a plain tensor on the CPU)", function,
                     argument, c10::toString(other.highestPriorityTypeId()));
  }
  if (tensor._fw_grad(0).defined()) {
    fail<GraphError>("{}: {} has a tangent, but forward-mode differentiation is not supported (valid: backward())",
                     function, argument);
  }
}

/// Throws DTypeError or ValueError unless the elements are in memory, and aligned.
inline void check_memory(std::string_view function, std::string_view argument, const at::Tensor& tensor) {
  const void* const data = tensor.const_data_ptr();
  if (tensor.numel() > 0 && (data == nullptr || tensor.storage().nbytes() == 0)) {
    fail<DTypeError>("{}: {} has no storage (valid: a tensor with storage)", function, argument);
  }
  if (reinterpret_cast<std::uintptr_t>(data) % tensor.element_size() != 0) {
    fail<ValueError>(
        "{}: {} is not aligned to its element size of {} bytes (valid: an aligned tensor, such as a clone)", function,
        argument, tensor.element_size());
  }
}

/// A tensor over the memory of a plain one, which must outlive it. Throws DTypeError, ShapeError, ValueError.
inline Tensor borrowed(std::string_view function, std::string_view argument, const at::Tensor& tensor) {
  const std::optional<DType> dtype = dtype_of(tensor.scalar_type());
  if (!dtype) {
    fail<DTypeError>("{}: {} holds {} (valid: float32, float64, float16, bfloat16, int64, int32, uint8, bool)",
                     function, argument, c10::toString(tensor.scalar_type()));
  }
  if (tensor.dim() > max_rank) {
    fail<ShapeError>("{}: {} has {} dimensions (valid: up to {})", function, argument, tensor.dim(), max_rank);
  }
  check_memory(function, argument, tensor);
  auto impl = perdita::detail::make_impl(Shape(std::span(tensor.sizes().data(), tensor.sizes().size())), *dtype);
  impl->strides = Strides(std::span(tensor.strides().data(), tensor.strides().size()));
  impl->storage->buffer = Buffer::wrap(
      const_cast<void*>(tensor.const_data_ptr()), tensor.nbytes(), [](void*) {}, nullptr);
  return Tensor(std::move(impl));
}

/// The same elements in memory, as a tensor that is not a lazily negated one or one of zeros without memory.
inline at::Tensor resolved(const at::Tensor& tensor) {
  if (tensor._is_zerotensor()) return tensor.clone();
  return tensor.is_neg() ? tensor.resolve_neg() : tensor;
}

/// A tensor of LibTorch over the memory of `tensor`, its only handle. The memory is copied if anything else refers to
/// it: it may be that of an operand, or be read by a backward pass, while a result may be changed in place.
inline at::Tensor to_torch(const Tensor& tensor) {
  perdita::detail::ensure_data(tensor);
  const auto& impl = *tensor.impl();
  const bool is_exclusive =
      impl.is_unique() && impl.storage->is_unique() && impl.storage->buffer.is_unique() && tensor.is_contiguous();
  if (!is_exclusive) return to_torch(tensor.detach().clone());
  auto memory = std::make_unique<Buffer>(tensor.impl()->storage->buffer);
  const Shape& shape = tensor.shape();
  const auto rank = static_cast<std::size_t>(shape.rank());
  return at::for_blob(tensor.impl()->pointer(), at::IntArrayRef(shape.begin(), rank))
      .context(memory.release(), [](void* held) { delete static_cast<Buffer*>(held); })
      .options(at::TensorOptions(scalar_type_of(tensor.dtype())))
      .make_tensor();
}

}  // namespace perdita::libtorch::detail
