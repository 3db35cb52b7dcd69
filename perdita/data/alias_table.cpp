#include "perdita/data/alias_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "perdita/core/parallel.hpp"

namespace perdita::data {

namespace {

__extension__ using Tickets = unsigned __int128;
constexpr Tickets tickets_per_column = Tickets{1} << 53;

/// The weights in tickets, which sum to 2^53 for each of them exactly. They are computed whenever they are asked for:
/// stored, those of many weights would take more memory than the table.
class TicketShares {
 public:
  explicit TicketShares(std::span<const double> weights) : weights_(weights) {
    // Sums of doubles neither overflow nor vanish here.
    static_assert(std::numeric_limits<long double>::max_exponent > 4 * std::numeric_limits<double>::max_exponent);
    long double sum = 0, lost = 0;  // lost: what adding has rounded off (Kahan's compensation)
    for (double weight : weights) {
      const long double term = weight - lost, next = sum + term;
      lost = (next - sum) - term;
      sum = next;
    }
    const Tickets total = tickets_per_column * weights.size();
    per_weight_ = static_cast<long double>(total) / sum;
    Tickets given = 0;
    for (double weight : weights) given += rounded(weight);
    richest_ = static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
    left_over_ = total - given;
  }

  std::size_t size() const { return weights_.size(); }
  Tickets operator[](std::size_t i) const {
    // What rounding has left over, or (modulo 2^128) given too many: a few, where the richest has at least a column.
    return rounded(weights_[i]) + (i == richest_ ? left_over_ : 0);
  }

 private:
  Tickets rounded(double weight) const {
    const long double tickets = weight * per_weight_ + 0.5L;
    return tickets < 0x1p63L ? static_cast<Tickets>(static_cast<std::int64_t>(tickets))  // an instruction, not a call
                             : static_cast<Tickets>(tickets);
  }

  std::span<const double> weights_;
  long double per_weight_ = 0;
  std::size_t richest_ = 0;
  Tickets left_over_ = 0;
};

}  // namespace

// Two fingers sweep over the weights (Huebschle-Schneider, Sanders: Parallel weighted random sampling, ESA 2019,
// section 4.1): one stops at those with at most a column of tickets, the other at those with more, whose tickets fill
// up the columns of the former until they have at most a column themselves, which the next one with more then fills. No
// stacks, and memory is walked in order.
AliasTable::AliasTable(std::span<const double> weights) : columns_(weights.size()) {
  const TicketShares tickets(weights);
  struct Finger {
    std::size_t at;
    Tickets tickets;
  };
  const auto next = [&](std::size_t i, bool rich) {
    for (; i < tickets.size(); ++i) {
      if (const Tickets here = tickets[i]; (here > tickets_per_column) == rich) return Finger{i, here};
    }
    return Finger{i, 0};
  };
  const auto set = [&](std::size_t column, Tickets own, std::size_t alias) {
    columns_[column] = {static_cast<std::uint64_t>(own), static_cast<std::int64_t>(alias)};
  };
  Finger poor = next(0, false), rich = next(0, true);
  if (rich.at == tickets.size()) {  // the sum is exact, so all have exactly one column
    for (std::size_t i = 0; i < tickets.size(); ++i) set(i, tickets_per_column, i);
    return;
  }
  for (Tickets left = rich.tickets;;) {
    if (left > tickets_per_column) {  // then someone poor is left
      set(poor.at, poor.tickets, rich.at);
      left -= tickets_per_column - poor.tickets;
      poor = next(poor.at + 1, false);
    } else if (const Finger giver = next(rich.at + 1, true); giver.at < tickets.size()) {
      set(rich.at, left, giver.at);
      left = giver.tickets - (tickets_per_column - left);
      rich = giver;
    } else {
      set(rich.at, tickets_per_column, rich.at);
      break;
    }
  }
  for (; poor.at < tickets.size(); poor = next(poor.at + 1, false)) set(poor.at, tickets_per_column, poor.at);
}

void AliasTable::draw_all(const Philox& random, std::span<std::int64_t> draws) const {
  constexpr std::size_t block = 1 << 14, ahead = 32;
  const std::size_t blocks = (draws.size() + block - 1) / block;
  parallel_for(static_cast<std::int64_t>(blocks), [&](std::int64_t b) {
    const std::size_t begin = static_cast<std::size_t>(b) * block, end = std::min(begin + block, draws.size());
    // The columns of several draws are fetched at once: one by one, each would wait for the memory.
    std::array<Place, ahead> places;
    for (std::size_t at = begin; at < end; at += ahead) {
      const std::size_t count = std::min(ahead, end - at);
      for (std::size_t i = 0; i < count; ++i) {
        places[i] = place(random, at + i);
        __builtin_prefetch(&columns_[places[i].column]);
      }
      for (std::size_t i = 0; i < count; ++i) draws[at + i] = look_up(places[i]);
    }
  });
}

std::vector<double> AliasTable::probabilities() const {
  std::vector<Tickets> tickets(columns_.size(), 0);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    tickets[i] += columns_[i].own;
    tickets[static_cast<std::size_t>(columns_[i].alias)] += tickets_per_column - columns_[i].own;
  }
  std::vector<double> probabilities(columns_.size());
  const auto all = static_cast<double>(columns_.size()) * static_cast<double>(tickets_per_column);
  for (std::size_t i = 0; i < columns_.size(); ++i) probabilities[i] = static_cast<double>(tickets[i]) / all;
  return probabilities;
}

}  // namespace perdita::data
