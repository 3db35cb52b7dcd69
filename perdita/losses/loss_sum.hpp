// Sums of losses that read the same prediction and target: 0.7*cross_entropy + 0.3*dice.
#pragma once

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "perdita/losses/any.hpp"
#include "perdita/losses/part_weight.hpp"

namespace perdita {

/// One loss of a sum.
struct LossPart {
  std::string name;  ///< that of the loss, and "_2", "_3" for the next ones of that name
  PartWeight weight;
  AnyLoss loss;
};

/// A loss of the list, a written formula or several quantiles, with default options of the softmax family.
template <class Loss>
concept AddableLoss =
    is_listed<Loss> || std::same_as<Loss, Formula> || std::same_as<Loss, ClassFormula> || std::same_as<Loss, Quantiles>;

/// One or more losses with weights. Every loss is also a sum of one part with weight 1.
///
///     LossSum loss = 0.7 * CrossEntropy{} + 0.3 * Dice{.smooth = 1};
///     LossSum scheduled = CrossEntropy{} + PartWeight{.schedule = WeightSchedule{.epochs = 10}} * Dice{};
class LossSum {
 public:
  LossSum(AnyLoss loss);
  template <AddableLoss Loss>
  LossSum(const Loss& loss) : LossSum(AnyLoss{.loss = loss}) {}

  std::span<const LossPart> parts() const& { return parts_; }  ///< at least one
  std::span<const LossPart> parts() const&& = delete;          // of a temporary
  std::size_t size() const { return parts_.size(); }           ///< the number of parts
  /// The loss itself, if it is the only part and its weight is 1; else null.
  const AnyLoss* single() const;
  /// The part whose prediction has a known meaning, or the first one if none has: it decides what a prediction is.
  const AnyLoss& leading() const;
  /// Whether a weight depends on the epoch or is learned.
  bool changes() const;
  /// Whether a weight is learned.
  bool learns() const;
  /// Whether the sum is known to be non-negative: all weights are, and each part has the trait never_negative.
  bool is_never_negative() const;

  /// Adds the parts of the other sum. Throws ValueError if a part does not read the same prediction and target.
  LossSum& operator+=(const LossSum& other);
  /// Multiplies each weight. Throws ValueError for a product of two schedules, and as check(PartWeight).
  LossSum& operator*=(const PartWeight& weight);

 private:
  std::vector<LossPart> parts_;
};

inline LossSum operator+(LossSum a, const LossSum& b) { return a += b; }  ///< see LossSum::operator+=
inline LossSum operator*(const PartWeight& weight, LossSum loss) { return loss *= weight; }   ///< each weight
inline LossSum operator*(double f, LossSum loss) { return loss *= PartWeight{.factor = f}; }  ///< each weight

/// "0.7*cross_entropy + 0.3*dice:smooth=1", and every text that parse_loss() reads. A part is a loss, with factors
/// before it: numbers, one of the schedules linear(FROM,TO,epochs=N), cosine(...) and step(...), and `learned`, see
/// PartWeight. A formula without parentheses extends to the end of the text: "0.5*mse + (formula: abs(y - t)) + ...".
/// Throws ValueError.
LossSum parse_loss_sum(std::string_view text);

/// The place of the colon before the options of the last part of such a text; npos if it has none, or is a formula.
std::size_t colon_of_last_part(std::string_view text);

/// The text that parse_loss_sum() reads back.
std::string to_string(const LossSum& loss);

/// Why two losses do not read the same prediction and target: a sentence. Empty if they do.
std::string difference_between(const AnyLoss& a, const AnyLoss& b);

}  // namespace perdita
