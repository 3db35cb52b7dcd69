// The change of scores by losses of class counts: balanced_softmax, logit_adjusted, ldam.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/losses/any.hpp"

namespace perdita::boosting {

/// scale * (score + shift of the class - margin of the class if it is the label's). Inactive for other losses.
class LogitShift {
 public:
  /// Throws ValueError where a loss needs class counts and they are missing, negative or all 0, and for a z_loss or
  /// softcap.
  LogitShift(const AnyLoss& loss, const std::vector<double>& class_counts, std::int64_t classes);

  bool is_active() const { return !shifts_.empty(); }
  double scale() const { return scale_; }

  /// Changes the scores of `count` rows in a tile [classes, stride].
  template <class T>
  void apply(T* tile, std::int64_t stride, const T* labels, std::int64_t count) const {
    for (std::size_t k = 0; k < shifts_.size(); ++k) {
      T* const scores = tile + static_cast<std::int64_t>(k) * stride;
      for (std::int64_t i = 0; i < count; ++i) {
        const double margin = labels[i] == static_cast<T>(k) ? margins_[k] : 0.0;
        scores[i] = static_cast<T>(scale_ * (static_cast<double>(scores[i]) + shifts_[k] - margin));
      }
    }
  }

 private:
  std::vector<double> shifts_, margins_;
  double scale_ = 1;
};

}  // namespace perdita::boosting
