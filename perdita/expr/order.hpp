// The order in which a graph of Exprs is worked on: operands before users, every node once, no recursion.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// Positions 0, 1, ... for the nodes reachable from some roots. Reusing one object saves its allocations.
class ExprOrder {
 public:
  ExprOrder() = default;
  explicit ExprOrder(std::span<const Expr> roots) { build(roots); }
  /// The roots must outlive the use of the order.
  void build(std::span<const Expr> roots);

  int size() const { return static_cast<int>(nodes_.size()); }
  const Expr& operator[](int position) const { return *nodes_[static_cast<std::size_t>(position)]; }
  /// The position of operand k of the node at `position`.
  int operand(int position, int k) const {
    return operands_[static_cast<std::size_t>(position)][static_cast<std::size_t>(k)];
  }
  /// Where a node stands; -1 if it is not reachable.
  int position(const Expr& node) const;

 private:
  struct Slot {
    const void* id = nullptr;
    int position = 0;
    std::uint32_t build = 0;  // filled by this build; older ones count as empty
  };
  struct Visit {
    const Expr* node;
    int next_operand = 0;
    std::array<int, 3> operands{};  // positions of those that are done
  };
  static constexpr int pending = -2;

  Slot& slot_of(const void* id);
  void grow();

  /// The node's position, or `pending` where it has just been put on the stack.
  int enter(const Expr& node);

  std::vector<const Expr*> nodes_;
  std::vector<std::array<int, 3>> operands_;
  std::vector<Visit> stack_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
  std::size_t filled_ = 0;
  std::uint32_t build_ = 0;
};

}  // namespace perdita
