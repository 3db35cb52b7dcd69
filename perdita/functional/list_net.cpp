// Cross-entropy of the rankings of groups on tensors.
#include "perdita/functional/ranking_call.hpp"
#include "perdita/kernels/group_softmax.hpp"

namespace perdita {

namespace {

using namespace detail;

kernels::GroupTargets targets_of(RelevanceTarget relevance) {
  switch (relevance) {
    case RelevanceTarget::softmax:
      return kernels::GroupTargets::softmax;
    case RelevanceTarget::labels:
      return kernels::GroupTargets::plain;
    case RelevanceTarget::normalized:
      break;
  }
  return kernels::GroupTargets::normalized;
}

/// The distributions of relevance, 0 where a group is shorter.
Tensor padded_targets(const PaddedGroups& p, kernels::GroupTargets targets) {
  if (targets == kernels::GroupTargets::softmax)
    return softmax(select(p.is_filled, p.relevance, -std::numeric_limits<double>::infinity()), 1);
  if (targets == kernels::GroupTargets::plain) return p.relevance;
  const Tensor total = sum(p.relevance, 1, true);
  return p.relevance / select(total > 0.0, total, 1.0);
}

}  // namespace

Tensor detail::own_call(const char* function, const ListNet& loss, GivenTensors x, const LossOptions& options) {
  const RankingCall call = ranking_call(function, x, options, DType::float32);
  check_parameters(loss);
  const kernels::GroupTargets targets = targets_of(loss.relevance);
  const auto kernel = [targets, temperature = loss.temperature]<class T>(const RankingCall& of, const T* scores,
                                                                         const JointOutputs<T>& out) {
    const Tensor& relevance = of.relevance.get(of.function);
    visit_floating(relevance.dtype(), of.function, [&]<class R>() {
      kernels::group_softmax_loss(kernels::GroupSoftmaxTask<T, R>{.begins = of.begins,
                                                                  .scores = scores,
                                                                  .relevance = relevance.data<R>(),
                                                                  .targets = targets,
                                                                  .temperature = temperature,
                                                                  .coefficients = out.coefficients,
                                                                  .losses = out.losses,
                                                                  .gradient = out.gradient});
    });
  };
  const auto losses_of = [targets, temperature = loss.temperature](const PaddedGroups& p, const Tensor& scores) {
    const Tensor t = padded_targets(p, targets);
    const Tensor log_p =
        log_softmax(select(p.is_filled, scores / temperature, -std::numeric_limits<double>::infinity()), 1);
    return sum(select(p.is_filled & (t > 0.0), -t * log_p, 0.0), 1);
  };
  return ranking_loss(call, *x[0], options.extras, kernel, losses_of);
}

}  // namespace perdita
