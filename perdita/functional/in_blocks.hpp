// Losses of a matrix that is too large to be stored, such as the similarities of all pairs of a batch: computed in
// blocks of its rows, by recorded operators. Gradients are computed together with the losses, one block after the
// other.
#pragma once

#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "perdita/functional/joint_loss.hpp"

namespace perdita::detail {

/// The losses of the units [begin, end), which are rows, by recorded operators, not weighted. The first inputs of the
/// loss are given as these rows, the others as a whole.
using LossesOfBlock = std::function<Tensor(std::span<const Tensor>, std::int64_t begin, std::int64_t end)>;

struct BlockedLoss {
  const char* function;
  std::vector<Tensor> inputs;  ///< of one floating dtype, float32 or float64
  std::size_t sliced = 1;      ///< how many inputs are given by rows
  std::int64_t units = 0;
  std::int64_t units_at_a_time = 1;
  std::vector<double> counts = {};  ///< contribution of each unit to the standard denominator; empty: 1
  LossesOfBlock losses_of;
};

/// As many rows of `columns` numbers as fit the cache.
inline std::int64_t rows_at_a_time(std::int64_t columns, DType dtype) {
  constexpr std::int64_t block_bytes = 4 << 20;
  const std::int64_t row_bytes = std::max<std::int64_t>(1, columns) * static_cast<std::int64_t>(size_of(dtype));
  return std::max<std::int64_t>(1, block_bytes / row_bytes);
}

/// The losses of the task and its gradients.
std::vector<Tensor> compute_in_blocks(const BlockedLoss& loss, const JointTask& task);

/// The loss, reduced as the options say; weights belong to units. Second derivatives, and those with respect to
/// weights, store the whole matrix.
Tensor loss_in_blocks(const BlockedLoss& loss, const LossOptions& options);

}  // namespace perdita::detail
