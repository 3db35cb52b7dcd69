// DataLoader: batches of a dataset, prepared in advance by a background thread.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <tuple>

#include "perdita/data/dataset.hpp"
#include "perdita/data/sampler.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita::data {

/// A batch of samples. Supports structured bindings: auto [inputs, targets] = batch.
struct Batch {
  Tensor inputs;         ///< [B, ...]; float32 for uint8 images
  Tensor targets;        ///< [B] or [B, K], of the dataset's dtype
  Array sample_indices;  ///< int64 [B]

  /// Which samples of the dataset these are.
  std::span<const std::int64_t> indices() const {
    return {sample_indices.data<std::int64_t>(), static_cast<std::size_t>(sample_indices.size())};
  }
  std::int64_t size() const { return sample_indices.size(); }
};

/// Makes `auto [inputs, targets] = batch` possible.
template <std::size_t I>
const Tensor& get(const Batch& batch) {
  if constexpr (I == 0)
    return batch.inputs;
  else
    return batch.targets;
}

/// Position of a loader: sufficient to continue in another process with exactly the batches that would have followed.
struct LoaderState {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::int64_t position = 0;  ///< batches of the epoch that have been returned
  friend bool operator==(const LoaderState&, const LoaderState&) = default;
};

/// Options of DataLoader.
struct LoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;     ///< new order in each epoch; cannot be combined with a sampler
  bool drop_last = false;   ///< drop the last batch if it is smaller than batch_size
  std::uint64_t seed = 0;   ///< of the shuffling
  AnySampler sampler = {};  ///< default: in order, or shuffled
  int prefetch = 2;         ///< batches prepared in advance by a background thread; 0: no background thread
};

namespace detail {
struct LoaderPlan;
class LoaderEpoch;
}  // namespace detail

/// for (auto [inputs, targets] : loader) iterates over one epoch, the next loop over the next epoch. Order and content
/// depend only on the dataset and the options, not on threads. Batches own their memory, which comes from the buffer
/// cache, so that no memory is allocated in the steady state. A loop may be left early.
/// Exceptions of the background thread are rethrown by the loop.
class DataLoader {
 public:
  /// Throws ValueError for batch_size < 1, prefetch outside 0..1024, or shuffle together with a sampler.
  explicit DataLoader(Dataset dataset, const LoaderOptions& options = {});
  DataLoader(DataLoader&&) noexcept;
  DataLoader& operator=(DataLoader&&) noexcept;
  ~DataLoader();

  /// Batches in an epoch.
  std::int64_t size() const;
  const Dataset& dataset() const;

  /// Position: {seed, e, k + 1} after batch k of epoch e (both counted from 0), {seed, e + 1, 0} at the end of epoch e.
  LoaderState state() const { return *state_; }
  /// The next loop continues at `state`. Throws ValueError if the seed differs or the position is out of range.
  void restore(const LoaderState& state);

  /// An input iterator over the batches of one epoch.
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.epoch_; }

   private:
    friend class DataLoader;
    void advance();
    std::shared_ptr<detail::LoaderEpoch> epoch_;  // empty at the end
    std::shared_ptr<LoaderState> state_;
    Batch batch_;
  };
  /// Starts an epoch.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const detail::LoaderPlan> plan_;
  std::shared_ptr<LoaderState> state_;
  bool resumes_ = true;  // the next loop starts where state_ says, and not at the next epoch
};

}  // namespace perdita::data

template <>
struct std::tuple_size<perdita::data::Batch> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I>
struct std::tuple_element<I, perdita::data::Batch> {
  using type = const perdita::Tensor;
};
