// Cross-entropy of a number between two bins on tensors.
#include "perdita/functional/by_index.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/reduce_losses.hpp"

namespace perdita::detail {

Tensor own_call(const char* function, const DistributionFocal&, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[0]);
  const Tensor logits = loss_operand(function, "input", *x[0], dtype);
  if (logits.rank() != 2 || logits.size(1) < 2)
    fail<ShapeError>("{}: input has shape {} (valid: [N, B] with B above 1)", function, logits.shape());
  const Tensor target = loss_operand(function, "target", *x[1], dtype);
  const std::int64_t rows = logits.size(0), bins = logits.size(1);
  if (target.shape() != Shape{rows}) {
    fail<ShapeError>("{}: target has shape {}, but input has {} rows (valid: [{}])", function, target.shape(), rows,
                     rows);
  }
  check_domain(function, "target", target, {.low = 0, .high = static_cast<double>(bins - 1)});
  // The last bin has no neighbor above: a target that is the last bin belongs to the two last ones.
  const Tensor below = clamp(target.detach(), 0.0, static_cast<double>(bins - 2)).to(DType::int64);
  const Tensor share = target - below.to(dtype);
  const ClassOptions each{.reduction = Reduction::none};
  const Tensor losses = (1.0 - share) * functional::cross_entropy(logits, below, each) +
                        share * functional::cross_entropy(logits, below + 1, each);
  return reduce_losses(function, losses, options, DistributionFocal::info.mean);
}

}  // namespace perdita::detail
