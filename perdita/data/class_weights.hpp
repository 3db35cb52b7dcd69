// Class weights, computed from the number of samples of each class.
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
///   balanced           N / (K n): equal total weight of all classes; the mean weight of the samples is 1
///   inverse            proportional to 1 / n
///   inverse_sqrt       proportional to 1 / sqrt(n)
///   effective_number   proportional to (1 - beta) / (1 - beta^n) (Cui, Jia, Lin, Song, Belongie: Class-balanced loss
///                      based on effective number of samples, CVPR 2019, equation 3)
/// The last three are normalized to sum K. The weight of a class without samples is 0.
enum class Weighting { balanced, inverse, inverse_sqrt, effective_number };

/// A scheme with its parameters.
struct WeightScheme {
  Weighting kind = Weighting::balanced;
  double beta = 0.9999;  ///< of effective_number; 0: equal weights; limit 1: the weights of `inverse`
  /// Maximum ratio of the largest to the smallest weight (of classes with samples). Larger weights are clipped; then
  /// all weights are scaled so that their sum over the classes (balanced: over the samples) is unchanged.
  double cap = std::numeric_limits<double>::infinity();

  friend bool operator==(const WeightScheme&, const WeightScheme&) = default;
};

/// "balanced", "inverse", "inverse_sqrt", "effective_number:0.999" (beta), each with or without ",cap=10".
/// Throws ValueError that lists what is valid.
WeightScheme parse_weight_scheme(std::string_view text);
/// Whether the text begins with the name of a scheme.
bool names_weight_scheme(std::string_view text);
/// The syntax that parse_weight_scheme() accepts.
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

/// negatives / positives for each label of a multi-label problem: the `pos_weight` of a binary loss for which positives
/// and negatives have the same total weight. Clamped to 1 / cap..cap; 1 if there are no positives or no negatives.
/// Throws ShapeError for different numbers of labels, ValueError for a negative count or a cap below 1.
std::vector<double> pos_weights(std::span<const std::int64_t> negatives, std::span<const std::int64_t> positives,
                                double cap = std::numeric_limits<double>::infinity());

/// Variation of the weights of the samples.
struct WeightSpread {
  double ratio = 1;  ///< largest divided by smallest weight, of classes with samples
  double mean = 1;   ///< mean weight of the samples
  /// (sum w)^2 / (N sum w^2) over the N samples: the effective sample size divided by N (Kish: Survey sampling, 1965,
  /// section 11.7).
  double effective_share = 1;
};
WeightSpread spread_of(std::span<const double> weights, std::span<const std::int64_t> counts);

}  // namespace perdita::data
