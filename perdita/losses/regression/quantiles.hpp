#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/losses/regression/quantile.hpp"

namespace perdita {

/// The quantile loss of several quantiles of one target at once: an input for each, in the last dimension.
struct Quantiles {
  static constexpr LossInfo info = [] {
    LossInfo result = Quantile::info;
    result.operands = elementwise_operands(prediction(Meaning::quantiles).of_shape("[..., Q]"), target(Meaning::value));
    return result;
  }();

  std::vector<double> levels{0.05, 0.5, 0.95};  ///< each between 0 and 1, both excluded

  /// "0.05/0.5/0.95"; a single one is "0.5/". Throws ValueError.
  static Quantiles parse(std::string_view text);
  std::string text_of_levels() const;
  /// Throws ValueError unless there are levels, and each is valid.
  void check() const;
};

}  // namespace perdita
