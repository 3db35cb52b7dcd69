// perdita._core: the losses as Python's faces call them. See python/perdita/_call.py.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <filesystem>

#include "perdita/core/escape.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/version.hpp"
#include "perdita/functional/class_loss.hpp"
#include "python/src/audit.hpp"
#include "python/src/boosting.hpp"
#include "python/src/catalogue.hpp"
#include "python/src/data.hpp"
#include "python/src/diagnose.hpp"
#include "python/src/evaluate.hpp"
#include "python/src/graph.hpp"
#include "python/src/loss.hpp"
#include "python/src/recorder.hpp"
#include "python/src/stabilize.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace perdita::python {
namespace {

/// Makes arrays of the library that `example` is of, if it has an exchange table, or of NumPy.
class Maker {
 public:
  explicit Maker(nb::handle example) : api_(exchange_api_of(example.ptr())) {}
  explicit Maker(nb::tuple arrays) : Maker(arrays.size() == 0 ? nb::handle(arrays) : nb::handle(arrays[0])) {}

  nb::object operator()(const Tensor& tensor) const {
    if (!tensor.defined()) return nb::none();
    return api_ != nullptr ? to_exchange(tensor, *api_) : to_numpy(tensor);
  }
  nb::object operator()(const std::vector<Tensor>& tensors) const {
    nb::object tuple = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(tensors.size())));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      NB_TUPLE_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), (*this)(tensors[i]).release().ptr());
    }
    return tuple;
  }
  nb::object operator()(const LossExtras& extras) const {
    return nb::make_tuple(extras.numerator, extras.denominator, (*this)(extras.losses), (*this)(extras.margins),
                          (*this)(extras.hits));
  }

 private:
  const dlpack::ExchangeApi* api_;
};

using SharedLoss = std::shared_ptr<Loss>;

nb::object value(const SharedLoss& loss, nb::tuple arrays) { return Maker(arrays)(Evaluation(loss, arrays, 0).loss()); }

nb::object value_and_extras(const SharedLoss& loss, nb::tuple arrays) {
  LossExtras extras;
  const Evaluation evaluation(loss, arrays, 0, &extras);
  const Maker make(arrays);
  return nb::make_tuple(make(evaluation.loss()), make(extras));
}

nb::object value_and_gradients(const SharedLoss& loss, nb::tuple arrays, unsigned wanted) {
  Evaluation evaluation(loss, arrays, wanted);
  if (evaluation.loss().numel() != 1) {
    fail<ShapeError>(
        "{}: gradients require a scalar loss, but the loss has shape {} (valid: reduction 'mean' or 'sum')",
        loss->function(), evaluation.loss().shape());
  }
  const Maker make(arrays);
  nb::object first = make(evaluation.loss());
  return nb::make_tuple(first, make(evaluation.backward(nb::none())));
}

nb::object forward(const SharedLoss& loss, nb::tuple arrays, unsigned wanted) {
  auto evaluation = std::make_unique<Evaluation>(loss, arrays, wanted);
  nb::object first = Maker(arrays)(evaluation->loss());
  return nb::make_tuple(first, nb::cast(evaluation.release(), nb::rv_policy::take_ownership));
}

nb::object forward_with_extras(const SharedLoss& loss, nb::tuple arrays, unsigned wanted) {
  LossExtras extras;
  auto evaluation = std::make_unique<Evaluation>(loss, arrays, wanted, &extras);
  const Maker make(arrays);
  nb::object first = make(evaluation->loss());
  return nb::make_tuple(first, make(extras), nb::cast(evaluation.release(), nb::rv_policy::take_ownership));
}

nb::object backward(Evaluation& evaluation, nb::handle upstream) {
  const std::vector<Tensor> gradients = evaluation.backward(upstream);
  evaluation.release_arrays();  // a loss may be kept for long after
  return Maker(upstream)(gradients);
}

/// forward() of a torch.autograd.Function, whose calls at small sizes are nothing but bookkeeping: what Python would do
/// in a dozen steps. The tensors become the attribute `saved_as` of the context, the evaluation its `evaluation`.
nb::object forward_of_node(nb::handle saved_as, nb::handle context, const SharedLoss& loss, unsigned wanted,
                           nb::args tensors) {
  static PyObject* const evaluation_name = PyUnicode_InternFromString("evaluation");
  auto evaluation = std::make_unique<Evaluation>(loss, tensors, wanted);
  nb::object first = Maker(tensors)(evaluation->loss());
  const nb::object kept = nb::cast(evaluation.release(), nb::rv_policy::take_ownership);
  if (PyObject_SetAttr(context.ptr(), evaluation_name, kept.ptr()) != 0 ||
      PyObject_SetAttr(context.ptr(), saved_as.ptr(), tensors.ptr()) != 0) {
    throw nb::python_error();
  }
  return first;
}

/// forward_of_node() for a name of the attribute, as a function of Python.
nb::object make_forward_of_node(nb::str saved_as) {
  return nb::cpp_function([saved_as](nb::handle context, const SharedLoss& loss, unsigned wanted, nb::args tensors) {
    return forward_of_node(saved_as, context, loss, wanted, tensors);
  });
}

/// What its backward() returns, where the gradients are ready: nothing for the loss and `wanted`, then the gradients at
/// the places of their tensors. None where there is more to do.
nb::object backward_of_node(Evaluation& evaluation, nb::handle upstream) {
  const std::optional<std::vector<Tensor>> gradients = evaluation.ready_gradients(upstream);
  if (!gradients) return nb::none();
  evaluation.release_arrays();  // a loss may be kept for long after
  constexpr Py_ssize_t before = 2;
  const unsigned wanted = evaluation.wanted();
  const Maker make(upstream);
  nb::object places = nb::steal(PyTuple_New(before + Py_ssize_t{Operands::capacity}));
  std::size_t next = 0;
  for (Py_ssize_t i = 0; i < NB_TUPLE_GET_SIZE(places.ptr()); ++i) {
    const bool is_wanted = i >= before && (wanted >> (i - before) & 1) != 0;
    nb::object item = is_wanted ? make((*gradients)[next++]) : nb::none();
    NB_TUPLE_SET_ITEM(places.ptr(), i, item.release().ptr());
  }
  return places;
}

/// Raises an error for operands that are not arrays the core can read. For functions that use arrays before the call.
void check_arrays(std::string_view function, const std::vector<std::string>& names, nb::tuple arrays) {
  Operands operands(Operands::Narrow::read);
  for (std::size_t i = 0; i < arrays.size(); ++i) operands.add(nb::handle(arrays[i]).ptr(), function, names[i]);
}

/// (labels that are not ignored, the sum of their class weights), after a check of each. For losses in chunks, which
/// have to know the denominator of them all.
nb::tuple count_labels(std::string_view function, nb::handle target, std::int64_t classes, std::int64_t ignore_index,
                       nb::handle weight) {
  Operands operands(Operands::Narrow::read);
  operands.add(target.ptr(), function, "target");
  operands.add(weight.ptr(), function, "weight");
  const Tensor labels = operands.tensors()[0].contiguous(), weights = operands.tensors()[1];
  if (weights.defined() && weights.shape() != Shape{classes}) {
    fail<ShapeError>("{}: weight has shape {}, but there are {} classes (valid: [{}])", function, weights.shape(),
                     classes, classes);
  }
  const Tensor dense = weights.defined() ? weights.to(DType::float64).contiguous() : Tensor();
  const kernels::Labels found =
      detail::read_labels(function, labels, classes, ignore_index, dense.defined() ? dense.data<double>() : nullptr);
  return nb::make_tuple(found.used, found.weight_sum);
}

/// The exceptions of C++ as those of perdita.errors. Names of files and what is in them may hold control characters,
/// which a terminal would obey.
void translate(const std::exception_ptr& exception, void*) {
  static PyObject* const errors = nb::module_::import_("perdita.errors").release().ptr();
  const auto raise = [](const char* name, const std::exception& error) {
    const std::string message = escape_controls(error.what(), LineBreaks::keep);
    PyErr_SetString(nb::borrow(errors).attr(name).ptr(), message.c_str());
  };
  try {
    std::rethrow_exception(exception);
  } catch (const ShapeError& error) {
    raise("ShapeError", error);
  } catch (const DTypeError& error) {
    raise("DTypeError", error);
  } catch (const IndexError& error) {
    raise("LabelError", error);
  } catch (const ValueError& error) {
    raise("DomainError", error);
  } catch (const GraphError& error) {
    raise("GraphError", error);
  } catch (const NumericalError& error) {
    raise("NumericalError", error);
  } catch (const DataError& error) {
    raise("DataError", error);
  } catch (const FileError& error) {
    raise("FileError", error);
  } catch (const std::filesystem::filesystem_error& error) {
    raise("FileError", error);
  }
}

}  // namespace

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // Python's cache of losses lives until the interpreter ends
  nb::register_exception_translator(translate);
  nb::class_<Loss>(m, "Loss")
      .def(nb::init<std::string, std::string_view, std::string_view, std::string_view>())
      .def_prop_ro("expected_upstream",
                   [](const Loss& loss) {
                     const ExpectedUpstream* const expected = loss.expected_upstream();
                     return expected != nullptr ? expected->next() : 1.0;
                   })
      .def("value", &value)
      .def("value_and_extras", &value_and_extras)
      .def("value_and_gradients", &value_and_gradients)
      .def("forward", &forward)
      .def("forward_with_extras", &forward_with_extras);
  nb::class_<Evaluation>(m, "Evaluation")
      .def_prop_ro("is_spent", &Evaluation::is_spent)
      .def_prop_ro("wanted", &Evaluation::wanted)
      .def_prop_ro("loss",
                   [](const Evaluation& evaluation) { return std::const_pointer_cast<Loss>(evaluation.function()); })
      .def("backward", &backward, nb::arg().none())
      .def("backward_of_node", &backward_of_node);
  m.def("make_forward_of_node", &make_forward_of_node);
  m.def("wanted_gradients", &wanted_gradients);
  m.def("set_result_type", &set_result_type);
  m.def("check_arrays", &check_arrays);
  m.def("check_readable", &check_readable, nb::arg(), nb::arg(), nb::arg().none());
  m.def("count_labels", &count_labels, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none());
  add_catalogue(m);
  add_graph(m);
  add_stabilize(m);
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads);
  m.def("set_validation", &set_validation);
  m.def("validation", &validation);
  m.def("set_nonfinite_detection", &set_nonfinite_detection);
  m.def("nonfinite_detection", &nonfinite_detection);
  add_audit(m);
  add_boosting(m);
  add_data(m);
  add_diagnose(m);
  add_evaluate(m);
  add_recorder(m);
  m.attr("__version__") = version();
}

}  // namespace perdita::python
