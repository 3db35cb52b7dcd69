#include "perdita/rewriting/equivalence_graph.hpp"

#include <gtest/gtest.h>

#include "perdita/rewriting/extraction.hpp"
#include "perdita/rewriting/rules.hpp"

namespace perdita::rewriting {
namespace {

const Expr y = Expr::input(0, "y"), t = Expr::input(1, "t");
const Points points{{{0.5, -1.5, 3.0, 40.0}, {0.25, 2.0, -1.0, 0.0}}};
const std::vector<std::size_t> all{0, 1, 2, 3};

TEST(EquivalenceGraph, EqualNodesAreOne) {
  EquivalenceGraph graph(points);
  EXPECT_EQ(graph.find(graph.add(y + t)), graph.find(graph.add(y + t)));
  EXPECT_NE(graph.find(graph.add(y + t)), graph.find(graph.add(t + y)));
  EXPECT_EQ(graph.values(graph.add(y + t))[1], 0.5);
}

TEST(EquivalenceGraph, UsersOfMergedClassesAreMerged) {
  EquivalenceGraph graph(points);
  const ClassId a = graph.add(exp(y + t)), b = graph.add(exp(t + y));
  EXPECT_TRUE(graph.merge(graph.add(y + t), graph.add(t + y)));
  graph.rebuild();
  EXPECT_EQ(graph.find(a), graph.find(b));
}

TEST(EquivalenceGraph, DifferentValuesAreNotMerged) {
  EquivalenceGraph graph(points);
  EXPECT_FALSE(graph.merge(graph.add(exp(y)), graph.add(1.0 + y)));
  EXPECT_EQ(graph.refused(), 1);
}

TEST(EquivalenceGraph, ConstantsAreFoldedIfTheyAreExact) {
  EquivalenceGraph graph(points);
  const ClassId three = graph.add({.op = Op::constant, .constant = 3});
  EXPECT_EQ(graph.constant(graph.add({.op = Op::negate, .operands = {three, -1, -1}})), -3);
  EXPECT_FALSE(graph.constant(graph.add({.op = Op::log, .operands = {three, -1, -1}})));
}

/// A planted false identity, and one that holds for some inputs only, change nothing.
TEST(Rules, FalseOnesHaveNoEffect) {
  for (const char* text : {"exp(a) => 1 + a", "sqrt(square(a)) => a", "log(a + b) => log(a) + log(b)"}) {
    const std::vector<Rule> wrong = rules_of(text);
    EquivalenceGraph graph(points);
    const ClassId root = graph.add(exp(y) + sqrt(square(t)) + log(square(y) + square(t)));
    apply_rules(graph, wrong, 1000);
    EXPECT_GT(graph.refused(), 0) << text;
    EXPECT_EQ(cheapest_formulas(graph, root, {"y", "t"}, all, 50).size(), 1u) << text;
  }
}

TEST(Rules, OnesThatHoldOnTheDomainAreUsed) {
  const Points positive{{{0.5, 1.5, 3.0}}};
  EquivalenceGraph graph(positive);
  const ClassId root = graph.add(sqrt(square(y)));
  apply_rules(graph, rules_of("sqrt(square(a)) => a"), 1000);
  EXPECT_EQ(to_text(cheapest_formulas(graph, root, {"y"}, std::span(all).first(3), 1)[0].formula), "y");
}

}  // namespace
}  // namespace perdita::rewriting
