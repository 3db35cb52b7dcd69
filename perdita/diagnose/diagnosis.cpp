#include "perdita/diagnose/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/diagnose/loss_curves.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::diagnose {

namespace {

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

class RunAnalysis {
 public:
  explicit RunAnalysis(const Evidence& evidence) : evidence_(evidence), c_(evidence.history) {}

  Diagnosis run() {
    find();
    std::ranges::stable_sort(findings_, {}, &Finding::issue);
    return {std::move(findings_), std::move(undecided_)};
  }

 private:
  void find() {
    if (look_for_divergence()) return;
    if (!evidence_.sameness.empty()) {  // the curves carry no information then
      add(Issue::nothing_to_learn, fmt::format("{} among the training samples", evidence_.sameness),
          "check the targets and how the data were selected; the results of this run are meaningless");
      return;
    }
    if (look_for_standstill()) return;
    if (std::ssize(c_.train) >= least_epochs) {
      const bool jumps = look_for_jumps();
      const bool stuck = !jumps && look_for_underfitting();
      look_for_overfitting();
      if (!jumps && !stuck && !has(Issue::overfitting) && !look_for_slowness()) look_for_plateau();
    }
    look_at_labels();
    look_at_classes();
    look_at_calibration();
  }

  using Numbers = std::vector<std::pair<std::string, double>>;
  void add(Issue issue, std::string text, std::string advice, Numbers evidence = {}) {
    findings_.push_back({issue, std::move(text), std::move(advice), std::move(evidence)});
  }
  bool has(Issue issue) const { return std::ranges::find(findings_, issue, &Finding::issue) != findings_.end(); }

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

  /// "a learning rate of 0.01", or in words if the history does not have it.
  static std::string rate(double value, std::string_view words) {
    return value > 0 ? fmt::format("a learning rate of {}", evaluate::format_number(value))
                     : fmt::format("a learning rate {}", words);
  }

  bool look_for_divergence() {
    if (c_.has_nonfinite) {
      add(Issue::divergence, fmt::format("the training loss became infinite or NaN in epoch {}", c_.nonfinite_epoch),
          "a learning rate ten times smaller, or standardized inputs (--standardize yes)",
          {{"epoch", static_cast<double>(c_.nonfinite_epoch)}});
      return true;
    }
    if (c_.epochs() == 0) return false;
    const bool grew = c_.last() > 2 * c_.start && c_.last() > 2 * c_.least();
    if (!grew) return false;
    add(Issue::divergence,
        fmt::format("the training loss increased from {} to {}", evaluate::format_number(c_.start),
                    evaluate::format_number(c_.last())),
        "a learning rate ten times smaller", {{"initial_loss", c_.start}, {"last_loss", c_.last()}});
    return true;
  }

  /// The validation loss is computed on the same samples after each epoch: equal values come from equal models.
  bool look_for_standstill() {
    if (std::ssize(c_.val) < least_epochs) return false;
    const auto [least, most] = std::ranges::minmax(c_.val);
    if (!(most - least <= 1e-6 * std::abs(most)) || c_.last() < 0.01 * c_.start) return false;
    add(Issue::not_training,
        fmt::format("the validation loss is {} after each of {} epochs", evaluate::format_number(most), c_.val.size()),
        "check that the optimizer has the parameters of the model, that they require gradients, that the loss is not "
        "detached, and that the learning rate is not 0",
        {{"val_loss", most}, {"epochs", static_cast<double>(c_.val.size())}});
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
          fmt::format("{}, or a decaying learning rate schedule", rate(c_.lr.back() / 10, "ten times smaller")),
          {{"increases", static_cast<double>(rises)}, {"epochs", static_cast<double>(count)}, {"largest", jump}});
      return true;
    }
    // Increased strongly at first, and never returned clearly below its initial value.
    if (c_.worst_step > 2.5 * c_.start && c_.mean(0.5, 1) > 0.8 * c_.start) {
      add(Issue::lr_too_large,
          fmt::format("the loss increased from {} to {} in the first steps and ended at {}",
                      evaluate::format_number(c_.start), evaluate::format_number(c_.worst_step),
                      evaluate::format_number(c_.last())),
          fmt::format("{}, or a warm-up", rate(c_.lr.front() / 10, "ten times smaller")),
          {{"initial_loss", c_.start}, {"largest_loss", c_.worst_step}, {"last_loss", c_.last()}});
      return true;
    }
    return false;
  }

  bool look_for_underfitting() {
    if (c_.last() < 0.55 * c_.start || c_.late_fall() > 0.06 || c_.was_lowered_early()) return false;
    const Reference* const better = better_reference();
    if (better == nullptr) {  // the remaining loss may be the noise of the data
      undecided_.push_back(
          fmt::format("the training loss stagnates at {}, {} of its initial value: noise of the data, or underfitting "
                      "(the error of another model, such as nearest neighbors, on the same samples would decide)",
                      evaluate::format_number(c_.last()), percent(c_.last() / c_.start)));
      return true;
    }
    add(Issue::underfitting,
        fmt::format("the training loss stagnates at {}, {} of its initial value ({}); {}",
                    evaluate::format_number(c_.last()), percent(c_.last() / c_.start),
                    evaluate::format_number(c_.start), describe(*better)),
        "more hidden units or layers, more informative inputs, a larger learning rate",
        {{"initial_loss", c_.start},
         {"last_loss", c_.last()},
         {"error", better->of_model},
         {"reference", better->error}});
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
        fmt::format("{}, or more epochs", rate(c_.lr.back() * 5, "five times larger")),
        {{"initial_loss", c_.start}, {"last_loss", c_.last()}, {"late_decrease", fall}});
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
      undecided_.push_back(fmt::format(
          "the training loss has stagnated since epoch {} of {}, at {}: noise of the data, or a plateau (the error of "
          "another model on the same samples would decide)",
          since + 1, epochs, evaluate::format_number(c_.last())));
      return;
    }
    add(Issue::plateau,
        fmt::format("the training loss has stagnated since epoch {} of {}, at {}, {} of its initial value; {}",
                    since + 1, epochs, evaluate::format_number(c_.last()), percent(c_.last() / c_.start), reason),
        decayed ? "a schedule that lowers the learning rate later"
                : "fewer epochs, or a larger model, other inputs or a lower learning rate",
        {{"since_epoch", static_cast<double>(since + 1)}, {"last_loss", c_.last()}, {"initial_loss", c_.start}});
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
          "early stopping (--patience), weight decay, dropout, a smaller model or more samples",
          {{"best_epoch", static_cast<double>(best + 1)},
           {"best_val_loss", c_.val[best]},
           {"last_val_loss", end},
           {"last_train_loss", c_.last()}});
    } else if (end > 0.8 * c_.start && c_.last() < 0.3 * end) {
      add(Issue::overfitting,
          fmt::format("the training loss decreased to {}, but the validation loss ended at {}, hardly below its "
                      "initial value ({})",
                      evaluate::format_number(c_.last()), evaluate::format_number(end),
                      evaluate::format_number(c_.start)),
          "more samples, fewer inputs, a smaller model, weight decay",
          {{"last_train_loss", c_.last()}, {"last_val_loss", end}, {"initial_loss", c_.start}});
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
        "inspect suspects.csv, which ranks them; use a loss robust to wrong labels, such as generalized_cross_entropy",
        {{"doubtful", evidence_.doubtful}, {"among_most_confident", surest}, {"among_middle", middle}});
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
          "inputs",
          {{"class", static_cast<double>(k)},
           {"recall", c.recall},
           {"median_recall", usual},
           {"samples", static_cast<double>(c.support)}});
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
            : "temperature scaling (perdita evaluate reports the temperature), less label smoothing or focusing",
        {{"ece", calibration.ece}, {"confidence", calibration.confidence}, {"accuracy", evidence_.classes->accuracy}});
  }

  const Evidence& evidence_;
  LossCurves c_;
  std::optional<Reference> reference_;
  bool asked_ = false;
  std::vector<Finding> findings_;
  std::vector<std::string> undecided_;
};

}  // namespace

std::string sameness_of(std::span<const std::int64_t> class_counts, const std::vector<std::string>& class_names) {
  const std::int64_t samples = std::accumulate(class_counts.begin(), class_counts.end(), std::int64_t{0});
  const auto most = std::ranges::max_element(class_counts);
  if (samples == 0) return "";
  const std::string& name = class_names[static_cast<std::size_t>(most - class_counts.begin())];
  if (*most == samples) return fmt::format("every label is {}", name);
  const std::int64_t others = samples - *most;
  if (others >= 5 && static_cast<double>(others) >= 0.001 * static_cast<double>(samples)) return "";
  return fmt::format("all labels but {} are {}", others, name);
}

Diagnosis diagnose_log(const Evidence& evidence) { return RunAnalysis(evidence).run(); }

std::vector<Finding> diagnose(const Evidence& evidence) { return diagnose_log(evidence).findings; }

}  // namespace perdita::diagnose
