// Survival in discrete time on tensors.
#include "perdita/functional/by_index.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"
#include "perdita/functional/slope.hpp"

namespace perdita::detail {

Tensor own_call(const char* function, const LogisticHazard&, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[0]);
  const Tensor logits = loss_operand(function, "input", *x[0], dtype);
  check_rows(function, logits);
  const std::int64_t rows = logits.size(0), intervals = logits.size(1);
  const Tensor interval = checked_indices(function, "interval", *x[1], rows, intervals).unsqueeze(1);
  const Tensor event = loss_operand(function, "event", *x[2], dtype);
  if (event.shape() != Shape{rows}) {
    fail<ShapeError>("{}: event has shape {}, but input has {} rows (valid: [{}])", function, event.shape(), rows,
                     rows);
  }
  check_domain(function, "event", event, zero_or_one);
  const Tensor numbers = Tensor::arange(0, static_cast<double>(intervals), 1, DType::int64);
  const Tensor happened = (numbers == interval) & (event.unsqueeze(1) != 0.0);
  const Tensor terms = softplus(select(happened, -logits, logits));
  return reduce_losses(function, sum(select(numbers <= interval, terms, 0.0), 1), options, LogisticHazard::info.mean);
}

}  // namespace perdita::detail
