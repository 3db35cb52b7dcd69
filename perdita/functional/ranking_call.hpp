// Losses of the rankings of groups of documents: their operands, and what they share.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "perdita/functional/joint_loss.hpp"
#include "perdita/functional/loss_call.hpp"

namespace perdita::detail {

/// A checked call of a loss of rankings, apart from the scores.
struct RankingCall {
  const char* function;
  std::vector<std::int64_t> begins;  ///< of groups, followed by the number of documents
  Saved relevance;                   ///< of documents, float32 or float64
  LossOptions options;               ///< without extras: it outlives the call
  std::vector<double> counts = {};   ///< what each group adds to the standard denominator; empty: 1

  std::int64_t groups() const { return std::ssize(begins) - 1; }
};

/// The groups that have documents as a matrix [groups, longest], which second derivatives are taken of.
struct PaddedGroups {
  Tensor groups;     ///< their indices
  Tensor documents;  ///< indices, 0 where a group is shorter
  Tensor is_filled;  ///< where there are documents
  Tensor relevance;  ///< in float64; 0 where a group is shorter
};
PaddedGroups padded_groups(const RankingCall& call);

/// Checks the operands: scores, relevance, perhaps groups. relevance_dtype: float32 if relevance may stay in it.
RankingCall ranking_call(const char* function, GivenTensors x, const LossOptions& options,
                         DType relevance_dtype = DType::float64);

/// The losses of the rows of float64 scores [groups, longest], by recorded operators.
using LossesOfGroups = std::function<Tensor(const PaddedGroups&, const Tensor&)>;

/// The reduced loss by recorded operators.
Tensor recorded_ranking(const RankingCall& call, const Tensor& input, const LossesOfGroups& losses_of,
                        LossExtras* extras);

/// How the losses of the call become its result.
LossNode ranking_node(const RankingCall& call, const std::vector<double>& weights, LossExtras* extras);

/// The loss. kernel(call, scores, JointOutputs<T>) computes losses and gradients, losses_of the same for second
/// derivatives.
template <class Kernel>
Tensor ranking_loss(const RankingCall& given, const Tensor& input, LossExtras* extras, const Kernel& kernel,
                    const LossesOfGroups& losses_of) {
  if (given.options.weight.defined() && needs_grad({&given.options.weight}))
    return recorded_ranking(given, input, losses_of, extras);
  const auto call = std::make_shared<const RankingCall>(given);
  const std::vector<double> weights = weights_of_losses(call->function, call->options.weight, {call->groups()});
  return joint_loss(
      ranking_node(*call, weights, extras), {input}, weights,
      [call, kernel](const JointTask& task) {
        return run_kernel(task,
                          [&]<class T>(const T* scores, const JointOutputs<T>& out) { kernel(*call, scores, out); });
      },
      [call, losses_of](std::span<const Tensor> x) { return recorded_ranking(*call, x[0], losses_of, nullptr); });
}

}  // namespace perdita::detail
