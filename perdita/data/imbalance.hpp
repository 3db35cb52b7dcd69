// Artificial class imbalance, as used in studies of imbalanced data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perdita::data {

/// Number of samples that class i of 0..K-1 keeps, where n is the size of the largest class:
///   longtail   n ratio^(-i / (K - 1)) (Cui, Jia, Lin, Song, Belongie: Class-balanced loss based on effective number of
///              samples, CVPR 2019, section 5.1)
///   step       n in the first half of the classes, n / ratio in the second half, which is the larger one for odd
///              K (Buda, Maki, Mazurowski: A systematic study of the class imbalance problem in convolutional
///              neural networks, Neural Networks 106, 2018, section 2.3)
enum class Profile { none, longtail, step };

/// A profile with its ratio.
struct Imbalance {
  Profile profile = Profile::none;
  double ratio = 1;  ///< of the largest class to the smallest

  friend bool operator==(const Imbalance&, const Imbalance&) = default;
};

/// "none", "longtail:100", "step:100". Throws ValueError that lists what is valid.
Imbalance parse_imbalance(std::string_view text);
std::string to_string(const Imbalance& imbalance);

/// The sizes of the classes, rounded down. Throws ValueError for fewer than two classes, a ratio that is not finite or
/// below 1, and if a class would have no samples.
std::vector<std::int64_t> imbalanced_counts(std::int64_t largest, std::int64_t num_classes, const Imbalance& imbalance);

/// Indices of the remaining samples in ascending order: the first ones of each class. Smaller classes keep all samples.
/// Throws IndexError for a label out of range, and as imbalanced_counts().
std::vector<std::int64_t> imbalanced_subset(std::span<const std::int64_t> labels, const Imbalance& imbalance,
                                            std::optional<std::int64_t> num_classes = std::nullopt);

}  // namespace perdita::data
