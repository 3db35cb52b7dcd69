#include "perdita/evaluate/classification.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::evaluate {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? nan : static_cast<double>(part) / static_cast<double>(whole);
}

/// A mean that leaves out what is not known.
class Mean {
 public:
  void add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  double value() const { return count_ == 0 ? nan : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0.0;
  std::int64_t count_ = 0;
};

void check(std::span<const std::int64_t> targets, std::span<const std::int64_t> predicted,
           std::span<const float> losses, std::int64_t classes) {
  if (classes <= 0) fail<ValueError>("score_classes: classes is {} (valid: 1 or more)", classes);
  if (targets.empty()) fail<ValueError>("score_classes: no samples");
  if (predicted.size() != targets.size() || (!losses.empty() && losses.size() != targets.size())) {
    fail<ShapeError>(
        "score_classes: there are {} targets, {} predictions and {} losses (valid: the same number, or no losses)",
        targets.size(), predicted.size(), losses.size());
  }
  const auto check_range = [classes](const char* name, std::span<const std::int64_t> labels, std::int64_t least) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < least || labels[i] >= classes) {
        fail<IndexError>("score_classes: {}[{}] is {} (valid: {}..{})", name, i, labels[i], least, classes - 1);
      }
    }
  };
  check_range("targets", targets, 0);
  check_range("predicted", predicted, -1);
}

}  // namespace

ClassificationScore score_classes(std::span<const std::int64_t> targets, std::span<const std::int64_t> predicted,
                                  std::span<const float> losses, std::int64_t classes) {
  check(targets, predicted, losses, classes);
  const auto n_classes = static_cast<std::size_t>(classes);
  std::vector<ClassScore> scores(n_classes);
  std::vector<std::int64_t> finite(n_classes);
  std::vector<std::int64_t> confusion(n_classes * n_classes, 0);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto truth = static_cast<std::size_t>(targets[i]);
    ++scores[truth].support;
    if (predicted[i] >= 0) {
      const auto guess = static_cast<std::size_t>(predicted[i]);
      ++confusion[truth * n_classes + guess];
      ++scores[guess].predicted;
      scores[truth].correct += truth == guess;
    }
    if (losses.empty() || !std::isfinite(losses[i])) continue;
    scores[truth].mean_loss += losses[i];
    ++finite[truth];
  }
  for (std::size_t k = 0; k < n_classes; ++k)
    scores[k].mean_loss = finite[k] == 0 ? nan : scores[k].mean_loss / static_cast<double>(finite[k]);
  return score_counts(std::move(scores), std::move(confusion));
}

ClassificationScore score_counts(std::vector<ClassScore> classes, std::vector<std::int64_t> confusion) {
  ClassificationScore score;
  score.classes = std::move(classes);
  score.confusion = std::move(confusion);
  Mean recall, f1;
  for (ClassScore& c : score.classes) {
    score.samples += c.support;
    score.correct += c.correct;
    c.precision = ratio(c.correct, c.predicted);
    c.recall = ratio(c.correct, c.support);
    c.f1 = ratio(2 * c.correct, c.support + c.predicted);
    recall.add(c.recall);
    f1.add(c.f1);
  }
  score.accuracy = ratio(score.correct, score.samples);
  score.balanced_accuracy = recall.value();
  score.macro_f1 = f1.value();
  return score;
}

double mean_class_loss(const ClassificationScore& score) {
  Mean loss;
  for (const ClassScore& c : score.classes) loss.add(c.mean_loss);
  return loss.value();
}

std::string class_table(const ClassificationScore& score, const std::vector<std::string>& names) {
  if (!names.empty() && names.size() != score.classes.size()) {
    fail<ShapeError>("class_table: there are {} names for {} classes (valid: one per class)", names.size(),
                     score.classes.size());
  }
  const auto name_of = [&](std::size_t k) { return names.empty() ? std::to_string(k) : printable(names[k]); };
  const std::string_view means = "class mean";
  std::size_t width = means.size();
  for (std::size_t k = 0; k < score.classes.size(); ++k) width = std::max(width, display_width(name_of(k)));

  const auto line = [width](const std::string& name, std::int64_t support, double loss, double precision, double recall,
                            double f1) {
    const auto cell = [](double v, int places) { return std::isnan(v) ? "-" : fmt::format("{:.{}f}", v, places); };
    return fmt::format("{}{:>9}{:>11}{:>11}{:>9}{:>9}\n", name + std::string(width - display_width(name), ' '), support,
                       cell(loss, 4), cell(precision, 3), cell(recall, 3), cell(f1, 3));
  };
  std::string table = fmt::format("{}{:>9}{:>11}{:>11}{:>9}{:>9}\n", "class" + std::string(width - 5, ' '), "samples",
                                  "mean loss", "precision", "recall", "f1");
  Mean precision;
  for (std::size_t k = 0; k < score.classes.size(); ++k) {
    const ClassScore& c = score.classes[k];
    table += line(name_of(k), c.support, c.mean_loss, c.precision, c.recall, c.f1);
    precision.add(c.precision);
  }
  return table + line(std::string(means), score.samples, mean_class_loss(score), precision.value(),
                      score.balanced_accuracy, score.macro_f1);
}

RegressionScore score_regression(std::span<const double> targets, std::span<const double> predictions) {
  if (targets.size() != predictions.size()) {
    fail<ShapeError>("score_regression: there are {} targets and {} predictions (valid: the same number)",
                     targets.size(), predictions.size());
  }
  if (targets.empty()) fail<ValueError>("score_regression: no samples");
  const auto n = static_cast<double>(targets.size());
  double mean = 0.0;
  for (double target : targets) mean += target / n;
  const auto [least, largest] = std::ranges::minmax(targets);
  double squares = 0.0, magnitudes = 0.0, bias = 0.0, deviation = 0.0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double error = predictions[i] - targets[i];
    squares += error * error;
    magnitudes += std::abs(error);
    bias += error;
    deviation += (targets[i] - mean) * (targets[i] - mean);
  }
  return {.samples = static_cast<std::int64_t>(targets.size()),
          .mse = squares / n,
          .rmse = std::sqrt(squares / n),
          .mae = magnitudes / n,
          .bias = bias / n,
          .r2 = largest > least ? 1.0 - squares / deviation : nan};
}

}  // namespace perdita::evaluate
