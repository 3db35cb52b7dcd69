// Losses of ordered classes on tensors.
#include "perdita/functional/by_index.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/several_operands.hpp"
#include "perdita/losses/cumulative_link_kernels.hpp"

namespace perdita::detail {

Tensor own_call(const char* function, const Coral&, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[0]);
  const Tensor logits = loss_operand(function, "input", *x[0], dtype);
  check_rows(function, logits);
  const std::int64_t thresholds = logits.size(1);
  const Tensor target = checked_indices(function, "target", *x[1], logits.size(0), thresholds + 1);
  const Tensor numbers = Tensor::arange(0, static_cast<double>(thresholds), 1, DType::int64);
  const Tensor losses = sum(softplus(select(target.unsqueeze(1) > numbers, -logits, logits)), 1);
  return reduce_losses(function, losses, options, Coral::info.mean);
}

namespace {

/// Throws ValueError that names the first threshold that is not above the one before.
void check_thresholds(const char* function, const Tensor& thresholds) {
  if (thresholds.rank() != 1 || thresholds.numel() == 0)
    fail<ShapeError>("{}: thresholds has shape {} (valid: [C - 1])", function, thresholds.shape());
  const Tensor dense = thresholds.detach().to(DType::float64).contiguous();
  const double* const data = dense.data<double>();
  for (std::int64_t k = 1; k < dense.numel(); ++k) {
    if (data[k] > data[k - 1]) continue;
    fail<ValueError>("{}: thresholds[{}] is {}, but thresholds[{}] is {} (valid: ascending)", function, k, data[k],
                     k - 1, data[k - 1]);
  }
}

}  // namespace

Tensor own_call(const char* function, const CumulativeLink& loss, GivenTensors x, const LossOptions& options) {
  const DType dtype = loss_dtype(function, *x[0], *x[2]);
  const Tensor scores = loss_operand(function, "input", *x[0], dtype);
  if (scores.rank() != 1) fail<ShapeError>("{}: input has shape {} (valid: [N])", function, scores.shape());
  const Tensor thresholds = loss_operand(function, "thresholds", *x[2], dtype);
  check_thresholds(function, thresholds);
  const Tensor target = checked_indices(function, "target", *x[1], scores.size(0), thresholds.numel() + 1);
  const Tensor ends = cat({Tensor::full({1}, -infinite, dtype), thresholds, Tensor::full({1}, infinite, dtype)}, 0);
  const std::array<Tensor, 3> operands{scores.contiguous(), index_select(ends, 0, target),
                                       index_select(ends, 0, target + 1)};
  return visit_floating(dtype, function, [&]<class T>() {
    const auto kernel = [&](const auto& in, const auto& out, std::int64_t count) {
      return kernels::several_operands<places_of_cumulative_link>(loss, in, out, count);
    };
    const auto again = [loss](const std::array<Tensor, 3>& y) { return loss(y[0], y[1], y[2]); };
    return weighted_loss(function, CumulativeLink::info.mean, options, [&](const LossOptions& own) {
      return loss_of_several<T>(function, operands, places_of_cumulative_link, CumulativeLink::info.mean, own, kernel,
                                again);
    });
  });
}

}  // namespace perdita::detail
