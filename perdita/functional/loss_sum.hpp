// Sums of losses of tensors.
//
//     const LossSum loss = 0.7 * CrossEntropy{} + 0.3 * Dice{};
//     functional::call(loss, {logits, masks}).backward();
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "perdita/functional/functional.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace perdita {

/// The state on which the weights of a sum depend.
struct SumState {
  std::int64_t epoch = 0;  ///< counted from 0
  /// s of each part whose weight is learned, a tensor without dimensions; undefined for the other parts. Without any, s
  /// is 0.
  std::vector<Tensor> log_variances = {};
  /// The numbers that the formula of each part declares as learned, tensors without dimensions; none for their first
  /// values.
  std::vector<std::vector<Tensor>> parameters = {};
};

/// The weight of part k of a sum, the product of all its factors.
double current_weight(const LossPart& part, std::size_t k, const SumState& state);

/// The contribution of a part to a sum.
struct PartResult {
  std::string name;
  double weight = 1;  ///< see current_weight()
  double value = 0;   ///< of the part, reduced, without its weight
  LossExtras extras = {};
};

namespace functional {

/// The sum of the parts, each with its own reduction, denominator, class weights and ignored labels as if it stood
/// alone. operands: as for the parts, which have the same ones. A weight among them, or of the options, is that of each
/// part.
///
/// The gradient of the prediction is computed once for each part, for its weight, and added. extras of the options:
/// numerator is the sum, denominator 1; losses, if those of all parts have one shape; margins and hits of the first
/// part that has them. parts: set to one entry for each part.
///
/// Throws as the functions of the parts; ValueError for a weight that the parts would read differently; ShapeError for
/// reduction none if the losses of the parts differ in shape, and for a target that one part would read as
/// probabilities of classes and another as masks.
Tensor call(const LossSum& loss, std::span<const Tensor> operands, const LossOptions& options = {},
            const SumState& state = {}, std::vector<PartResult>* parts = nullptr);
/// The same of a list of tensors.
inline Tensor call(const LossSum& loss, std::initializer_list<Tensor> operands, const LossOptions& options = {},
                   const SumState& state = {}, std::vector<PartResult>* parts = nullptr) {
  return call(loss, std::span(operands.begin(), operands.size()), options, state, parts);
}

}  // namespace functional
}  // namespace perdita
