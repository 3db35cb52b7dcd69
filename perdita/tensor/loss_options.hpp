// Options and results of losses on tensors.
#pragma once

#include "perdita/losses/reduction.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {

struct LossExtras {
  Tensor losses, margins, hits;
  double numerator = 0, denominator = 1;
};

/// Options of losses of single elements.
struct LossOptions {
  Tensor weight = {};      ///< multiplies each element's loss; broadcasts to it
  Tensor pos_weight = {};  ///< multiplies the positive class; only for losses with such a form (logits)
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< what a mean divides by
  LossExtras* extras = nullptr;
};

/// Options of losses over classes.
struct ClassOptions {
  Tensor weight = {};                ///< one for each class
  std::int64_t ignore_index = -100;  ///< rows with this label count for nothing
  double label_smoothing = 0;        ///< share of the target that is spread evenly over the classes
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< standard: weight sum of the labels; rows for probabilities
  LossExtras* extras = nullptr;
};

/// What a pass over rows of logits tells of each row, in the shape of the labels.
struct RowLosses {
  Tensor losses;
  Tensor margins;  ///< own logit minus the best other; NaN where ignored
  Tensor hits;     ///< bool: the own class has the (first) largest logit
};

/// Throws ValueError, naming `loss`, for options that no call could meet.
inline void check_options(std::string_view, const LossOptions&) {}
void check_options(std::string_view loss, const ClassOptions& options);

}  // namespace perdita
