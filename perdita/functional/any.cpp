// A loss that is chosen at run time, on tensors.
#include "perdita/functional/functional.hpp"

namespace perdita::functional {

namespace {

ClassOptions class_options(const AnyLoss& any, const LossOptions& options) {
  return {.weight = options.weight,
          .ignore_index = any.ignore_index,
          .label_smoothing = any.label_smoothing,
          .reduction = options.reduction,
          .normalize_by = options.normalize_by,
          .extras = options.extras,
          .validate = options.validate};
}

/// What a call of a loss brings.
struct Operands {
  const AnyLoss& any;
  const Tensor &input, &target, &third;
  const LossOptions& options;
};

/// Overloads that tell a loss's function from its type.
#define PERDITA_CALL(Loss, function, Module) \
  Tensor call(const perdita::Loss& loss, const Operands& o) { return function(o.input, o.target, loss, o.options); }
PERDITA_PAIR_LOSSES(PERDITA_CALL)
PERDITA_OVERLAP_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL
Tensor call(const Quantiles& loss, const Operands& o) { return quantile_loss(o.input, o.target, loss, o.options); }
Tensor call(const Formula& loss, const Operands& o) { return formula_loss(o.input, o.target, loss, o.options); }
Tensor call(const ClassFormula& loss, const Operands& o) {
  return formula_loss(o.input, o.target, loss, class_options(o.any, o.options));
}
#define PERDITA_CALL(Loss, function, Module)                                   \
  Tensor call(const perdita::Loss& loss, const Operands& o) {                  \
    return function(o.input, o.target, loss, class_options(o.any, o.options)); \
  }
PERDITA_SOFTMAX_LOSSES(PERDITA_CALL)
PERDITA_PICKING_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL
#define PERDITA_CALL(Loss, function, Module)                                                       \
  Tensor call(const perdita::Loss& loss, const Operands& o) {                                      \
    if (!o.third.defined()) fail<ValueError>("{}: takes a third tensor, the variance", #function); \
    return function(o.input, o.target, o.third, loss, o.options);                                  \
  }
PERDITA_TRIPLE_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL
#define PERDITA_CALL(Loss, function, Module)                                                           \
  Tensor call(const perdita::Loss& loss, const Operands& o) {                                          \
    if (!o.third.defined()) fail<ValueError>("{}: takes a third tensor, the class counts", #function); \
    return function(o.input, o.target, o.third, loss, class_options(o.any, o.options));                \
  }
PERDITA_FREQUENCY_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL
#define PERDITA_CALL(Loss, function, Module)                                                   \
  Tensor call(const perdita::Loss&, const Operands&) {                                         \
    fail<ValueError>("{}: compares tensors in a way of its own (call it by name)", #function); \
  }
PERDITA_COMPARING_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL
#define PERDITA_CALL(Loss, function, Module)                                             \
  Tensor call(const perdita::Loss&, const Operands&) {                                   \
    fail<ValueError>("{}: takes the lengths of sequences (call it by name)", #function); \
  }
PERDITA_SEQUENCE_LOSSES(PERDITA_CALL)
#undef PERDITA_CALL

}  // namespace

Tensor evaluate_loss(const AnyLoss& any, const Tensor& input, const Tensor& target, const Tensor& third,
                     const LossOptions& options) {
  const Operands operands{any, input, target, third, options};
  return std::visit([&](const auto& loss) { return call(loss, operands); }, any.loss);
}

}  // namespace perdita::functional
