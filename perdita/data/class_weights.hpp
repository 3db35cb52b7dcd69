// Class weights: how much each class counts, from how many samples it has.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::data {

/// The weight of a class with n of the N samples, K classes in all:
///   balanced           N / (K n): every class weighs the same in the mean over the samples, which keeps its scale
///   inverse            proportional to 1 / n
///   inverse_sqrt       proportional to 1 / sqrt(n)
///   effective_number   proportional to (1 - beta) / (1 - beta^n) (Cui, Jia, Lin, Song, Belongie: Class-balanced loss
///                      based on effective number of samples, CVPR 2019, equation 3)
/// The last three are normalised to sum to K. A class without samples gets 0.
enum class Weighting { balanced, inverse, inverse_sqrt, effective_number };

/// A scheme with its parameters.
struct WeightScheme {
  Weighting kind = Weighting::balanced;
  double beta = 0.9999;  ///< of effective_number; 0: all weights alike; towards 1: those of `inverse`
  /// How many times the smallest weight (of classes with samples) the largest may be; what is above is cut off, and the
  /// weights are then scaled as a whole to the sum over the classes (balanced: over the samples) that they had before.
  double cap = std::numeric_limits<double>::infinity();

  friend bool operator==(const WeightScheme&, const WeightScheme&) = default;
};

/// "balanced", "inverse", "inverse_sqrt", "effective_number:0.999" (beta), each with or without ",cap=10".
/// Throws ValueError that lists what is valid.
WeightScheme parse_weight_scheme(std::string_view text);
/// Whether the text begins with a scheme's name, so that it is meant to be one.
bool names_weight_scheme(std::string_view text);
/// What parse_weight_scheme() takes.
std::string to_string(const WeightScheme& scheme);

/// One weight for each class. Throws ValueError for a negative count (named), when all are 0, and for beta outside
/// [0, 1) or a cap below 1.
std::vector<double> class_weights(std::span<const std::int64_t> counts, const WeightScheme& scheme = {});

/// How many of the labels are 0, 1, ...: up to num_classes - 1, or up to the largest label, which
/// is then below 262,144. Labels equal to ignore_index do not count. Throws IndexError that names the first label out
/// of range.
std::vector<std::int64_t> count_classes(std::span<const std::int64_t> labels,
                                        std::optional<std::int64_t> num_classes = std::nullopt,
                                        std::optional<std::int64_t> ignore_index = std::nullopt);

/// For each label that holds or not by itself, negatives / positives: what `pos_weight` of a binary loss takes so that
/// both weigh the same. Clamped to 1 / cap..cap; 1 where there are no positives or no negatives, of which nothing can
/// be balanced. Throws ShapeError for different numbers of labels, ValueError for a negative count or a cap below 1.
std::vector<double> pos_weights(std::span<const std::int64_t> negatives, std::span<const std::int64_t> positives,
                                double cap = std::numeric_limits<double>::infinity());

/// How unevenly samples pull once they are weighted.
struct WeightSpread {
  double ratio = 1;  ///< the largest weight over the smallest, of classes with samples
  double mean = 1;   ///< of the samples' weights
  /// (sum w)^2 / (N sum w^2) over the N samples: the share of equal ones that would be as noisy (Kish: Survey sampling,
  /// 1965, section 11.7).
  double effective_share = 1;
};
WeightSpread spread_of(std::span<const double> weights, std::span<const std::int64_t> counts);

}  // namespace perdita::data
