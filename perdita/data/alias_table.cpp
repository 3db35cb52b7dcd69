#include "perdita/data/alias_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace perdita::data {

namespace {

__extension__ using Tickets = unsigned __int128;
constexpr Tickets tickets_per_column = Tickets{1} << 53;

/// The weights in tickets, which sum to 2^53 for each of them exactly.
std::vector<Tickets> share_tickets(std::span<const double> weights) {
  // Scaled by the largest, sums neither overflow nor vanish.
  const double largest = *std::ranges::max_element(weights);
  long double sum = 0, lost = 0;  // lost: what adding has rounded off (Kahan's compensation)
  for (double weight : weights) {
    const long double term = weight / static_cast<long double>(largest) - lost, next = sum + term;
    lost = (next - sum) - term;
    sum = next;
  }
  const Tickets total = tickets_per_column * weights.size();
  const long double per_weight = static_cast<long double>(total) / sum;
  std::vector<Tickets> tickets(weights.size());
  Tickets given = 0;
  std::size_t richest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    tickets[i] = static_cast<Tickets>(weights[i] / static_cast<long double>(largest) * per_weight + 0.5L);
    given += tickets[i];
    if (tickets[i] > tickets[richest]) richest = i;
  }
  tickets[richest] += total - given;  // the few that rounding has left over, or (modulo 2^128) given too many
  return tickets;
}

}  // namespace

AliasTable::AliasTable(std::span<const double> weights) : columns_(weights.size()) {
  std::vector<Tickets> tickets = share_tickets(weights);
  // Two stacks in one array: those with less than a column from the front, those with more from the back.
  std::vector<std::size_t> stack(weights.size());
  std::size_t poor = 0, rich = stack.size();
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    if (tickets[i] < tickets_per_column) {
      stack[poor++] = i;
    } else {
      stack[--rich] = i;
    }
  }
  while (poor > 0) {  // since the sum is exact, someone rich is left as long as someone is poor
    const std::size_t taker = stack[--poor], giver = stack[rich];
    columns_[taker] = {static_cast<std::uint64_t>(tickets[taker]), static_cast<std::int64_t>(giver)};
    tickets[giver] -= tickets_per_column - tickets[taker];
    if (tickets[giver] < tickets_per_column) {
      ++rich;
      stack[poor++] = giver;
    }
  }
  for (; rich < stack.size(); ++rich) {  // these have exactly one column
    const std::size_t i = stack[rich];
    columns_[i] = {static_cast<std::uint64_t>(tickets_per_column), static_cast<std::int64_t>(i)};
  }
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
