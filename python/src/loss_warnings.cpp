#include "python/src/loss_warnings.hpp"

#include <nanobind/nanobind.h>

#include <string>

#include "perdita/tensor/all.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// How many frames of Python belong to Perdita and to torch's call of a module: a warning is about the caller's line.
int frames_of_library() {
  int count = 1;
  nb::object frame = nb::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame.is_valid() && !frame.is_none()) {
    const nb::object name = nb::borrow<nb::dict>(frame.attr("f_globals")).attr("get")("__name__", "");
    const std::string module = nb::str(name).c_str();
    if (module != "perdita" && !module.starts_with("perdita.") && !module.starts_with("torch.")) break;
    ++count;
    frame = frame.attr("f_back");
  }
  return count;
}

void warn(const std::string& message) {
  if (PyErr_WarnEx(PyExc_UserWarning, message.c_str(), frames_of_library()) != 0) throw nb::python_error();
}

}  // namespace

bool compares_elements(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  return info.unit == Unit::element && info.broadcasts && !compares_predictions(info) &&
         meaning_of_prediction(info) != Meaning::quantiles;
}

bool takes_logits(const AnyLoss& any) {
  const LossInfo& info = info_of(any);
  return meaning_of_prediction(info) == Meaning::logit && info.unit != Unit::row;
}

void warn_of_logits(std::string_view function, const AnyLoss& loss, const Tensor& given, const Tensor& target) {
  const Tensor input = given.to(computing_type(given.dtype()));
  if (info_of(loss).unit == Unit::mask && input.rank() == 2 && target.rank() == 1) {
    warn(fmt::format(
        "{}: input has shape {} and target {}, so each row is an image of one pixel (valid: [N, C, ...] for masks; for "
        "classification use cross_entropy)",
        function, input.shape(), target.shape()));
  }
  if (!is_floating(input.dtype()) || input.numel() == 0) return;
  const NoGrad no_grad;
  const Tensor others = sum(((input != 0.0) & (input != 1.0)).to(DType::int64));
  if (others.item() != 0) return;
  warn(
      fmt::format("{}: input contains only 0 and 1, but is interpreted as logits, where 0 is the probability 0.5 "
                  "(valid: logits, for "
                  "example 20 * mask - 10)",
                  function));
}

void warn_of_broadcast(std::string_view function, const AnyLoss& loss, const Tensor& input, const Tensor& target) {
  Shape common;
  try {
    common = broadcast_shapes(input.shape(), target.shape(), function);
  } catch (const ShapeError&) {
    return;  // the loss says what is wrong
  }
  if (!info_of(loss).grows_input && common != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same shape, or one that broadcasts to it)",
                     function, target.shape(), input.shape());
  }
  // The first words are torch's, so that filters for its warning are filters for this one.
  const std::string message = fmt::format(
      "Using a target size ({}) that is different to the input size ({}) in {}: they are broadcast to {}, which is "
      "probably not what you want (valid: the same shape)",
      target.shape(), input.shape(), function, common);
  warn(message);
}

}  // namespace perdita::python
