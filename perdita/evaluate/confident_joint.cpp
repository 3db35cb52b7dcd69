#include "perdita/evaluate/confident_joint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"

namespace perdita::evaluate {

namespace {

// A probability reaches a threshold that it misses by rounding only: if all rows of a class are equal, their mean may
// be above each of them. A probability of 0 must reach none, so no threshold is below twice the slack.
constexpr double threshold_slack = 1e-6, least_threshold = 2 * threshold_slack;

template <class T>
std::vector<double> class_thresholds(const LabeledProbabilities<T>& data) {
  const auto classes = static_cast<std::size_t>(data.classes), parts = static_cast<std::size_t>(data.parts);
  std::vector<double> sums(classes * parts);  // [class][part]
  parallel_for(data.parts, [&](std::int64_t part) {
    for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row) {
      const auto label = static_cast<std::size_t>(data.label(row));
      sums[label * parts + static_cast<std::size_t>(part)] += static_cast<double>(data.row(row)[label]);
    }
  });
  std::vector<double> thresholds(classes, std::numeric_limits<double>::infinity());
  for (std::size_t k = 0; k < classes; ++k) {
    if (data.class_counts[k] == 0) continue;
    thresholds[k] =
        combine_block_sums(std::span(sums).subspan(k * parts, parts)) / static_cast<double>(data.class_counts[k]);
  }
  return thresholds;
}

template <class T>
std::vector<std::int32_t> confident_classes(const LabeledProbabilities<T>& data,
                                            const std::vector<double>& thresholds) {
  std::vector<T> reached(thresholds.size());
  std::ranges::transform(thresholds, reached.begin(), [](double threshold) {
    return static_cast<T>(static_cast<T>(std::max(threshold, least_threshold)) - static_cast<T>(threshold_slack));
  });
  std::vector<std::int32_t> confident(static_cast<std::size_t>(data.rows));
  parallel_for(data.parts, [&](std::int64_t part) {
    for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row) {
      const T* const p = data.row(row);
      std::int32_t count = 0, index_sum = 0;  // of one class, the sum is its index
      for (std::int32_t k = 0; k < static_cast<std::int32_t>(data.classes); ++k) {
        const std::int32_t is_reached = p[k] >= reached[static_cast<std::size_t>(k)];
        count += is_reached;
        index_sum += is_reached * k;
      }
      const auto at = static_cast<std::size_t>(row);
      confident[at] = count == 0 ? -1 : count == 1 ? index_sum : data.predicted[at];
    }
  });
  return confident;
}

/// The sum in the order of numpy.sum: eight running sums up to 128 numbers, halves of more.
double numpy_sum(std::span<const double> numbers) {
  constexpr std::size_t lanes = 8, leaf = 128;
  const std::size_t count = numbers.size();
  if (count > leaf) {
    const std::size_t half = count / 2 / lanes * lanes;
    return numpy_sum(numbers.first(half)) + numpy_sum(numbers.subspan(half));
  }
  if (count < lanes) return std::accumulate(numbers.begin(), numbers.end(), 0.0);
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += numbers[i + lane];
  }
  double sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; i < count; ++i) sum += numbers[i];
  return sum;
}

/// The scaled counts sum to the number of rows up to rounding, and are divided by their sum nevertheless: cleanlab
/// does, and this decides how halves are rounded, which small data has often.
JointCounts calibrate(const JointCounts& counts, const std::vector<std::int64_t>& class_counts) {
  const std::int64_t classes = counts.classes();
  std::vector<double> scaled(static_cast<std::size_t>(classes * classes));  // [likely][given]
  for (std::int64_t given = 0; given < classes; ++given) {
    const auto of_label = static_cast<double>(counts.of_label(given));
    const auto wanted = static_cast<double>(class_counts[static_cast<std::size_t>(given)]);
    for (std::int64_t likely = 0; likely < classes; ++likely) {
      scaled[static_cast<std::size_t>(likely * classes + given)] =
          static_cast<double>(counts.at(given, likely)) / of_label * wanted;
    }
  }
  const double sum = numpy_sum(scaled);
  const auto rows = static_cast<double>(std::accumulate(class_counts.begin(), class_counts.end(), std::int64_t{0}));
  JointCounts calibrated(classes);
  std::vector<double> of_label(static_cast<std::size_t>(classes));
  for (std::int64_t given = 0; given < classes; ++given) {
    for (std::int64_t likely = 0; likely < classes; ++likely)
      of_label[static_cast<std::size_t>(likely)] =
          scaled[static_cast<std::size_t>(likely * classes + given)] / sum * rows;
    round_with_sum(of_label);
    for (std::int64_t likely = 0; likely < classes; ++likely)
      calibrated.at(given, likely) = static_cast<std::int64_t>(of_label[static_cast<std::size_t>(likely)]);
  }
  return calibrated;
}

/// Wilson's interval for a proportion p of n.
Interval wilson(double p, double n) {
  constexpr double z = 1.959963984540054, z2 = z * z;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

}  // namespace

std::int64_t JointCounts::of_label(std::int64_t given) const {
  std::int64_t sum = 0;
  for (std::int64_t likely = 0; likely < classes_; ++likely) sum += at(given, likely);
  return sum;
}

std::int64_t JointCounts::of_class(std::int64_t likely) const {
  std::int64_t sum = 0;
  for (std::int64_t given = 0; given < classes_; ++given) sum += at(given, likely);
  return sum;
}

std::int64_t JointCounts::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

void round_with_sum(std::vector<double>& numbers) {
  const double wanted = std::nearbyint(std::accumulate(numbers.begin(), numbers.end(), 0.0));
  std::vector<double> remainders(numbers.size());
  double sum = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double rounded = std::nearbyint(numbers[i]);
    remainders[i] = numbers[i] - rounded;
    sum += numbers[i] = rounded;
  }
  std::vector<std::size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (sum != wanted) std::ranges::stable_sort(order, {}, [&](std::size_t i) { return remainders[i]; });
  while (sum != wanted) {
    const double step = wanted > sum ? 1 : -1;
    const auto changes = std::min(numbers.size(), static_cast<std::size_t>(std::abs(wanted - sum)));
    for (std::size_t i = 0; i < changes; ++i) numbers[order[step > 0 ? order.size() - 1 - i : i]] += step;
    sum += step * static_cast<double>(changes);
  }
}

template <class T>
ConfidentJoint confident_joint(const LabeledProbabilities<T>& data) {
  ConfidentJoint joint{
      .thresholds = class_thresholds(data), .confident = {}, .counts = JointCounts(data.classes), .calibrated = {}};
  joint.confident = confident_classes(data, joint.thresholds);
  for (std::size_t row = 0; row < joint.confident.size(); ++row) {
    if (joint.confident[row] >= 0) ++joint.counts.at(data.labels[row], joint.confident[row]);
  }
  for (std::int64_t k = 0; k < data.classes; ++k)
    joint.counts.at(k, k) = std::max<std::int64_t>(joint.counts.at(k, k), 1);
  joint.calibrated = calibrate(joint.counts, data.class_counts);
  return joint;
}

template ConfidentJoint confident_joint(const LabeledProbabilities<float>&);
template ConfidentJoint confident_joint(const LabeledProbabilities<double>&);

NoiseRate noise_rate(const JointCounts& counts, const std::vector<std::int64_t>& class_counts) {
  const auto rows = static_cast<double>(std::accumulate(class_counts.begin(), class_counts.end(), std::int64_t{0}));
  double rate = 0, squares = 0, variance = 0, confident = 0;
  for (std::int64_t k = 0; k < counts.classes(); ++k) {
    const double share = static_cast<double>(class_counts[static_cast<std::size_t>(k)]) / rows;
    if (share == 0) continue;
    const auto of_label = static_cast<double>(counts.of_label(k));
    const double wrong = 1 - static_cast<double>(counts.at(k, k)) / of_label;
    confident += of_label;
    rate += share * wrong;
    squares += share * wrong * wrong;
    variance += share * share * wrong * (1 - wrong) / of_label;
  }
  variance += std::max(0.0, squares - rate * rate) / rows;
  const double size = variance > 0 ? rate * (1 - rate) / variance : confident;
  return {rate, wilson(rate, size)};
}

}  // namespace perdita::evaluate
