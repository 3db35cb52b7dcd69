// Temperature scaling (Guo, Pleiss, Sun and Weinberger, ICML 2017, section 4.2): dividing the logits by a temperature
// improves the calibration and does not change the predicted classes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "perdita/evaluate/evaluated_rows.hpp"

namespace perdita::evaluate {

/// A sample of at most `most_rows` rows of logits from a stream of unknown length. At level L one row is drawn from
/// each group of 2^L neighboring rows, by a hash of the number of the group, so that the sample depends only on the
/// positions of the rows. When the sample is full, the level is increased, and one row of each two groups is dropped.
class RowSample {
 public:
  /// `elements` bounds the number of logits in memory.
  RowSample(std::int64_t classes, std::int64_t most_rows, std::int64_t most_elements);
  /// The rows first, first + 1, ... with their logits [labels.size(), classes]; skipped are those with a negative
  /// label, a loss that is not finite, or logits of which no temperature makes a finite likelihood.
  template <class T>
  void add(std::int64_t first, const T* logits, std::span<const std::int32_t> labels, std::span<const T> losses);
  void merge(const RowSample& other);

  std::int64_t classes() const { return classes_; }
  std::size_t size() const { return labels_.size(); }
  std::span<const float> logits(std::size_t row) const {
    return std::span(logits_).subspan(row * static_cast<std::size_t>(classes_), static_cast<std::size_t>(classes_));
  }
  std::int32_t label(std::size_t row) const { return labels_[row]; }
  float loss(std::size_t row) const { return losses_[row]; }

 private:
  void raise_level();

  std::int64_t classes_;
  std::size_t most_;
  int level_ = 0;
  std::vector<std::int64_t> rows_;
  std::vector<std::int32_t> labels_;
  std::vector<float> logits_, losses_;
};

struct TemperatureFit {
  std::int64_t samples = 0;  ///< number of rows used for the fit and for the following metrics
  double temperature = 1;
  double nll_before = 0, nll_after = 0;  ///< mean negative log-likelihood
  double ece_before = 0, ece_after = 0;
};

/// Minimizes the mean negative log-likelihood of softmax(beta z), beta = 1 / T, which is convex in beta, by Newton's
/// method within a bracket 1e-4..1e4. Empty for fewer than two rows, or if no minimum exists (all rows are correct,
/// or no row is informative). `bins` are the bins of the calibration error.
std::optional<TemperatureFit> fit_temperature(const RowSample& sample, int bins);

}  // namespace perdita::evaluate
