// Confusion counts and mean loss of each class, over a stream.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/evaluated_rows.hpp"

namespace perdita::evaluate {

class ClassCounts {
 public:
  /// The confusion matrix is not counted for more classes than this, because its size is their square.
  static constexpr std::int64_t most_confusion_classes = 512;

  explicit ClassCounts(std::int64_t classes);
  template <class T>
  void add(const EvaluatedRows<T>& rows);
  void merge(const ClassCounts& other);
  ClassificationScore score() const;

 private:
  std::size_t classes_;
  // By true class; of finite losses.
  std::vector<double> loss_sums_;
  std::vector<std::int64_t> loss_counts_;
  std::vector<std::int64_t> confusion_;  // or, without it, predicted_ and correct_
  std::vector<std::int64_t> support_, predicted_, correct_;
};

}  // namespace perdita::evaluate
