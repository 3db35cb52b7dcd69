// Options and results of losses of LibTorch's tensors: those of perdita/functional/loss_options.hpp with at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <type_traits>

#include "perdita/losses/info.hpp"
#include "perdita/losses/reduction.hpp"

namespace perdita::libtorch {

/// Additional results of a loss, from the same pass. They do not record gradients.
struct LossExtras {
  at::Tensor losses;       ///< the result of reduction none
  at::Tensor margins;      ///< of logits with class indices: true logit minus the largest other; NaN if ignored
  at::Tensor hits;         ///< likewise, bool: whether the true class has the (first) largest logit
  double numerator = 0;    ///< the loss is numerator / denominator
  double denominator = 1;  ///< 1 for a sum, and where nothing is reduced
};

/// Options of losses of single elements.
struct LossOptions {
  at::Tensor weight = {};      ///< multiplies each element's loss; broadcasts to it
  at::Tensor pos_weight = {};  ///< multiplies the positive class; only for losses with such a form (logits)
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< denominator of a mean
  LossExtras* extras = nullptr;                  ///< filled where given
  bool validate = false;                         ///< checks inputs and targets, see set_validation()
  bool broadcasts_both = false;                  ///< lets [N, 1] and [N] make [N, N], which is an error otherwise
  bool missing = false;                          ///< leaves out elements whose target is NaN
  double label_smoothing = 0;                    ///< s: a label t becomes (1 - s) t + s / 2
};

/// Options of losses over classes.
struct ClassOptions {
  at::Tensor weight = {};            ///< one for each class
  std::int64_t ignore_index = -100;  ///< rows with this label are ignored
  double label_smoothing = 0;        ///< share of the target that is distributed evenly over the classes
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< standard: weight sum of the labels; rows for probabilities
  LossExtras* extras = nullptr;                  ///< filled where given
  bool validate = false;                         ///< checks probabilities, see set_validation()
};

/// The options of a loss: those of losses over classes for rows of class logits or log-probabilities, else those of
/// single elements.
template <class Loss>
using OptionsOf = std::conditional_t<is_of_class_rows(Loss::info), ClassOptions, LossOptions>;

}  // namespace perdita::libtorch
