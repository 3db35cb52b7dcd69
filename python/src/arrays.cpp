#include "python/src/arrays.hpp"

#include <nanobind/ndarray.h>

#include <memory>
#include <optional>

#include "perdita/functional/staged.hpp"
#include "perdita/tensor/impl.hpp"
#include "python/src/dtype_message.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

std::optional<DType> dtype_of_code(dlpack::DataType type) {
  using dlpack::TypeCode;
  if (type.lanes != 1) return std::nullopt;
  if (type.code == TypeCode::floating && type.bits == 32) return DType::float32;
  if (type.code == TypeCode::floating && type.bits == 64) return DType::float64;
  if (type.code == TypeCode::floating && type.bits == 16) return DType::float16;
  if (type.code == TypeCode::bfloat && type.bits == 16) return DType::bfloat16;
  if (type.code == TypeCode::integer && type.bits == 64) return DType::int64;
  if (type.code == TypeCode::integer && type.bits == 32) return DType::int32;
  if (type.code == TypeCode::unsigned_integer && type.bits == 8) return DType::uint8;
  if (type.code == TypeCode::boolean && type.bits == 8) return DType::boolean;
  return std::nullopt;
}

dlpack::DataType code_of(DType dtype) {
  using dlpack::TypeCode;
  const auto bits = static_cast<std::uint8_t>(8 * size_of(dtype));
  if (dtype == DType::boolean) return {TypeCode::boolean, bits, 1};
  if (dtype == DType::uint8) return {TypeCode::unsigned_integer, bits, 1};
  if (dtype == DType::bfloat16) return {TypeCode::bfloat, bits, 1};
  return {is_real(dtype) ? TypeCode::floating : TypeCode::integer, bits, 1};
}

/// The dtype of a struct-module format character: "l" and "q" are both 64-bit integers.
std::optional<DType> dtype_of_format(char format, std::size_t bytes) {
  switch (format) {
    case 'f':
      return DType::float32;
    case 'd':
      return DType::float64;
    case 'B':
      return DType::uint8;
    case '?':
      return DType::boolean;
    case 'i':
    case 'l':
    case 'q':
      return bytes == 8 ? DType::int64 : DType::int32;
    default:
      return std::nullopt;
  }
}

/// A tensor over memory that somebody else keeps alive.
Tensor borrow(void* data, DType dtype, const Shape& shape, const Strides& strides) {
  detail::Ref<detail::TensorImpl> impl = detail::make_impl(shape, dtype);
  impl->strides = strides;
  impl->storage->buffer = Buffer::wrap(
      data, static_cast<std::size_t>(numel(shape)) * size_of(dtype), [](void*) {}, nullptr);
  return Tensor(std::move(impl));
}

/// Throws DTypeError that tells the first line of the pending Python exception, which is cleared.
[[noreturn]] void fail_with_reason(std::string_view function, std::string_view argument) {
  const nb::python_error error;
  const std::string reason = nb::str(error.value()).c_str();
  fail<DTypeError>("{}: {} cannot be read: {} (valid: a dense array in the memory of the CPU)", function, argument,
                   reason.substr(0, reason.find('\n')));
}

void check_rank(int rank, std::string_view function, std::string_view argument) {
  if (rank > max_rank) {
    fail<ShapeError>("{}: {} has {} dimensions (valid: up to {})", function, argument, rank, max_rank);
  }
}

void check_alignment(const void* data, std::size_t bytes, std::string_view function, std::string_view argument) {
  if (reinterpret_cast<std::uintptr_t>(data) % bytes != 0) {
    fail<ValueError>("{}: {} is not aligned to its element size of {} bytes (valid: an aligned array, such as a copy)",
                     function, argument, bytes);
  }
}

Tensor tensor_of(const dlpack::TensorView& view, std::string_view function, std::string_view argument) {
  if (view.device.type != dlpack::cpu_device) {
    fail<DTypeError>("{}: {} is not in the memory of the CPU (DLPack device {}; valid: 1)", function, argument,
                     view.device.type);
  }
  const auto dtype = dtype_of_code(view.dtype);  // checked by the caller
  check_rank(view.rank, function, argument);
  const auto rank = static_cast<std::size_t>(view.rank);
  const Shape shape(std::span<const std::int64_t>(view.shape, rank));
  void* const data = static_cast<char*>(view.data) + view.byte_offset;
  check_alignment(data, size_of(*dtype), function, argument);
  return borrow(
      data, *dtype, shape,
      view.strides != nullptr ? Strides(std::span<const std::int64_t>(view.strides, rank)) : contiguous_strides(shape));
}

}  // namespace

void Operands::clear() {
  for (Tensor& tensor : tensors()) tensor = Tensor();
  for (std::size_t i = 0; i < buffer_count_; ++i) PyBuffer_Release(&buffers_[i]);
  for (std::size_t i = 0; i < held_count_; ++i) Py_DECREF(held_[i]);
  count_ = buffer_count_ = held_count_ = 0;
}

void Operands::add(PyObject* array, std::string_view function, std::string_view argument) {
  if (count_ == capacity) fail<ValueError>("{}: more than {} arrays", function, capacity);
  if (array == Py_None) {
    tensors_[count_++] = Tensor();
  } else if (const ArrayType type = array_type_of(array); type.api != nullptr) {
    tensors_[count_++] = from_exchange(array, type, function, argument);
  } else if (PyObject_CheckBuffer(array)) {
    tensors_[count_++] = from_buffer(array, function, argument);
  } else if (PyObject_HasAttrString(array, "__dlpack__")) {
    tensors_[count_++] = from_capsule(array, function, argument);
  } else {
    fail<DTypeError>("{}: {} is a {} (valid: an array with the buffer protocol or __dlpack__)", function, argument,
                     nb::inst_name(array).c_str());
  }
}

Tensor Operands::from_exchange(PyObject* array, const ArrayType& type, std::string_view function,
                               std::string_view argument) {
  check_has_elements(array, type, function, argument);
  dlpack::TensorView view;
  if (type.api->view_object(array, &view) != 0) fail_with_reason(function, argument);
  check_memory(array, type, view, function, argument);
  const std::optional<DType> dtype = dtype_of_code(view.dtype);
  if (!dtype || (is_narrow(*dtype) && narrow_ == Narrow::refused)) fail_with_dtype(array, function, argument);
  held_[held_count_++] = Py_NewRef(array);
  return tensor_of(view, function, argument);
}

Tensor Operands::from_buffer(PyObject* array, std::string_view function, std::string_view argument) {
  Py_buffer& buffer = buffers_[buffer_count_];
  if (PyObject_GetBuffer(array, &buffer, PyBUF_FULL_RO) != 0) {
    if (!PyObject_HasAttrString(array, "dtype")) fail_with_reason(function, argument);
    PyErr_Clear();  // NumPy's words for a dtype that a buffer cannot have, such as dates
    fail_with_dtype(array, function, argument);
  }
  ++buffer_count_;
  const std::string_view format = buffer.format != nullptr ? buffer.format : "B";
  if (format.starts_with('>') || format.starts_with('!')) {
    fail<DTypeError>("{}: {} is big-endian (valid: this machine's byte order; astype() converts)", function, argument);
  }
  const auto bytes = static_cast<std::size_t>(buffer.itemsize);
  const auto dtype = dtype_of_format(format.back(), bytes);
  if (!dtype || format.find_first_not_of("@=<fdB?ilq") != format.npos || size_of(*dtype) != bytes) {
    fail_with_dtype(array, function, argument);
  }
  check_rank(buffer.ndim, function, argument);
  check_alignment(buffer.buf, bytes, function, argument);
  Shape shape;
  Strides strides;
  for (int i = 0; i < buffer.ndim; ++i) {
    if (buffer.strides[i] % buffer.itemsize != 0) {
      fail<ValueError>(
          "{}: {} has a stride of {} bytes, which is not a multiple of the element size (valid: a copy of the array)",
          function, argument, buffer.strides[i]);
    }
    shape.push_back(buffer.shape[i]);
    strides.push_back(buffer.strides[i] / buffer.itemsize);
  }
  return borrow(buffer.buf, *dtype, shape, strides);
}

Tensor Operands::from_capsule(PyObject* array, std::string_view function, std::string_view argument) {
  nb::object capsule = nb::borrow(array).attr("__dlpack__")();
  const auto* managed = static_cast<const dlpack::ManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (managed == nullptr) throw nb::python_error();
  const std::optional<DType> dtype = dtype_of_code(managed->view.dtype);
  if (!dtype || is_narrow(*dtype)) fail_with_dtype(array, function, argument);
  held_[held_count_++] = capsule.release().ptr();  // never consumed: its own destructor releases the array
  return tensor_of(managed->view, function, argument);
}

const dlpack::ExchangeApi* exchange_api_of(PyObject* object) { return array_type_of(object).api; }

namespace {

/// A tensor on its way out: what the receiver releases.
struct Export {
  dlpack::VersionedTensor managed{};
  Tensor tensor;
  Shape shape;
  Strides strides;
};

/// Memory of ours: not that of an argument, which may go away or be written to.
Tensor computed(const Tensor& tensor) {
  detail::ensure_data(tensor);
  return tensor.detach();
}

}  // namespace

nb::object to_exchange(const Tensor& tensor, const dlpack::ExchangeApi& api) {
  auto out = std::make_unique<Export>();
  out->tensor = computed(tensor);
  if (!detail::is_dense(out->tensor)) out->tensor = out->tensor.contiguous();
  out->shape = out->tensor.shape();
  out->strides = out->tensor.is_contiguous() ? contiguous_strides(out->shape) : out->tensor.strides();
  out->managed = {.version = {1, 0},
                  .context = out.get(),
                  .release = [](dlpack::VersionedTensor* self) { delete static_cast<Export*>(self->context); },
                  .flags = 0,
                  .view = {.data = out->tensor.impl()->pointer(),
                           .device = {dlpack::cpu_device, 0},
                           .rank = out->shape.rank(),
                           .dtype = code_of(out->tensor.dtype()),
                           .shape = &out->shape[0],
                           .strides = &out->strides[0],
                           .byte_offset = 0}};
  void* object = nullptr;
  if (api.to_object(&out->managed, &object) != 0) throw nb::python_error();
  out.release();
  return nb::steal(static_cast<PyObject*>(object));
}

nb::object to_numpy(const Tensor& tensor) {
  auto dense = std::make_unique<Tensor>(computed(tensor).contiguous());
  const DType dtype = dense->dtype();
  if (dense->rank() == 0) {
    static PyObject* const numpy = nb::module_::import_("numpy").release().ptr();
    return nb::borrow(numpy).attr(dtype == DType::float64   ? "float64"
                                  : dtype == DType::float32 ? "float32"
                                  : dtype == DType::boolean ? "bool_"
                                                            : "int64")(dense->item());
  }
  const Shape shape = dense->shape();
  std::array<std::size_t, max_rank> sizes{};
  for (int i = 0; i < shape.rank(); ++i) sizes[static_cast<std::size_t>(i)] = static_cast<std::size_t>(shape[i]);
  void* const data = dense->impl()->pointer();
  const dlpack::DataType code = code_of(dtype);
  const nb::dlpack::dtype type{static_cast<std::uint8_t>(code.code), code.bits, code.lanes};
  const nb::capsule owner(dense.release(), [](void* held) noexcept { delete static_cast<Tensor*>(held); });
  return nb::cast(
      nb::ndarray<nb::numpy>(data, static_cast<std::size_t>(shape.rank()), sizes.data(), owner, nullptr, type),
      nb::rv_policy::reference);
}

}  // namespace perdita::python
