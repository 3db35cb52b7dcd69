// Sums over the steps of an epoch, in one or several processes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdita::report {

struct EpochTotals {
  /// With more classes, losses by class are not recorded.
  static constexpr std::size_t most_classes = 100;

  struct Class {
    double loss = 0;
    std::int64_t samples = 0;
  };
  double loss = 0;  ///< sum over the samples of the loss of their batch
  std::int64_t samples = 0, steps = 0;
  std::int64_t correct = 0, judged = 0;  ///< samples with a positive margin, samples with a margin
  std::vector<Class> classes = {};

  /// A batch with this loss.
  void add_batch(double batch_loss, std::int64_t count);
  /// The samples of the batch: `margins` and `labels` may be empty; samples with a NaN margin or a negative label are
  /// ignored.
  void add_samples(std::span<const double> losses, std::span<const double> margins,
                   std::span<const std::int64_t> labels);
  void merge(const EpochTotals& other);

  /// train_loss, train_accuracy, and the mean loss of each class as "train_loss/NAME". `names` has one name per class,
  /// or none.
  std::vector<std::pair<std::string, double>> values(const std::vector<std::string>& names) const;

  std::string to_json() const;
  /// Throws DataError.
  static EpochTotals from_json(std::string_view text);
};

}  // namespace perdita::report
