// Draws from a discrete distribution in constant time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perdita/core/random.hpp"

namespace perdita::data {

/// The alias table of Walker (An efficient method for generating discrete random variables with general distributions,
/// ACM Transactions on Mathematical Software 3, 1977), in integer arithmetic: each of n columns has 2^53 tickets, and
/// each weight is rounded to a number of tickets once. Every probability is therefore exact to 2^-53 for any number of
/// weights. The table needs 16 bytes per weight, and no additional memory while it is built.
class AliasTable {
 public:
  AliasTable() = default;
  /// Weights must be finite, not negative, and not all zero.
  explicit AliasTable(std::span<const double> weights);

  /// Draw number `index` of the generator's stream: one block of random bits.
  std::int64_t draw(const Philox& random, std::uint64_t index) const { return look_up(place(random, index)); }

  /// Draws number 0, 1, ... up to the length of the span, in parallel; the result does not depend on the threads.
  void draw_all(const Philox& random, std::span<std::int64_t> draws) const;

  /// The probability of each index.
  std::vector<double> probabilities() const;

 private:
  struct Column {
    std::uint64_t own;  // tickets below this one belong to the column itself, the others to `alias`
    std::int64_t alias;
  };
  struct Place {
    std::size_t column;
    std::uint64_t ticket;
  };
  Place place(const Philox& random, std::uint64_t index) const {
    const Philox::Block bits = random.block(index);
    __extension__ using Wide = unsigned __int128;
    const std::uint64_t high = bits[0] | std::uint64_t{bits[1]} << 32;
    const std::uint64_t ticket = (bits[2] | std::uint64_t{bits[3]} << 32) >> 11;
    return {static_cast<std::size_t>((static_cast<Wide>(high) * columns_.size()) >> 64), ticket};
  }
  std::int64_t look_up(const Place& place) const {
    const Column& column = columns_[place.column];
    return place.ticket < column.own ? static_cast<std::int64_t>(place.column) : column.alias;
  }

  std::vector<Column> columns_;
};

}  // namespace perdita::data
