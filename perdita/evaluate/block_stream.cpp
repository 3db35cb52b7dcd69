#include "perdita/evaluate/block_stream.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::evaluate {

namespace {

// A block of predictions stays in the second-level cache while it is worked on.
constexpr std::int64_t block_elements = 32768;
constexpr std::int64_t most_round_bytes = std::int64_t{24} << 20, most_blocks_in_round = 16;

std::int64_t rows_of_block(std::int64_t row_elements) {
  const std::int64_t rows = block_elements / std::max<std::int64_t>(row_elements, 1);
  return rows >= 64 ? rows / 64 * 64 : std::max<std::int64_t>(rows, 1);
}

using Room = std::vector<char>;

}  // namespace

struct BlockStream::Round {
  std::int64_t first = 0, count = 0;
  std::array<Room, 3> room;
};

BlockStream::BlockStream(data::RowReader& predictions, data::RowReader& targets, data::RowReader* weights)
    : readers_{&predictions, &targets, weights}, block_rows_(rows_of_block(predictions.row_elements())) {
  std::int64_t row_bytes = 0;
  for (const data::RowReader* reader : readers_) row_bytes += reader ? reader->row_bytes() : 0;
  blocks_in_round_ = std::clamp<std::int64_t>(
      most_round_bytes / (partitions * block_rows_ * std::max<std::int64_t>(row_bytes, 1)), 1, most_blocks_in_round);
  std::vector<std::int64_t> counts;
  for (const data::RowReader* reader : readers_) {
    if (reader && reader->rows) counts.push_back(*reader->rows);
  }
  if (!std::ranges::all_of(counts, [&](std::int64_t count) { return count == counts[0]; })) refuse_lengths({});
}

void BlockStream::refuse_lengths(std::span<const std::int64_t> counts) const {
  constexpr std::string_view names[] = {"predictions", "targets", "weights"};
  std::string text;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!readers_[i]) continue;
    const auto rows = counts.empty() ? readers_[i]->rows : std::optional(counts[i]);
    text += fmt::format("{}{} {} row{}", text.empty() ? "" : ", ", names[i], rows ? fmt::format("{}", *rows) : "some",
                        rows == 1 ? "" : "s");
  }
  fail<ShapeError>("evaluate: {} (valid: the same number of rows)", text);
}

std::int64_t BlockStream::for_each(const std::function<void(std::int64_t, const RawBlock&)>& body,
                                   const std::function<void(std::int64_t)>& progress) {
  const bool any_order = std::ranges::all_of(readers_, [](const auto* reader) { return !reader || reader->any_order; });
  return any_order ? read_by_threads(body, progress) : read_ahead(body, progress);
}

std::int64_t BlockStream::read_by_threads(const std::function<void(std::int64_t, const RawBlock&)>& body,
                                          const std::function<void(std::int64_t)>& progress) {
  const std::int64_t rows = *readers_[0]->rows, partition_rows = blocks_in_round_ * block_rows_;
  for (std::int64_t round = 0; round < rows; round += round_rows()) {
    const std::int64_t round_end = std::min(rows, round + round_rows());
    parallel_for((round_end - round + partition_rows - 1) / partition_rows, [&](std::int64_t partition) {
      static thread_local std::array<Room, 3> room;  // a thread's, not a partition's: it stays in the thread's cache
      const std::int64_t begin = round + partition * partition_rows, end = std::min(rows, begin + partition_rows);
      for (std::int64_t first = begin; first < end; first += block_rows_) {
        const std::int64_t count = std::min(block_rows_, end - first);
        for (std::size_t i = 0; i < 3; ++i) {
          if (!readers_[i]) continue;
          room[i].resize(static_cast<std::size_t>(block_rows_ * readers_[i]->row_bytes()));
          readers_[i]->read(first, count, room[i].data());
        }
        body(partition, {first, count, room[0].data(), room[1].data(), readers_[2] ? room[2].data() : nullptr});
      }
    });
    progress(round_end);
  }
  return rows;
}

BlockStream::Round BlockStream::read_round(std::int64_t first, Round&& round) {
  round.first = first;
  std::array<std::int64_t, 3> counts{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!readers_[i]) continue;
    round.room[i].resize(static_cast<std::size_t>(round_rows() * readers_[i]->row_bytes()));
    counts[i] = readers_[i]->read(first, round_rows(), round.room[i].data());
  }
  round.count = counts[0];
  const auto differs = [&](std::size_t i) { return readers_[i] && counts[i] != counts[0]; };
  if (!differs(1) && !differs(2)) return std::move(round);
  for (std::size_t i = 0; i < 3; ++i) {  // reads on, to tell how long each is
    for (std::int64_t read = counts[i]; readers_[i] && read == round_rows(); counts[i] += read)
      read = readers_[i]->read(first + counts[i], round_rows(), round.room[i].data());
    counts[i] += first;
  }
  refuse_lengths(counts);
  return std::move(round);
}

std::int64_t BlockStream::read_ahead(const std::function<void(std::int64_t, const RawBlock&)>& body,
                                     const std::function<void(std::int64_t)>& progress) {
  const std::int64_t partition_rows = blocks_in_round_ * block_rows_;
  Round now = read_round(0, {}), spare;
  while (now.count > 0) {
    const std::int64_t next_first = now.first + now.count;
    std::future<Round> next;
    if (now.count == round_rows()) {
      next = std::async(std::launch::async, [this, next_first, room = std::move(spare)]() mutable {
        return read_round(next_first, std::move(room));
      });
    }
    parallel_for((now.count + partition_rows - 1) / partition_rows, [&](std::int64_t partition) {
      const std::int64_t end = std::min(now.count, (partition + 1) * partition_rows);
      for (std::int64_t at = partition * partition_rows; at < end; at += block_rows_) {
        const auto pointer = [&](std::size_t i) {
          return readers_[i] ? now.room[i].data() + at * readers_[i]->row_bytes() : nullptr;
        };
        body(partition, {now.first + at, std::min(block_rows_, end - at), pointer(0), pointer(1), pointer(2)});
      }
    });
    progress(next_first);
    spare = std::move(now);
    now = next.valid() ? next.get() : Round{.first = next_first, .count = 0, .room = {}};
  }
  return now.first;
}

}  // namespace perdita::evaluate
