// Formulas of an equivalence graph that should be exact and cheap.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/equivalence_graph.hpp"

namespace perdita::rewriting {

/// The time of an operation on a pack, where an addition is 1.
double time_of(Op op);
/// The sum of the times of the operations of formulas, where common parts count once.
double time_of(std::span<const Expr> formulas);

/// A formula, and what it costs: the times of its operations, and the bits that each of them loses on operands that are
/// exact but rounded.
struct Candidate {
  Expr formula;
  Op op;  ///< the last one to be computed, before simplification
  double cost;
  std::uint64_t shape;  ///< equal for formulas that differ in signs and in the order of terms and factors only
};

/// Up to `count` formulas of the class, the cheapest first. inputs: their names. points: the numbers of those points of
/// the graph where lost bits count.
std::vector<Candidate> cheapest_formulas(const EquivalenceGraph& graph, ClassId id,
                                         const std::vector<std::string>& inputs, std::span<const std::size_t> points,
                                         std::size_t count);

}  // namespace perdita::rewriting
