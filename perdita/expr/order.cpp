#include "perdita/expr/order.hpp"

namespace perdita {

ExprOrder::Slot& ExprOrder::slot_of(const void* id) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = (reinterpret_cast<std::uintptr_t>(id) * 0x9E3779B97F4A7C15u >> 32) & mask;
  while (slots_[i].build == build_ && slots_[i].id != id) i = (i + 1) & mask;
  return slots_[i];
}

void ExprOrder::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.build == build_) slot_of(slot.id) = slot;
  }
}

int ExprOrder::position(const Expr& node) const {
  if (slots_.empty()) return -1;
  const Slot& slot = const_cast<ExprOrder*>(this)->slot_of(node.id());
  return slot.build == build_ ? slot.position : -1;
}

int ExprOrder::enter(const Expr& node) {
  Slot& slot = slot_of(node.id());
  if (slot.build == build_) return slot.position;
  slot = {node.id(), pending, build_};
  stack_.push_back({&node});
  if (++filled_ * 2 > slots_.size()) grow();
  return pending;
}

void ExprOrder::build(std::span<const Expr> roots) {
  if (slots_.empty()) slots_.resize(256);
  nodes_.clear();
  operands_.clear();
  filled_ = 0;
  if (++build_ == 0) {  // the counter has wrapped: nothing old may look new
    slots_.assign(slots_.size(), Slot{});
    build_ = 1;
  }
  for (const Expr& root : roots) {
    enter(root);
    while (!stack_.empty()) {
      Visit& top = stack_.back();
      if (top.next_operand < arity(top.node->op())) {
        const auto k = static_cast<std::size_t>(top.next_operand);
        const int done = enter(top.node->operand(top.next_operand));  // may move the stack
        if (done == pending) continue;
        top.operands[k] = done;
        ++top.next_operand;
      } else {
        slot_of(top.node->id()).position = size();
        nodes_.push_back(top.node);
        operands_.push_back(top.operands);
        stack_.pop_back();
      }
    }
  }
}

}  // namespace perdita
