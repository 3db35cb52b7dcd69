// Identities by which formulas are rewritten.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/rewriting/equivalence_graph.hpp"

namespace perdita::rewriting {

/// The two sides are equal as functions of real numbers, wherever both are defined. Inputs of the sides are variables
/// that stand for any formula.
struct Rule {
  std::string_view text;  ///< "log(1 + exp(a)) => softplus(a)"; "<=>" for both directions
  Expr from, to;
};

/// All rules; those for both directions twice.
std::span<const Rule> rules();

/// Reads "FROM => TO" or "FROM <=> TO". Throws ValueError unless both sides are formulas of a, b, c and d.
std::vector<Rule> rules_of(std::string_view text);

/// Finds each place where a rule applies, and merges the class there with that of the result. Stops when the graph has
/// `most_nodes`. Whether it changed anything.
bool apply_rules(EquivalenceGraph& graph, std::span<const Rule> rules, int most_nodes);

}  // namespace perdita::rewriting
