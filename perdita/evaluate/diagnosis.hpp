// What a training run suffers from, in plain words with the numbers behind it. How often it is right is measured:
// bench/diagnosis.py.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/history.hpp"

namespace perdita::evaluate {

/// In the order of their weight: what makes the rest meaningless comes first.
enum class Illness {
  divergence,         ///< the loss left the finite numbers, or grew beyond where it began
  lr_too_large,       ///< the loss jumps up and down, or stays where the first steps threw it
  overfitting,        ///< the validation loss rises while the training loss falls
  wrong_labels,       ///< many training samples contradict what the model learned of the others
  underfitting,       ///< the loss stands still near where it began
  lr_too_small,       ///< the loss was still falling steadily at the end
  plateau,            ///< the loss has stood still for most of the run
  class_not_learned,  ///< a class that is hardly ever recognised
  miscalibration,     ///< confidences that are not the share of right answers
};
/// "divergence", "lr_too_large", ...
std::string_view name_of(Illness illness);
/// The same in words: "learning rate too large".
std::string_view title_of(Illness illness);

struct Verdict {
  Illness illness;
  std::string text;    ///< what was seen, with numbers
  std::string advice;  ///< what to do
};

/// What is known of a run. Everything but the history may be missing.
struct Evidence {
  std::vector<Record> history;  ///< keys: train_loss and lr of steps and epochs; val_loss of epochs
  std::vector<std::string> class_names = {};
  std::optional<ClassificationScore> classes = {};  ///< of samples that were not trained on
  std::optional<Calibration> calibration = {};      ///< of the same
  /// Of the training samples the share whose area under the margin is far below 0: under minus the median one.
  double doubtful = std::numeric_limits<double>::quiet_NaN();
};

/// With fewer epochs nothing is told of the curves of the losses.
inline constexpr std::int64_t least_epochs = 3;

/// Illnesses in the order of their weight; none for a healthy run, and for one too short to tell.
std::vector<Verdict> diagnose(const Evidence& evidence);

}  // namespace perdita::evaluate
