#include "python/src/dtype_message.hpp"

#include <string>

#include "perdita/core/error.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// "complex64", "bfloat16", "int8", "<U5", "object"; of what has no dtype the name of its type.
std::string dtype_name(nb::handle array) {
  const nb::object dtype = nb::getattr(array, "dtype", nb::none());
  if (dtype.is_none()) return nb::str(nb::getattr(array.type(), "__name__")).c_str();
  std::string name = nb::str(dtype).c_str();
  if (name.starts_with("torch.")) name.erase(0, 6);
  return name;
}

bool is_text(std::string_view name) {
  return name.starts_with("<U") || name.starts_with(">U") || name.starts_with("|S") ||
         name.starts_with("StringDType") || name == "object" || name == "category" || name == "str" || name == "string";
}

std::string_view remedy(std::string_view name, bool is_torch) {
  if (name.starts_with("complex")) return "its real part, imaginary part or absolute value";
  if (is_text(name)) return "numbers; numpy.unique(names, return_inverse=True)[1] converts names to class indices";
  if (name.starts_with("int") || name.starts_with("uint") || name.starts_with("short"))
    return is_torch ? "long() converts" : "astype(\"int64\") converts";
  if (name.find("float") != name.npos || name == "longdouble")
    return is_torch ? "float() converts" : "astype(\"float32\") converts";
  if (name.find('(') != name.npos || name.find('[') != name.npos) return "one of its fields, as in array[\"name\"]";
  return "numbers";
}

}  // namespace

void fail_with_dtype(PyObject* array, std::string_view function, std::string_view argument) {
  const std::string name = dtype_name(array);
  const std::string module = nb::str(nb::getattr(nb::handle(array).type(), "__module__", nb::str(""))).c_str();
  fail<DTypeError>("{}: {} holds {} (valid: float32, float64, int64, int32, uint8 or bool; {})", function, argument,
                   name, remedy(name, module.starts_with("torch")));
}

}  // namespace perdita::python
