// Draws from a discrete distribution in constant time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "perdita/core/random.hpp"

namespace perdita::data {

/// Vose's alias table (A linear algorithm for generating random numbers with a given distribution, IEEE Transactions on
/// Software Engineering 17, 1991), built in whole numbers: each of n columns holds 2^53 tickets, and the weights are
/// rounded to tickets once, so that every probability is exact to 2^-53 however many weights there are.
class AliasTable {
 public:
  AliasTable() = default;
  /// Weights must be finite, not negative, and not all zero.
  explicit AliasTable(std::span<const double> weights);

  /// Draw number `index` of the generator's stream: one block of random bits.
  std::int64_t draw(const Philox& random, std::uint64_t index) const {
    const Philox::Block bits = random.block(index);
    __extension__ using Wide = unsigned __int128;
    const std::uint64_t high = bits[0] | std::uint64_t{bits[1]} << 32;
    const std::uint64_t ticket = (bits[2] | std::uint64_t{bits[3]} << 32) >> 11;
    const auto at = static_cast<std::size_t>((static_cast<Wide>(high) * columns_.size()) >> 64);
    const Column& column = columns_[at];
    return ticket < column.own ? static_cast<std::int64_t>(at) : column.alias;
  }

  /// What the table stands for: the probability of each index.
  std::vector<double> probabilities() const;

 private:
  struct Column {
    std::uint64_t own;  // tickets below this one belong to the column itself, the others to `alias`
    std::int64_t alias;
  };
  std::vector<Column> columns_;
};

}  // namespace perdita::data
