// Options and results of losses on tensors.
#pragma once

#include <limits>
#include <optional>

#include "perdita/losses/reduction.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {

/// Additional results of a loss, from the same pass. They do not record gradients.
struct LossExtras {
  Tensor losses;           ///< the result of reduction none
  Tensor margins = {};     ///< of logits with class indices: true logit minus the largest other; NaN if ignored
  Tensor hits = {};        ///< likewise, bool: whether the true class has the (first) largest logit
  double numerator = 0;    ///< the loss is numerator / denominator
  double denominator = 1;  ///< 1 for a sum, and where nothing is reduced
};

/// Options of losses of single elements.
struct LossOptions {
  Tensor weight = {};      ///< multiplies each element's loss; broadcasts to it
  Tensor pos_weight = {};  ///< multiplies the positive class; only for losses with such a form (logits)
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< denominator of a mean
  LossExtras* extras = nullptr;                  ///< filled where given
  bool validate = false;                         ///< checks inputs and targets, see set_validation()
  bool broadcasts_both = false;                  ///< lets [N, 1] and [N] make [N, N], which is an error otherwise
  /// Leaves out elements whose target is NaN: their losses and gradients are 0, even if the input is NaN or infinite
  /// there, and denominators do not count them. Only for losses of an input and a target element.
  bool missing = false;
  double label_smoothing = 0;  ///< s: a label t becomes (1 - s) t + s / 2; only for losses of such labels
  /// The upstream gradient for which gradients are computed together with the loss; for every other one, and if this is
  /// NaN, backward() computes them from the operands. If it is not given, gradients of a reduced loss are computed for
  /// 1 and scaled. It changes when work is done, and no result by more than rounding.
  std::optional<double> expected_upstream = {};
};

/// Options of losses over classes.
struct ClassOptions {
  Tensor weight = {};                ///< one for each class
  std::int64_t ignore_index = -100;  ///< rows with this label are ignored
  double label_smoothing = 0;        ///< share of the target that is distributed evenly over the classes
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;  ///< standard: weight sum of the labels; rows for probabilities
  LossExtras* extras = nullptr;                  ///< filled where given
  bool validate = false;                         ///< checks probabilities, see set_validation()
  std::optional<double> expected_upstream = {};  ///< see LossOptions
};

/// Options of linear_cross_entropy: those of losses over classes, and of the linear layer.
struct LinearOptions {
  Tensor linear_bias = {};           ///< of linear_weight's shape without F
  Tensor weight = {};                ///< see ClassOptions
  std::int64_t ignore_index = -100;  ///< likewise
  double label_smoothing = 0;        ///< likewise
  Reduction reduction = Reduction::mean;
  Normalize normalize_by = Normalize::standard;
  LossExtras* extras = nullptr;
  bool validate = false;
  std::int64_t chunk_rows = 0;  ///< rows whose logits exist at a time; 0: as many as take 9 MB
  double z_loss = 0;            ///< see CrossEntropy
  double softcap = std::numeric_limits<double>::infinity();  ///< likewise

  /// Those of losses over classes.
  ClassOptions of_classes() const {
    return {.weight = weight,
            .ignore_index = ignore_index,
            .label_smoothing = label_smoothing,
            .reduction = reduction,
            .normalize_by = normalize_by,
            .extras = extras,
            .validate = validate};
  }
};

/// Whether all losses of the process check that inputs and targets lie in their domains (targets of 1 and -1,
/// probabilities, positive amounts, as in the catalogue), like those with `validate`; false by default. It costs a
/// pass over memory. An element outside raises ValueError with its index.
void set_validation(bool on);
bool validation();

/// Whether every loss of the process is searched for the first row whose loss or derivative is NaN or infinite, which
/// raises NumericalError that names the loss, the row and the operand; false by default. Each loss is then computed
/// three times.
void set_nonfinite_detection(bool on);
bool nonfinite_detection();

/// Throws ValueError, naming `loss`, for options that are invalid for every call: a denominator without a mean, a share
/// outside 0..1.
void check_options(std::string_view loss, const LossOptions& options);
void check_options(std::string_view loss, const ClassOptions& options);

}  // namespace perdita
