// Mean margin and mean loss of each training sample over a run. Samples with wrong labels have low margins.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "perdita/functional/loss_options.hpp"

namespace perdita::report {

/// One training sample.
struct SampleScore {
  std::int64_t sample = 0;  ///< its index among the training samples
  double aum = 0;  ///< area under the margin: mean of own logit minus best other one, or of the only one, with its sign
  double mean_loss = 0;
  double last_loss = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not kept
};

/// Accumulates margins and losses of the training samples from the forward passes of training. Samples with wrong
/// labels have low margins throughout, because the other samples contradict them (Pleiss, Zhang, Elenberg, Weinberger:
/// Identifying mislabeled data using the area under the margin ranking, NeurIPS 2020, eq. 1 and 2).
///
/// A sample takes 8 bytes: two means as floats of 26 bits and a count of 12 bits. Each step rounds a mean to 18
/// significant bits (relative error at most 2^-18); after a thousand epochs the means are accurate to about 2e-4. After
/// 4,095 visits of a sample, the means become moving averages of that length.
class MarginTracker {
 public:
  using State = std::vector<std::pair<std::string, Tensor>>;
  enum class Last { dropped, kept };  ///< whether the last loss of each sample is kept, in 4 more bytes

  /// Any indices from 0 to samples - 1.
  explicit MarginTracker(std::int64_t samples = 0, Last last = Last::dropped);
  /// The number of samples grows with the largest index, up to `most_growing`.
  static MarginTracker growing();
  static constexpr std::int64_t most_growing = std::int64_t{1} << 28;

  /// The samples of a batch. `margins` may be empty, for losses without margins. Samples whose margin or loss is NaN
  /// are skipped. Throws IndexError for an index that is out of range, before anything changes.
  void add(std::span<const std::int64_t> samples, std::span<const double> margins, std::span<const double> losses);
  /// The same from the extras of a loss; nothing if it has no margins.
  void add(std::span<const std::int64_t> samples, const LossExtras& extras);
  /// Throws IndexError for an index that add() would refuse.
  void check(std::span<const std::int64_t> samples) const;
  /// Adds the visits of another tracker of the same samples, for example of another process.
  void merge(const MarginTracker& other);

  /// The samples that were visited, lowest AUM first; without margins, largest mean loss first.
  std::vector<SampleScore> ranking() const;
  /// Number of visits of a sample, at most 4,095.
  std::int64_t visits(std::int64_t sample) const;
  bool is_empty() const { return !has_margins_ && !has_losses_; }
  bool has_margins() const { return has_margins_; }
  /// Number of samples, or the largest index so far plus 1.
  std::int64_t samples() const { return samples_; }

  /// Tensors of one entry per sample; empty if nothing was added.
  State state_dict() const;
  /// Throws ValueError for a state that lacks a part, is of another number of samples or holds impossible values.
  void load_state_dict(const State& state);

 private:
  void reserve_for(std::span<const std::int64_t> samples);

  std::int64_t samples_;
  bool grows_ = false, keeps_last_ = false, has_margins_ = false, has_losses_ = false;
  std::vector<std::uint64_t> means_;  // packed; empty before the first add()
  std::vector<float> last_;
};

}  // namespace perdita::report
