// Which part of a loss, row and operand are the first to be NaN or infinite.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "perdita/functional/loss_sum.hpp"

namespace perdita {

/// A loss or derivative that is NaN or infinite.
struct Nonfinite {
  std::string part;     ///< the loss, or the part of a sum
  std::int64_t row;     ///< index in the first dimension of its losses; 0 if they have none
  std::string operand;  ///< the operand of that row that is not finite; empty if all are finite
  std::string message;  ///< "dice: the loss of row 3 is nan: input[3, 1] is nan"
};

/// The first row of the first part whose loss, or derivative with respect to a prediction, is not finite; nothing if
/// all are. operands and options: as for functional::call(). Computes losses and derivatives once more.
std::optional<Nonfinite> first_nonfinite(const LossSum& loss, std::span<const Tensor> operands,
                                         const LossOptions& options = {});

}  // namespace perdita
