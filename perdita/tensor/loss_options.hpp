// Options and results of losses on tensors.
#pragma once

#include "perdita/losses/reduction.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {

/// What a loss finds on its way to one number, from the same pass. Nothing in it records gradients.
struct LossExtras {
  Tensor losses;           ///< what reduction none gives
  Tensor margins = {};     ///< of logits with class indices: own logit minus the best other; NaN where ignored
  Tensor hits = {};        ///< likewise; bool: the own class has the (first) largest logit
  double numerator = 0;    ///< the loss is numerator / denominator
  double denominator = 1;  ///< 1 for a sum, and where nothing is reduced
};

/// Options of losses of single elements.
struct LossOptions {
  Tensor weight = {};      ///< multiplies each element's loss; broadcasts to it
  Tensor pos_weight = {};  ///< multiplies the positive class; only for losses with such a form (logits)
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< what a mean divides by
  LossExtras* extras = nullptr;                  ///< filled where given
};

/// Options of losses over classes.
struct ClassOptions {
  Tensor weight = {};                ///< one for each class
  std::int64_t ignore_index = -100;  ///< rows with this label count for nothing
  double label_smoothing = 0;        ///< share of the target that is spread evenly over the classes
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< standard: weight sum of the labels; rows for probabilities
  LossExtras* extras = nullptr;                  ///< filled where given
};

/// What linear_cross_entropy takes besides the options of cross_entropy.
struct LinearOptions {
  Tensor bias = {};             ///< of linear_weight's shape less F
  std::int64_t chunk_rows = 0;  ///< rows whose logits exist at a time; 0: as many as take 9 MB
};

/// Throws ValueError, naming `loss`, for options that no call could meet.
inline void check_options(std::string_view, const LossOptions&) {}
void check_options(std::string_view loss, const ClassOptions& options);

}  // namespace perdita
