#include "perdita/rewriting/equivalence_graph.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "perdita/expr/order.hpp"

namespace perdita::rewriting {

bool ClassNode::operator==(const ClassNode& other) const {
  return op == other.op && operands == other.operands && input == other.input &&
         std::bit_cast<std::uint64_t>(constant) == std::bit_cast<std::uint64_t>(other.constant);
}

std::size_t ClassNodeHash::operator()(const ClassNode& node) const {
  std::uint64_t hash = static_cast<std::uint64_t>(node.op);
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  };
  for (const ClassId operand : node.operands) mix(static_cast<std::uint32_t>(operand));
  mix(std::bit_cast<std::uint64_t>(node.constant));
  mix(static_cast<std::uint32_t>(node.input));
  return hash;
}

EquivalenceGraph::EquivalenceGraph(const Points& points) : points_(points), num_points_(points.size()) {}

ClassId EquivalenceGraph::find(ClassId id) const {
  auto& parents = parents_;
  ClassId root = id;
  while (parents[static_cast<std::size_t>(root)] != root) root = parents[static_cast<std::size_t>(root)];
  while (parents[static_cast<std::size_t>(id)] != root) id = std::exchange(parents[static_cast<std::size_t>(id)], root);
  return root;
}

ClassNode EquivalenceGraph::canonical(ClassNode node) const {
  for (int k = 0; k < arity(node.op); ++k) {
    ClassId& operand = node.operands[static_cast<std::size_t>(k)];
    operand = find(operand);
  }
  return node;
}

ClassId EquivalenceGraph::add(const Expr& formula) {
  const ExprOrder order(std::span(&formula, 1));
  std::vector<ClassId> ids;
  for (int i = 0; i < order.size(); ++i) {
    ClassNode node{.op = order[i].op()};
    if (node.op == Op::constant) node.constant = order[i].value();
    if (node.op == Op::input) node.input = order[i].index();
    for (int k = 0; k < arity(node.op); ++k)
      node.operands[static_cast<std::size_t>(k)] = ids[static_cast<std::size_t>(order.operand(i, k))];
    ids.push_back(add(node));
  }
  return ids.back();
}

ClassId EquivalenceGraph::add(ClassNode node) {
  node = canonical(node);
  if (const auto found = known_.find(node); found != known_.end()) return find(found->second);
  const auto id = static_cast<ClassId>(classes_.size());
  classes_.push_back(evaluated(node));
  parents_.push_back(id);
  classes_.back().nodes.push_back(node);
  known_.emplace(node, id);
  ++num_nodes_;
  for (int k = 0; k < arity(node.op); ++k)
    classes_[static_cast<std::size_t>(node.operands[static_cast<std::size_t>(k)])].users.emplace_back(node, id);
  const std::optional<double> constant = classes_.back().constant;
  if (constant && node.op != Op::constant) {
    merge(id, add({.op = Op::constant, .constant = *constant}));
    return find(id);
  }
  return id;
}

EquivalenceGraph::Class EquivalenceGraph::evaluated(const ClassNode& node) const {
  Class made{.nodes = {},
             .users = {},
             .values = WideIntervals(num_points_, bits),
             .rounded = std::vector<double>(num_points_)};
  const int count = arity(node.op);
  for (std::size_t i = 0; i < num_points_; ++i) {
    const WideInterval value = made.values[i];
    if (node.op == Op::constant)
      set_constant(value, node.constant);
    else if (node.op == Op::input)
      set(value, points_.columns[static_cast<std::size_t>(node.input)][i]);
    else
      apply_at(node, i, value);
    made.rounded[i] = mpfr_get_d(value.low, MPFR_RNDN);
  }
  if (node.op == Op::constant) made.constant = node.constant;
  if (count > 0 && are_constants(node) && num_points_ > 0) {
    const double result = made.rounded[0];
    if (std::isfinite(result) && mpfr_cmp_d(made.values[0].low, result) == 0 &&
        mpfr_cmp_d(made.values[0].high, result) == 0)
      made.constant = result + 0.0;  // without the sign of a zero
  }
  return made;
}

bool EquivalenceGraph::are_constants(const ClassNode& node) const {
  for (int k = 0; k < arity(node.op); ++k) {
    if (!classes_[static_cast<std::size_t>(node.operands[static_cast<std::size_t>(k)])].constant) return false;
  }
  return true;
}

void EquivalenceGraph::apply_at(const ClassNode& node, std::size_t point, const WideInterval& out) const {
  const auto count = static_cast<std::size_t>(arity(node.op));
  std::array<WideInterval, 3> operands{};
  for (std::size_t k = 0; k < count; ++k)
    operands[k] = classes_[static_cast<std::size_t>(node.operands[k])].values[point];
  apply(node.op, out, std::span(operands).first(count));
  if (!has_bits(out, known_bits)) set_unknown(out);
}

bool EquivalenceGraph::have_equal_values(const Class& a, const Class& b) const {
  std::size_t both = 0;
  for (std::size_t i = 0; i < num_points_; ++i) {
    if (is_unknown(a.values[i]) || is_unknown(b.values[i])) continue;
    ++both;
    if (!overlap(a.values[i], b.values[i])) return false;
  }
  return both > 0;
}

void EquivalenceGraph::take_values(Class& into, const Class& from) {
  for (std::size_t i = 0; i < num_points_; ++i) {
    if (!is_unknown(into.values[i]) || is_unknown(from.values[i])) continue;
    set(into.values[i], from.values[i]);
    into.rounded[i] = from.rounded[i];
  }
}

bool EquivalenceGraph::merge(ClassId a, ClassId b) {
  a = find(a);
  b = find(b);
  if (a == b) return false;
  Class& first = classes_[static_cast<std::size_t>(a)];
  Class& second = classes_[static_cast<std::size_t>(b)];
  if (!have_equal_values(first, second)) {
    ++refused_;
    return false;
  }
  if (first.users.size() < second.users.size()) return merge_into(b, a);
  return merge_into(a, b);
}

bool EquivalenceGraph::merge_into(ClassId kept, ClassId gone) {
  Class& into = classes_[static_cast<std::size_t>(kept)];
  Class& from = classes_[static_cast<std::size_t>(gone)];
  parents_[static_cast<std::size_t>(gone)] = kept;
  take_values(into, from);
  into.nodes.insert(into.nodes.end(), from.nodes.begin(), from.nodes.end());
  into.users.insert(into.users.end(), from.users.begin(), from.users.end());
  if (!into.constant) into.constant = from.constant;
  from = Class{.nodes = {}, .users = {}, .values = WideIntervals(0, bits), .rounded = {}};
  to_repair_.push_back(kept);
  return true;
}

void EquivalenceGraph::rebuild() {
  while (!to_repair_.empty()) {
    std::vector<ClassId> classes = std::exchange(to_repair_, {});
    for (ClassId& id : classes) id = find(id);
    std::ranges::sort(classes);
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    for (const ClassId id : classes) repair(id);
  }
  remove_duplicates();
}

void EquivalenceGraph::repair(ClassId id) {
  auto users = std::exchange(classes_[static_cast<std::size_t>(find(id))].users, {});
  for (auto& [node, owner] : users) {
    known_.erase(node);
    node = canonical(node);
    if (const auto [found, is_new] = known_.emplace(node, find(owner)); !is_new) merge(found->second, owner);
    owner = find(owner);
  }
  std::vector<std::pair<ClassNode, ClassId>>& kept = classes_[static_cast<std::size_t>(find(id))].users;
  kept.insert(kept.end(), users.begin(), users.end());
}

void EquivalenceGraph::remove_duplicates() {
  num_nodes_ = 0;
  for (const ClassId id : classes()) {
    std::vector<ClassNode>& nodes = classes_[static_cast<std::size_t>(id)].nodes;
    std::unordered_set<ClassNode, ClassNodeHash> distinct;
    std::erase_if(nodes, [&](ClassNode& node) {
      node = canonical(node);
      return !distinct.insert(node).second;
    });
    num_nodes_ += static_cast<int>(nodes.size());
  }
}

bool EquivalenceGraph::is_constant(ClassId id, double number) const {
  const std::optional<double> found = constant(id);
  return found && *found == number;
}

std::optional<double> EquivalenceGraph::constant(ClassId id) const {
  return classes_[static_cast<std::size_t>(find(id))].constant;
}

std::vector<ClassId> EquivalenceGraph::classes() const {
  std::vector<ClassId> all;
  for (ClassId id = 0; id < static_cast<ClassId>(classes_.size()); ++id) {
    if (find(id) == id) all.push_back(id);
  }
  return all;
}

}  // namespace perdita::rewriting
