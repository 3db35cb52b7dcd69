#include "perdita/evaluate/class_counts.hpp"

#include <cmath>
#include <limits>

namespace perdita::evaluate {

ClassCounts::ClassCounts(std::int64_t classes)
    : classes_(static_cast<std::size_t>(classes)), loss_sums_(classes_), loss_counts_(classes_), support_(classes_) {
  if (classes <= most_confusion_classes)
    confusion_.resize(classes_ * classes_);
  else
    predicted_.resize(classes_), correct_.resize(classes_);
}

template <class T>
void ClassCounts::add(const EvaluatedRows<T>& rows) {
  const std::size_t count = rows.losses.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(rows.losses[i])) continue;
    const auto truth = static_cast<std::size_t>(rows.labels[i]);
    loss_sums_[truth] += static_cast<double>(rows.losses[i]);
    ++loss_counts_[truth];
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto truth = static_cast<std::size_t>(rows.labels[i]), guess = static_cast<std::size_t>(rows.predicted[i]);
    ++support_[truth];
    if (rows.predicted[i] < 0) continue;
    if (!confusion_.empty()) {
      ++confusion_[truth * classes_ + guess];
    } else {
      ++predicted_[guess];
      correct_[truth] += truth == guess;
    }
  }
}

void ClassCounts::merge(const ClassCounts& other) {
  const auto add_to = []<class N>(std::vector<N>& to, const std::vector<N>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add_to(loss_sums_, other.loss_sums_);
  add_to(loss_counts_, other.loss_counts_);
  add_to(confusion_, other.confusion_);
  add_to(support_, other.support_);
  add_to(predicted_, other.predicted_);
  add_to(correct_, other.correct_);
}

ClassificationScore ClassCounts::score() const {
  std::vector<ClassScore> scores(classes_);
  for (std::size_t k = 0; k < classes_; ++k) {
    ClassScore& c = scores[k];
    c.support = support_[k];
    if (confusion_.empty()) {
      c.predicted = predicted_[k], c.correct = correct_[k];
    } else {
      for (std::size_t j = 0; j < classes_; ++j) c.predicted += confusion_[j * classes_ + k];
      c.correct = confusion_[k * classes_ + k];
    }
    c.mean_loss = loss_counts_[k] > 0 ? loss_sums_[k] / static_cast<double>(loss_counts_[k])
                                      : std::numeric_limits<double>::quiet_NaN();
  }
  return score_counts(std::move(scores), confusion_);
}

template void ClassCounts::add(const EvaluatedRows<float>&);
template void ClassCounts::add(const EvaluatedRows<double>&);

}  // namespace perdita::evaluate
