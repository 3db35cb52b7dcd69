// Distillation of a teacher's predictions on tensors.
#include "perdita/functional/by_index.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"

namespace perdita::detail {

Tensor own_call(const char* function, const Distillation& loss, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[0]);
  check_parameters(loss);
  const Tensor logits = loss_operand(function, "input", *x[0], dtype);
  check_rows(function, logits);
  const Tensor target = checked_indices(function, "target", *x[1], logits.size(0), logits.size(1));
  const Tensor teacher = loss_operand(function, "teacher", *x[2], dtype);
  if (teacher.shape() != logits.shape()) {
    fail<ShapeError>("{}: teacher has shape {}, but input has {} (valid: the same)", function, teacher.shape(),
                     logits.shape());
  }
  if (needs_grad({&teacher})) {
    fail<GraphError>("{}: teacher requires a gradient (valid: a constant, for example the tensor's detach())",
                     function);
  }
  const double t = loss.temperature;
  const Tensor log_q = log_softmax(logits / t, 1), log_p = log_softmax(teacher / t, 1), p = exp(log_p);
  // A class that is impossible for the teacher has no term.
  const Tensor divergence = sum(select(p == 0.0, 0.0, p * (select(p == 0.0, 0.0, log_p) - log_q)), 1);
  const Tensor of_labels = functional::cross_entropy(logits, target, {.reduction = Reduction::none});
  return reduce_losses(function, (loss.alpha * t * t) * divergence + (1.0 - loss.alpha) * of_labels, options,
                       Distillation::info.mean);
}

}  // namespace perdita::detail
