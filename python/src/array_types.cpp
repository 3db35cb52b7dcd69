#include "python/src/array_types.hpp"

#include <array>
#include <cstdint>

#include "perdita/core/error.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

const dlpack::ExchangeApi* api_of(nb::handle type) {
  const nb::object capsule = nb::getattr(type, "__dlpack_c_exchange_api__", nb::none());
  if (!PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api")) return nullptr;
  const auto* api = static_cast<const dlpack::ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
  return api->version.major == 1 && api->view_object != nullptr ? api : nullptr;
}

ArrayType look_up(nb::handle type) {
  ArrayType found{.api = api_of(type)};
  if (found.api == nullptr || !nb::hasattr(type, "__torch_dispatch__")) return found;
  const nb::module_ torch = nb::module_::import_("torch");
  const nb::object tensor = torch.attr("Tensor");
  found.is_negated = nb::object(type.attr("is_neg")).release().ptr();
  found.is_wrapper = !type.attr("__torch_dispatch__").is(tensor.attr("__torch_dispatch__"));
  found.is_plain = type.is(tensor) || type.is(torch.attr("nn").attr("Parameter"));
  return found;
}

/// The result of a function without arguments.
nb::object call(nb::handle function) {
  PyObject* const result = PyObject_CallNoArgs(function.ptr());
  if (result == nullptr) throw nb::python_error();
  return nb::steal(result);
}

bool is_empty(const dlpack::TensorView& view) {
  for (std::int32_t i = 0; i < view.rank; ++i) {
    if (view.shape[i] == 0) return true;
  }
  return false;
}

/// Whether forward-mode differentiation follows the tensor, while a level of it is entered.
bool has_tangent(nb::handle forward_mode, nb::handle tensor) {
  return !forward_mode.attr("unpack_dual")(tensor).attr("tangent").is_none();
}

/// Whether a storage of no bytes can be behind this address: it is null plus the offset of a view.
bool may_lack_storage(const void* data) { return reinterpret_cast<std::uintptr_t>(data) < std::uintptr_t{1} << 40; }

}  // namespace

ArrayType array_type_of(PyObject* object) {
  // Few types occur; the last two cover a program that mixes NumPy and PyTorch.
  struct Known {
    PyObject* type = nullptr;
    ArrayType found;
  };
  static std::array<Known, 4> known;
  static std::size_t oldest = 0;
  PyObject* const type = nb::handle(object).type().ptr();
  for (const Known& entry : known) {
    if (entry.type == type) return entry.found;
  }
  const Known entry{type, look_up(nb::handle(type))};
  Py_INCREF(type);  // a type that were freed could leave its address to another
  Py_XDECREF(known[oldest].type);
  Py_XDECREF(known[oldest].found.is_negated);
  known[oldest] = entry;
  oldest = (oldest + 1) % known.size();
  return entry.found;
}

void check_has_elements(PyObject* array, const ArrayType& type, std::string_view function, std::string_view argument) {
  if (type.is_wrapper) {
    fail<DTypeError>("{}: {} is a {}, which does not store elements in memory (valid: a plain torch.Tensor)", function,
                     argument, nb::inst_name(array).c_str());
  }
}

void check_memory(PyObject* array, const ArrayType& type, const dlpack::TensorView& view, std::string_view function,
                  std::string_view argument) {
  if (view.data == nullptr && !is_empty(view)) {
    fail<DTypeError>("{}: {} has no storage (valid: a tensor with storage)", function, argument);
  }
  if (type.is_negated == nullptr) return;
  if (nb::handle(type.is_negated)(nb::handle(array)).is(Py_True)) {
    fail<DTypeError>("{}: {} is a negated view, for example the imag of a conjugate (valid: {}.resolve_neg())",
                     function, argument, argument);
  }
  if (may_lack_storage(view.data) && !is_empty(view)) {
    const nb::object storage = nb::handle(array).attr("untyped_storage")();
    if (nb::cast<std::int64_t>(storage.attr("nbytes")()) == 0) {
      fail<DTypeError>("{}: {} has a storage of 0 bytes (valid: a tensor with storage)", function, argument);
    }
  }
}

void check_readable(std::string_view function, std::string_view argument, nb::handle array) {
  const ArrayType type = array_type_of(array.ptr());
  if (type.is_negated == nullptr) return;
  check_has_elements(array.ptr(), type, function, argument);
  dlpack::TensorView view;
  if (type.api->view_object(array.ptr(), &view) != 0) throw nb::python_error();
  check_memory(array.ptr(), type, view, function, argument);
}

int wanted_gradients(nb::tuple tensors) {
  static PyObject* const core = nb::object(nb::module_::import_("torch").attr("_C")).release().ptr();
  static PyObject* const transforms =
      nb::object(nb::handle(core).attr("_are_functorch_transforms_active")).release().ptr();
  static PyObject* const modes = nb::object(nb::handle(core).attr("_len_torch_dispatch_stack")).release().ptr();
  static PyObject* const tracing = nb::object(nb::handle(core).attr("_is_tracing")).release().ptr();
  static PyObject* const recording = nb::object(nb::handle(core).attr("is_grad_enabled")).release().ptr();
  static PyObject* const forward_mode = nb::object(nb::module_::import_("torch.autograd.forward_ad")).release().ptr();
  static PyObject* const level = PyUnicode_InternFromString("_current_level");
  static PyObject* const requires_grad = PyUnicode_InternFromString("requires_grad");
  PyObject* const current = PyDict_GetItemWithError(PyModule_GetDict(forward_mode), level);
  const bool is_forward = current == nullptr || PyLong_AsLong(current) >= 0;
  if (call(transforms).is(Py_True) || call(tracing).is(Py_True) || PyLong_AsLong(call(modes).ptr()) != 0) return -1;
  const bool is_recording = call(recording).is(Py_True);
  int wanted = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    PyObject* const tensor = NB_TUPLE_GET_ITEM(tensors.ptr(), static_cast<Py_ssize_t>(i));
    if (tensor == Py_None) continue;
    if (!array_type_of(tensor).is_plain || (is_forward && has_tangent(forward_mode, tensor))) return -1;
    if (!is_recording) continue;
    const nb::object required = nb::steal(PyObject_GetAttr(tensor, requires_grad));
    if (!required.is_valid()) throw nb::python_error();
    if (required.is(Py_True)) wanted |= 1 << i;
  }
  return wanted;
}

}  // namespace perdita::python
