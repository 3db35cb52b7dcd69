#include "perdita/diagnose/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/evaluate/text.hpp"

namespace perdita::diagnose {

namespace {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

/// The loss curves of a run, without values that are not finite.
struct Curves {
  double start = 0;  // the loss before learning: of the first steps
  double worst_step = 0;
  std::vector<double> train, val, lr;  // by epoch; val may be empty
  bool has_nonfinite = false;
  std::int64_t nonfinite_epoch = 0;

  explicit Curves(const std::vector<evaluate::Record>& history) {
    std::vector<double> steps;
    for (const evaluate::Record& record : history) {
      const auto loss = record.find("train_loss");
      if (!loss) continue;
      if (!std::isfinite(*loss)) {
        if (!has_nonfinite) nonfinite_epoch = record.epoch;
        has_nonfinite = true;
        continue;
      }
      if (record.kind == "step") steps.push_back(*loss);
      if (record.kind != "epoch") continue;
      train.push_back(*loss);
      lr.push_back(record.find("lr").value_or(0));
      if (const auto value = record.find("val_loss")) val.push_back(*value);
    }
    if (val.size() != train.size()) val.clear();
    if (!train.empty()) start = train.front();
    if (!steps.empty()) {  // one batch may be far off, and the second step may have thrown the loss far away
      const auto few = static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, steps.size()));
      start = std::min(steps.front(), median({steps.begin(), steps.begin() + few}));
    }
    for (double loss : steps) worst_step = std::max(worst_step, loss);
  }

  std::size_t epochs() const { return train.size(); }
  double last() const { return train.back(); }
  double least() const { return *std::ranges::min_element(train); }
  /// Mean of the training loss over epochs [begin, end) as shares of the run.
  double mean(double begin, double end) const {
    const auto n = static_cast<double>(epochs());
    const auto first = std::min(static_cast<std::size_t>(begin * n), epochs() - 1);
    const auto past = std::max(static_cast<std::size_t>(std::ceil(end * n)), first + 1);
    return std::accumulate(train.begin() + static_cast<std::ptrdiff_t>(first),
                           train.begin() + static_cast<std::ptrdiff_t>(past), 0.0) /
           static_cast<double>(past - first);
  }
  /// Whether the learning rate was a fifth of its largest, or less, before the half of the run.
  bool was_lowered_early() const { return lr[epochs() / 2] < 0.2 * *std::ranges::max_element(lr); }
  /// Whether the loss was still falling when the learning rate was first lowered to a half or less.
  bool fell_until_lowered() const {
    const double largest = *std::ranges::max_element(lr);
    const auto lowered = static_cast<std::size_t>(
        std::ranges::find_if(lr, [=](double rate) { return rate <= 0.5 * largest; }) - lr.begin());
    if (lowered < 3 || lowered >= epochs()) return false;
    const std::size_t before = lowered - 1 - std::max<std::size_t>(1, lowered / 3);
    return train[before] - train[lowered - 1] > 0.05 * std::max(start - least(), 0.02 * std::abs(start));
  }
  /// Whether the validation loss suggests that more training would help: lowest near the end, and decreasing until
  /// then.
  bool still_improves() const {
    if (val.empty()) return true;
    const auto best = static_cast<std::size_t>(std::ranges::min_element(val) - val.begin());
    const std::size_t epochs = val.size(), quarter = std::max<std::size_t>(1, epochs / 4);
    if (best + quarter < epochs) return false;
    const double before = median({val.begin() + static_cast<std::ptrdiff_t>(epochs - std::min(epochs, 2 * quarter)),
                                  val.end() - static_cast<std::ptrdiff_t>(quarter)});
    const double after = median({val.end() - static_cast<std::ptrdiff_t>(quarter), val.end()});
    return before - after > 0.02 * std::max(start - val[best], 0.02 * std::abs(start));
  }
  /// How far the loss fell in the last quarter of the run, as a share of the way from its start.
  double late_fall() const {
    const double way =
        std::max(start - least(), 0.02 * std::abs(start));  // if hardly anything was learned, noise is not a decrease
    return (mean(0.625, 0.875) - mean(0.875, 1)) / way;
  }
};

class RunAnalysis {
 public:
  explicit RunAnalysis(const Evidence& evidence) : evidence_(evidence), c_(evidence.history) {}

  std::vector<Finding> findings() {
    if (look_for_divergence()) return std::move(verdicts_);
    if (!evidence_.sameness.empty()) {  // the curves carry no information then
      add(Issue::nothing_to_learn, fmt::format("{} among the training samples", evidence_.sameness),
          "check the targets and how the data were selected; the results of this run are meaningless");
      return std::move(verdicts_);
    }
    if (std::ssize(c_.train) >= least_epochs) {
      const bool jumps = look_for_jumps();
      const bool stuck = !jumps && look_for_underfitting();
      look_for_overfitting();
      if (!jumps && !stuck && !has(Issue::overfitting) && !look_for_slowness()) look_for_plateau();
    }
    look_at_labels();
    look_at_classes();
    look_at_calibration();
    std::ranges::stable_sort(verdicts_, {}, &Finding::issue);
    return std::move(verdicts_);
  }

 private:
  void add(Issue issue, std::string text, std::string advice) {
    verdicts_.push_back({issue, std::move(text), std::move(advice)});
  }
  bool has(Issue issue) const { return std::ranges::find(verdicts_, issue, &Finding::issue) != verdicts_.end(); }

  /// A reference clearly better than the model: then a stagnating loss is not the noise of the data. Null if there is
  /// none.
  const Reference* better_reference() {
    if (!asked_ && evidence_.reference) reference_ = evidence_.reference();
    asked_ = true;
    if (!reference_ || !(reference_->deviations > 3)) return nullptr;
    const double gain = reference_->of_model - reference_->error;
    return gain > (reference_->is_share ? 0.03 : 0.15 * reference_->of_model) ? &*reference_ : nullptr;
  }
  static std::string describe(const Reference& r) {
    return r.is_share
               ? fmt::format("{} has an error rate of {}, the model {}", r.name, percent(r.error), percent(r.of_model))
               : fmt::format("{} has a mean squared error of {}, the model {}", r.name,
                             evaluate::format_number(r.error), evaluate::format_number(r.of_model));
  }

  bool look_for_divergence() {
    if (c_.has_nonfinite) {
      add(Issue::divergence, fmt::format("the training loss became infinite or NaN in epoch {}", c_.nonfinite_epoch),
          "a learning rate ten times smaller, or standardized inputs (--standardize yes)");
      return true;
    }
    if (c_.epochs() == 0) return false;
    const bool grew = c_.last() > 2 * c_.start && c_.last() > 2 * c_.least();
    if (!grew) return false;
    add(Issue::divergence,
        fmt::format("the training loss increased from {} to {}", evaluate::format_number(c_.start),
                    evaluate::format_number(c_.last())),
        "a learning rate ten times smaller");
    return true;
  }

  /// Epochs whose loss is above that of the epoch before, by more than a tenth of it.
  bool look_for_jumps() {
    const std::size_t begin = c_.epochs() / 3;
    std::size_t rises = 0, count = 0;
    double jump = 0;
    for (std::size_t e = std::max<std::size_t>(begin, 1); e < c_.epochs(); ++e, ++count) {
      const double rise = (c_.train[e] - c_.train[e - 1]) / std::max(std::abs(c_.train[e - 1]), 0.01 * c_.start);
      jump = std::max(jump, rise);
      rises += rise > 0.1 ? 1 : 0;
    }
    const bool is_high = c_.mean(0.5, 1) > 0.1 * c_.start, falls = c_.mean(0.75, 1) < 0.7 * c_.mean(0.33, 0.6);
    if (is_high && !falls && static_cast<double>(rises) >= 0.15 * static_cast<double>(count) && rises >= 2) {
      add(Issue::lr_too_large,
          fmt::format("the training loss increased by more than 10 % in {} of the last {} epochs, at most by {}", rises,
                      count, percent(jump)),
          fmt::format("a learning rate of {}, or a decaying learning rate schedule",
                      evaluate::format_number(c_.lr.back() / 10)));
      return true;
    }
    // Increased strongly at first, and never returned clearly below its initial value.
    if (c_.worst_step > 2.5 * c_.start && c_.mean(0.5, 1) > 0.8 * c_.start) {
      add(Issue::lr_too_large,
          fmt::format("the loss increased from {} to {} in the first steps and ended at {}",
                      evaluate::format_number(c_.start), evaluate::format_number(c_.worst_step),
                      evaluate::format_number(c_.last())),
          fmt::format("a learning rate of {}, or a warm-up", evaluate::format_number(c_.lr.front() / 10)));
      return true;
    }
    return false;
  }

  bool look_for_underfitting() {
    if (c_.last() < 0.55 * c_.start || c_.late_fall() > 0.06 || c_.was_lowered_early()) return false;
    const Reference* const better = better_reference();
    if (better == nullptr) return true;  // the remaining loss may be the noise of the data
    add(Issue::underfitting,
        fmt::format("the training loss stagnates at {}, {} of its initial value ({}); {}",
                    evaluate::format_number(c_.last()), percent(c_.last() / c_.start),
                    evaluate::format_number(c_.start), describe(*better)),
        "more hidden units or layers, more informative inputs, a larger learning rate");
    return true;
  }

  bool look_for_slowness() {
    const double fall = c_.late_fall();
    const bool decayed = c_.lr.back() < 0.5 * *std::ranges::max_element(c_.lr);
    const bool falls_far = fall > 0.06 && c_.last() > 0.15 * c_.start;
    const bool halves = c_.mean(0.875, 1) < 0.5 * c_.mean(0.625, 0.875) && c_.last() > 0.02 * c_.start;
    if (decayed || (!falls_far && !halves) || !c_.still_improves()) return false;
    add(Issue::lr_too_small,
        fmt::format(
            "the training loss was still decreasing at the end: {} of its total decrease, from {} to {}, occurred in "
            "the last quarter of the run",
            percent(fall), evaluate::format_number(c_.start), evaluate::format_number(c_.last())),
        fmt::format("a learning rate of {}, or more epochs", evaluate::format_number(c_.lr.back() * 5)));
    return true;
  }

  /// The first epoch after which the loss changes by less than 2 % of its total decrease.
  std::size_t still_since() const {
    const double way = std::max(c_.start - c_.least(), 0.02 * std::abs(c_.start)), last = c_.mean(0.8, 1);
    std::size_t e = c_.epochs();
    while (e > 0 && std::abs(c_.train[e - 1] - last) < 0.02 * way) --e;
    return e;
  }

  void look_for_plateau() {
    const std::size_t since = still_since(), epochs = c_.epochs();
    const bool decayed = c_.was_lowered_early();
    if (epochs < 6 || 2 * since > epochs || c_.last() < (decayed ? 0.1 : 0.35) * c_.start) return;
    // The remaining loss may be noise of the data, unless the loss decreased until the learning rate was lowered.
    std::string reason;
    if (decayed && c_.fell_until_lowered()) {
      reason = fmt::format("it decreased until the learning rate was lowered to {}",
                           evaluate::format_number(c_.lr[since + 1]));
    } else if (const Reference* const better = better_reference()) {
      reason = describe(*better);
    } else {
      return;
    }
    add(Issue::plateau,
        fmt::format("the training loss has stagnated since epoch {} of {}, at {}, {} of its initial value; {}",
                    since + 1, epochs, evaluate::format_number(c_.last()), percent(c_.last() / c_.start), reason),
        decayed ? "a schedule that lowers the learning rate later"
                : "fewer epochs, or a larger model, other inputs or a lower learning rate");
  }

  void look_for_overfitting() {
    if (c_.val.empty()) return;
    const std::size_t epochs = c_.epochs();
    const auto best = static_cast<std::size_t>(std::ranges::min_element(c_.val) - c_.val.begin());
    const std::size_t tail = std::max<std::size_t>(1, epochs / 10);
    const double end = median({c_.val.end() - static_cast<std::ptrdiff_t>(tail), c_.val.end()});
    const bool rose = end > 1.1 * c_.val[best] + 0.02 * c_.start;
    const bool memorizes = c_.last() < 0.9 * c_.train[best];
    if (rose && memorizes && c_.val[best] < 0.8 * c_.start) {
      add(Issue::overfitting,
          fmt::format(
              "the validation loss is lowest in epoch {} ({}) and increases to {} by epoch {}, while the training loss "
              "decreases from {} to {}; early stopping would have saved {} epochs",
              best + 1, evaluate::format_number(c_.val[best]), evaluate::format_number(end), epochs,
              evaluate::format_number(c_.train[best]), evaluate::format_number(c_.last()), epochs - best - 1),
          "--patience, weight decay, dropout, a smaller model or more samples");
    } else if (end > 0.8 * c_.start && c_.last() < 0.3 * end) {
      add(Issue::overfitting,
          fmt::format("the training loss decreased to {}, but the validation loss ended at {}, hardly below its "
                      "initial value ({})",
                      evaluate::format_number(c_.last()), evaluate::format_number(end),
                      evaluate::format_number(c_.start)),
          "more samples, fewer inputs, a smaller model, weight decay");
    }
  }

  void look_at_labels() {
    // If a third of the samples contradict the others, nothing was learned, and the margins carry no information.
    constexpr double many = 0.04, most = 0.3;
    if (!(evidence_.doubtful >= many && evidence_.doubtful <= most)) return;
    const double surest = evidence_.contradicted_surest, middle = evidence_.contradicted_middle;
    if (!(surest >= many && surest > 0.6 * middle)) return;  // else it may be the noise of the data
    add(Issue::wrong_labels,
        fmt::format(
            "for {} of the training samples the model prefers another label as clearly as it agrees with the label of "
            "the median sample; among the samples with the most confident predictions it is {}, hardly fewer than "
            "among the others ({})",
            percent(evidence_.doubtful), percent(surest), percent(middle)),
        "inspect suspects.csv, which ranks them; use a loss robust to wrong labels, such as generalized_cross_entropy");
  }

  std::string class_name(std::size_t k) const {
    return k < evidence_.class_names.size() ? evidence_.class_names[k] : fmt::format("{}", k);
  }

  void look_at_classes() {
    if (!evidence_.classes || has(Issue::underfitting) || has(Issue::lr_too_large)) return;
    const evaluate::ClassificationScore& score = *evidence_.classes;
    std::vector<double> recalls;
    for (const evaluate::ClassScore& c : score.classes) {
      if (c.support > 0) recalls.push_back(c.recall);
    }
    const double usual = median(recalls);
    for (std::size_t k = 0; k < score.classes.size(); ++k) {
      const evaluate::ClassScore& c = score.classes[k];
      constexpr std::int64_t fewest = 10;
      if (c.support < fewest || c.recall > 0.35 * std::max(usual, *std::ranges::max_element(recalls) / 2)) continue;
      add(Issue::class_not_learned,
          fmt::format("class {} is predicted correctly for {} of {} samples (recall {}; median of the classes {}){}",
                      class_name(k), c.correct, c.support, percent(c.recall), percent(usual), mistaken_for(score, k)),
          "class weights, balanced sampling or balanced_softmax, if the class is rare; otherwise check its labels and "
          "inputs");
    }
  }

  std::string mistaken_for(const evaluate::ClassificationScore& score, std::size_t k) const {
    if (score.confusion.empty()) return "";
    std::size_t most = k == 0 ? 1 : 0;
    for (std::size_t other = 0; other < score.classes.size(); ++other) {
      if (other != k && score.confused(k, other) > score.confused(k, most)) most = other;
    }
    return fmt::format("; it is most often predicted as {}", class_name(most));
  }

  void look_at_calibration() {
    if (!evidence_.calibration || !evidence_.classes) return;
    const evaluate::Calibration& calibration = *evidence_.calibration;
    const auto samples = static_cast<double>(evidence_.classes->samples);
    // The ECE of a perfectly calibrated model due to chance alone grows with bins per sample.
    const double chance = std::sqrt(static_cast<double>(calibration.bins.size()) / std::max(samples, 1.0)) / 2;
    if (calibration.ece < 0.06 + chance) return;
    const bool is_overconfident = calibration.confidence > evidence_.classes->accuracy;
    add(Issue::miscalibration,
        fmt::format("the model is {}: its mean confidence is {}, its accuracy {} (expected calibration error {:.3f})",
                    is_overconfident ? "overconfident" : "underconfident", percent(calibration.confidence),
                    percent(evidence_.classes->accuracy), calibration.ece),
        is_overconfident
            ? "temperature scaling (perdita evaluate reports the temperature), early stopping, label smoothing"
            : "temperature scaling (perdita evaluate reports the temperature), less label smoothing or focusing");
  }

  const Evidence& evidence_;
  Curves c_;
  std::optional<Reference> reference_;
  bool asked_ = false;
  std::vector<Finding> verdicts_;
};

}  // namespace

std::string_view name_of(Issue issue) {
  constexpr std::string_view names[] = {"divergence",     "lr_too_large",    "overfitting", "wrong_labels",
                                        "underfitting",   "lr_too_small",    "plateau",     "class_not_learned",
                                        "miscalibration", "nothing_to_learn"};
  return names[static_cast<std::size_t>(issue)];
}

std::string_view title_of(Issue issue) {
  constexpr std::string_view titles[] = {"divergence",     "learning rate too large",
                                         "overfitting",    "wrong labels",
                                         "underfitting",   "learning rate too small, or too few epochs",
                                         "plateau",        "a class that is not learned",
                                         "miscalibration", "nothing to learn"};
  return titles[static_cast<std::size_t>(issue)];
}

std::vector<Finding> diagnose(const Evidence& evidence) { return RunAnalysis(evidence).findings(); }

}  // namespace perdita::diagnose
