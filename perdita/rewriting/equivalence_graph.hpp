// Many equal forms of a formula at once: an e-graph (Willsey et al., egg, POPL 2021). A class stands for one function
// of the variables, and holds all nodes (an operation on classes) that compute it.
//
// A class also holds its exact values at some points. Classes whose values differ are never merged: a rule that is
// wrong, or does not hold for these operands, has no effect.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/domain.hpp"
#include "perdita/rewriting/wide_interval.hpp"

namespace perdita::rewriting {

/// The number of a class. Numbers of merged classes stay valid, see EquivalenceGraph::find().
using ClassId = std::int32_t;

struct ClassNode {
  Op op = Op::constant;
  std::array<ClassId, 3> operands{-1, -1, -1};
  double constant = 0;  ///< of Op::constant
  int input = -1;       ///< of Op::input

  bool operator==(const ClassNode& other) const;
};
struct ClassNodeHash {
  std::size_t operator()(const ClassNode& node) const;
};

class EquivalenceGraph {
 public:
  explicit EquivalenceGraph(const Points& points);

  /// The class of a formula, whose nodes are added.
  ClassId add(const Expr& formula);
  ClassId add(ClassNode node);
  /// Merges two classes unless their values differ. Whether it changed anything.
  bool merge(ClassId a, ClassId b);
  /// Restores that equal nodes are in one class, after merges.
  void rebuild();

  /// The class that a number stands for now.
  ClassId find(ClassId id) const;
  const std::vector<ClassNode>& nodes(ClassId id) const { return classes_[static_cast<std::size_t>(find(id))].nodes; }
  /// Whether the class is this constant.
  bool is_constant(ClassId id, double number) const;
  std::optional<double> constant(ClassId id) const;

  /// The exact values, rounded to double; NaN where they are not known.
  const std::vector<double>& values(ClassId id) const { return classes_[static_cast<std::size_t>(find(id))].rounded; }

  /// All numbers of classes that are not merged into others.
  std::vector<ClassId> classes() const;
  int num_nodes() const { return num_nodes_; }
  /// How many merges were refused because the values differ.
  int refused() const { return refused_; }

 private:
  struct Class {
    std::vector<ClassNode> nodes;
    std::vector<std::pair<ClassNode, ClassId>> users;
    WideIntervals values;
    std::vector<double> rounded;
    std::optional<double> constant = {};
  };
  static constexpr int bits = 288, known_bits = 80;

  Class evaluated(const ClassNode& node) const;
  bool are_constants(const ClassNode& node) const;
  void apply_at(const ClassNode& node, std::size_t point, const WideInterval& out) const;
  ClassNode canonical(ClassNode node) const;
  bool have_equal_values(const Class& a, const Class& b) const;
  bool merge_into(ClassId kept, ClassId gone);
  void repair(ClassId id);
  void remove_duplicates();
  void take_values(Class& into, const Class& from);

  const Points& points_;
  std::size_t num_points_;
  std::vector<Class> classes_;
  mutable std::vector<ClassId> parents_;  // union-find
  std::unordered_map<ClassNode, ClassId, ClassNodeHash> known_;
  std::vector<ClassId> to_repair_;
  int num_nodes_ = 0, refused_ = 0;
};

}  // namespace perdita::rewriting
