// What the losses of whole sequences share: checks of their operands, and the node of the graph.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "perdita/functional/loss_node.hpp"

namespace perdita::detail {

using Integers = std::vector<std::int64_t>;

/// The batch that the operands of a call must fit.
struct SequenceBatch {
  const char* function;
  std::string_view predictions;  ///< name of the operand with the predictions
  std::int64_t items, classes;
  bool single = false;  ///< one sequence, without a dimension for the batch
};

/// Checks a blank, and that classes can be counted in 32 bits.
void check_classes(const SequenceBatch& batch, std::int64_t blank);

/// The lengths that an operand may hold.
struct LengthRange {
  std::int64_t shortest, longest;
  std::string_view reason;  ///< for the longest
};

/// One length for each item.
Integers lengths_of(const SequenceBatch& batch, const char* argument, const Tensor& lengths, const LengthRange& range);

/// The labels of all items, one after the other, checked.
struct SequenceLabels {
  std::vector<std::int32_t> labels;
  Integers begins;
  std::int64_t length(std::size_t n) const { return begins[n + 1] - begins[n]; }
};

/// The labels of targets [N, S], or [S] with all items one after the other. refused: a class that is not a label.
SequenceLabels labels_of(const SequenceBatch& batch, const Tensor& targets, const Tensor& target_lengths,
                         std::optional<std::int64_t> refused);

/// The loss of each item by a kernel, reduced. predictions: [items, ...] or [T, items, C].
/// divisors: those of the losses of items in a mean, in addition to their number; empty if all are 1.
/// run(losses, gradient, scales) writes the losses of items, and unless `gradient` is null that of their sum with each
/// loss times its scale.
template <class T, class Run>
Tensor sequence_losses(const char* function, const Tensor& predictions, const Shape& losses_shape,
                       const LossOptions& given, std::span<const double> divisors, const Run& run) {
  // Weights are applied by operators to the losses of items, which a mean has divided.
  const bool is_weighted = given.weight.defined();
  LossOptions options = given;
  if (is_weighted) options.reduction = Reduction::none;
  const LossNode node = node_without_weights(function, losses_shape, options, 1);
  const auto compute = [&](const KernelOutputs<T, 1>& out) {
    const auto items = static_cast<std::size_t>(numel(losses_shape));
    std::vector<double> losses(items), scales(items, out.scale);
    if (given.reduction == Reduction::mean && !divisors.empty())
      for (std::size_t n = 0; n < items; ++n) scales[n] /= divisors[n];
    run(losses.data(), out.gradients[0], scales.data());
    double total = 0;
    for (std::size_t n = 0; n < items; ++n) {
      total += losses[n] * scales[n];
      if (out.losses) out.losses[n] = static_cast<T>(is_weighted ? losses[n] * scales[n] : losses[n]);
    }
    return total * node.denominator;
  };
  const auto refuse = [] {
    return [](BackwardContext& b) {
      fail<GraphError>("{}: has no second derivative (valid: without create_graph)", b.name());
    };
  };
  const Tensor losses = loss_node<T>(node, std::array{&predictions}, compute, refuse);
  return is_weighted ? reduce_losses(function, losses, given, Normalize::count) : losses;
}

}  // namespace perdita::detail
