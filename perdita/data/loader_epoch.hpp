// One run through a dataset: the queue between the thread that makes batches and the one that uses them.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "perdita/data/gather.hpp"
#include "perdita/data/loader.hpp"

namespace perdita::data::detail {

/// A batch before it is wrapped in tensors, which belong to the thread that uses them.
struct RawBatch {
  Array inputs, targets, indices;
};

/// What every epoch of a loader shares; it never changes.
struct LoaderPlan {
  Dataset dataset;
  LoaderOptions options;
  PixelTable pixels;

  std::int64_t batches() const;
  /// Memory for a batch.
  RawBatch allocate(std::int64_t batch) const;
  /// Fills it with its part of the epoch's order.
  void fill(RawBatch& memory, std::int64_t batch, const Array& order) const;
};

class LoaderEpoch {
 public:
  LoaderEpoch(std::shared_ptr<const LoaderPlan> plan, std::uint64_t epoch, std::int64_t first_batch);
  /// Stops the background thread, at the latest after the batch it is making.
  ~LoaderEpoch();
  LoaderEpoch(const LoaderEpoch&) = delete;
  LoaderEpoch& operator=(const LoaderEpoch&) = delete;

  /// The next batch, or nothing at the end. Rethrows what was thrown while it was made.
  std::optional<RawBatch> next();

 private:
  void draw_order();
  void work();
  bool wait_for_room();
  RawBatch& slot(std::int64_t batch) { return ring_[static_cast<std::size_t>(batch % plan_->options.prefetch)]; }

  const std::shared_ptr<const LoaderPlan> plan_;
  const std::uint64_t epoch_;
  const std::int64_t batches_;
  Array order_;  // of the whole epoch

  // Batches [next_, made_) wait in the ring, made_ is being filled, the others up to next_ + prefetch are memory. All
  // memory is taken and given back by the user's thread, so that each batch's goes to the next one.
  std::vector<RawBatch> ring_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::int64_t next_, made_;
  std::exception_ptr error_;
  bool stop_ = false;

  std::thread worker_;  // last: it uses all of the above
};

}  // namespace perdita::data::detail
