// Rows of several files at once, in blocks distributed over threads, with memory independent of the size of the files.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "perdita/data/rows.hpp"

namespace perdita::evaluate {

/// The rows first, first + 1, ... of each file, as read: dense and row-major.
struct RawBlock {
  std::int64_t first = 0, count = 0;
  const void* predictions = nullptr;
  const void* targets = nullptr;
  const void* weights = nullptr;  ///< null without a file of weights
};

/// Division of a stream into blocks, and of the blocks into rounds with some blocks per partition. It depends
/// only on the size of a row. Each partition processes its blocks in order, one at a time, and the results of the
/// partitions are merged in order. The result is therefore the same for any number of threads and any kind of file.
class BlockStream {
 public:
  static constexpr std::int64_t partitions = 8;

  /// `weights` may be null. Throws ShapeError if lengths that are known differ.
  BlockStream(data::RowReader& predictions, data::RowReader& targets, data::RowReader* weights);

  /// Calls body(partition, block) for every block, and progress(rows so far) after each round. Files with random access
  /// are read by the thread that needs the rows; for other files the next round is read while the previous one is
  /// processed. Returns the number of rows. Rethrows exceptions of the readers and the body, and throws ShapeError if
  /// one file ends before another.
  std::int64_t for_each(const std::function<void(std::int64_t partition, const RawBlock& block)>& body,
                        const std::function<void(std::int64_t rows)>& progress);

 private:
  struct Round;
  std::int64_t round_rows() const { return partitions * blocks_in_round_ * block_rows_; }
  std::int64_t read_by_threads(const std::function<void(std::int64_t, const RawBlock&)>& body,
                               const std::function<void(std::int64_t)>& progress);
  std::int64_t read_ahead(const std::function<void(std::int64_t, const RawBlock&)>& body,
                          const std::function<void(std::int64_t)>& progress);
  Round read_round(std::int64_t first, Round&& room);
  void refuse_lengths(std::span<const std::int64_t> counts) const;

  data::RowReader* readers_[3];  // predictions, targets, weights
  std::int64_t block_rows_, blocks_in_round_;
};

}  // namespace perdita::evaluate
