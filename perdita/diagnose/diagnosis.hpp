// What a training run suffers from, in plain words with the numbers behind it. How often it is right is measured:
// bench/diagnosis.py.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/history.hpp"

namespace perdita::diagnose {

/// In the order of their weight: what makes the rest meaningless comes first.
enum class Issue {
  divergence,         ///< the loss left the finite numbers, or grew beyond where it began
  lr_too_large,       ///< the loss jumps up and down, or stays where the first steps threw it
  overfitting,        ///< the validation loss rises while the training loss falls
  wrong_labels,       ///< many training samples contradict what the model learned of the others
  underfitting,       ///< the loss stands still near where it began
  lr_too_small,       ///< the loss was still falling steadily at the end
  plateau,            ///< the loss has stood still for most of the run
  class_not_learned,  ///< a class that is hardly ever recognised
  miscalibration,     ///< confidences that are not the share of right answers
  nothing_to_learn,   ///< the targets are all the same, or nearly
};
/// "divergence", "lr_too_large", ...
std::string_view name_of(Issue issue);
/// The same in words: "learning rate too large".
std::string_view title_of(Issue issue);

struct Finding {
  Issue issue;
  std::string text;    ///< what was seen, with numbers
  std::string advice;  ///< what to do
};

/// How a plain predictor does beside the model, on samples that it was not made of: where it is better, what the model
/// leaves is more than the noise of the data.
struct Reference {
  std::string name;                ///< "the vote of the 15 nearest other samples"
  bool is_share = false;           ///< error: the share of wrong answers; else the mean square error
  double error = 0, of_model = 0;  ///< the reference's, the model's
  double deviations = 0;           ///< their difference in standard errors, sample by sample; above 0: ours is worse
};

/// What is known of a run. Everything but the history may be missing.
struct Evidence {
  std::vector<evaluate::Record> history;  ///< keys: train_loss and lr of steps and epochs; val_loss of epochs
  std::vector<std::string> class_names = {};
  std::optional<evaluate::ClassificationScore> classes = {};  ///< of samples that were not trained on
  std::optional<evaluate::Calibration> calibration = {};      ///< of the same
  /// Of the training samples the share whose area under the margin is far below 0: under minus the median one.
  double doubtful = std::numeric_limits<double>::quiet_NaN();
  /// The share of training samples that were contradicted, of the fifth that the model is surest of, and of the middle
  /// fifth. Noise that belongs to the data is rare where a good model is sure; labels are wrong everywhere alike.
  double contradicted_surest = std::numeric_limits<double>::quiet_NaN();
  double contradicted_middle = std::numeric_limits<double>::quiet_NaN();
  /// Asked only where the curves alone would not do.
  std::function<std::optional<Reference>()> reference = {};
  /// What all training targets have in common, as "every label is 0"; empty where they differ enough.
  std::string sameness = {};
};

/// With fewer epochs nothing is told of the curves of the losses.
inline constexpr std::int64_t least_epochs = 3;

/// Issues in the order of their weight; none for a healthy run, and for one too short to tell.
std::vector<Finding> diagnose(const Evidence& evidence);

}  // namespace perdita::diagnose
