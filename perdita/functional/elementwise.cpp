// Losses of single elements on tensors.
#include "perdita/functional/elementwise.hpp"

#include "perdita/functional/loss_call.hpp"

namespace perdita::detail {

template <class Loss>
Tensor ElementwiseCall<Loss, true>::call(const char* function, const Loss& loss, GivenTensors x,
                                         const LossOptions& options) {
  return elementwise_loss(function, Loss::info, loss, *x[0], *x[1], options);
}
#define PERDITA_DEFINE(Loss, function, Module) template struct ElementwiseCall<Loss>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

Tensor call_loss(const char* function, const Quantiles& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input = *x[0], &target = *x[1];
  check_options(function, options);
  const DType dtype = loss_dtype(function, input, target);
  loss.check();
  const auto count = static_cast<std::int64_t>(loss.levels.size());
  Shape expected = target.shape();
  expected.push_back(count);
  if (input.shape() != expected) {
    fail<ShapeError>("{}: input has shape {} and target {}, but there are {} quantiles (valid: {} for this target)",
                     function, input.shape(), target.shape(), count, expected);
  }
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  const Tensor q = Tensor::from(loss.levels).to(dtype), r = target.to(dtype).unsqueeze(-1) - input.to(dtype);
  const Tensor losses = q * max(r, 0.0) + (1.0 - q) * max(-r, 0.0);
  return reduce_present(function, losses, target.unsqueeze(-1), options, Quantile::info.mean);
}

}  // namespace perdita::detail
