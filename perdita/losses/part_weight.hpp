// The weight of a part in a sum of losses: a number, one that changes over the epochs, one that is learned, or a
// product of these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perdita {

/// The course of a weight from one value to another.
enum class Ramp {
  linear,
  cosine,  ///< half a cosine, flat at both ends
  step     ///< jumps after the last of the epochs
};
/// "linear", "cosine", "step".
std::string_view name_of(Ramp ramp);

/// A weight that changes from `from` (first epoch) to `to` within `epochs` epochs, and then stays constant.
struct WeightSchedule {
  Ramp ramp = Ramp::linear;
  double from = 0, to = 1;
  double epochs = 1;  ///< above 0

  /// The weight in an epoch, counted from 0.
  double at(std::int64_t epoch) const;
};

/// The product of a number, a schedule and a learned factor.
struct PartWeight {
  double factor = 1;
  std::optional<WeightSchedule> schedule = {};
  /// Whether the weight has a factor exp(-s), and the sum a term s / 2, with a trained number s = log sigma^2 that
  /// starts at 0 (Kendall, Gal and Cipolla, CVPR 2018, eq. 7 to 10: the part's noise sigma is learned).
  bool is_learned = false;

  /// The product without the learned factor, in an epoch counted from 0.
  double at(std::int64_t epoch) const;
  /// Whether it depends on the epoch, or is learned.
  bool changes() const { return schedule.has_value() || is_learned; }
};

/// Throws ValueError for a factor that is not finite, a schedule that is not valid, and a learned weight whose other
/// factors are not above 0: a sum of such parts has no minimum.
void check(const PartWeight& weight);

/// "0.7*", "linear(0,1,epochs=10)*learned*"; empty for a weight of 1.
std::string to_string(const PartWeight& weight);

/// A schedule from its name and the text between its parentheses: "linear", "0,1,epochs=10". Throws ValueError.
WeightSchedule parse_weight_schedule(std::string_view name, std::string_view arguments);

}  // namespace perdita
