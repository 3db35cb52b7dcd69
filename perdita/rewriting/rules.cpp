#include "perdita/rewriting/rules.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "perdita/core/error.hpp"
#include "perdita/expr/parse.hpp"

namespace perdita::rewriting {

namespace {

constexpr std::string_view texts[] = {
    // Squares and roots.
    "square(a) - square(b) => (a - b) * (a + b)",
    "square(a) * square(b) <=> square(a * b)",
    "square(a) / square(b) <=> square(a / b)",
    "square(-a) => square(a)",
    "square(a - b) => square(b - a)",
    "square(abs(a)) => square(a)",
    "sqrt(square(a)) => abs(a)",
    "square(sqrt(a)) => a",
    "sqrt(a * b) => sqrt(a) * sqrt(b)",
    "sqrt(a) * sqrt(b) => sqrt(a * b)",
    "sqrt(a) - sqrt(b) => (a - b) / (sqrt(a) + sqrt(b))",
    "sqrt(1 + a) - 1 => a / (sqrt(1 + a) + 1)",
    "1 - sqrt(1 - a) => a / (1 + sqrt(1 - a))",
    "abs(a) => a",
    "sqrt(square(a) + square(b)) <=> hypot(a, b)",
    "sqrt(1 + square(a)) <=> hypot(1, a)",
    "hypot(1, a / b) => hypot(b, a) / abs(b)",
    "hypot(a, b) - a => b * (b / (hypot(a, b) + a))",
    "square(a) / (1 + square(a)) => 1 / (1 + square(1 / a))",
    "square(a) / (1 + square(a)) => a * (a / (1 + square(a)))",
    "log1p(square(a)) => 2 * log(hypot(1, a))",
    "log1p(square(a) / b) => 2 * log(hypot(1, a / sqrt(b)))",
    "log1p(b * square(a)) => 2 * log(hypot(1, a * sqrt(b)))",
    "log1p(square(a)) => select(abs(a) < 1e9, log1p(square(a)), 2 * log(hypot(1, a)))",
    "log1p(square(a) / b) => select(abs(a) < 1e9, log1p(square(a) / b), 2 * log(hypot(1, a / sqrt(b))))",
    "log1p(b * square(a)) => select(abs(a) < 1e9, log1p(b * square(a)), 2 * log(hypot(1, a * sqrt(b))))",
    "pow(1 + square(a), b) => pow(hypot(1, a), 2 * b)",
    "pow(1 + square(a) / b, c) => pow(hypot(1, a / sqrt(b)), 2 * c)",
    "square(a) * exp(b) => square(a * exp(0.5 * b))",
    // Exponentials and logarithms.
    "exp(a) * exp(b) <=> exp(a + b)",
    "exp(a) / exp(b) <=> exp(a - b)",
    "1 / exp(a) <=> exp(-a)",
    "a / exp(b) <=> a * exp(-b)",
    "square(exp(a)) <=> exp(2 * a)",
    "sqrt(exp(a)) => exp(0.5 * a)",
    "exp(log(a)) => a",
    "log(exp(a)) => a",
    "exp(a) - 1 <=> expm1(a)",
    "1 - exp(a) => -expm1(a)",
    "expm1(a) - a <=> expm1_minus_x(a)",
    "exp(a) - (1 + a) => expm1_minus_x(a)",
    "exp(a - b) => square(exp(0.5 * a) * exp(-0.5 * b))",
    "exp(a) - b => b * expm1(a - log(b))",
    "exp(a) - b - b * (a - log(b)) => b * expm1_minus_x(a - log(b))",
    "exp(a) - (b + b * (a - log(b))) => b * expm1_minus_x(a - log(b))",
    "b * (log(b) - a) - (b - exp(a)) => b * expm1_minus_x(a - log(b))",
    "exp(a) - b - b * (a - log(b)) => -(b * log1p_minus_x((exp(a) - b) / b))",
    "b * exp(-a) + (a - 1) - log(b) => expm1_minus_x(log(b) - a)",
    "b * exp(-a) - 1 - (log(b) - a) => expm1_minus_x(log(b) - a)",
    "expm1(a) + 1 => exp(a)",
    "expm1(-a) => -(expm1(a) / exp(a))",
    "exp(a) - exp(b) => exp(b) * expm1(a - b)",
    "exp(b) * (a / exp(c)) => a * exp(b - c)",
    "expm1(a) / expm1(b) => exp(a - b) * (expm1(-a) / expm1(-b))",
    "log(a * b) <=> log(a) + log(b)",
    "log(a / b) <=> log(a) - log(b)",
    "log(1 / a) => -log(a)",
    "log(sqrt(a)) => 0.5 * log(a)",
    "log(square(a)) => 2 * log(abs(a))",
    "log(1 + a) <=> log1p(a)",
    "log(1 - a) => log1p(-a)",
    "log1p(a) - a <=> log1p_minus_x(a)",
    "a - log1p(a) => -log1p_minus_x(a)",
    "a - 1 - log(a) => -log1p_minus_x(a - 1)",
    "log(a / b) <=> log_ratio(a, b)",
    "log(a) - log(b) => log_ratio(a, b)",
    "log_ratio(a, a) => 0",
    "a / b - 1 - log_ratio(a, b) => -log1p_minus_x((a - b) / b)",
    "a * log_ratio(a, b) - a + b => select(abs(b - 1.7 * a) < 1.3 * a, -(a * log1p_minus_x((b - a) / a)), a * "
    "log_ratio(a, b) - (a - b))",
    "a * log_ratio(a, b) - (a - b) => select(abs(b - 1.7 * a) < 1.3 * a, -(a * log1p_minus_x((b - a) / a)), a * "
    "log_ratio(a, b) - (a - b))",
    "log_ratio(a, 1 - a) - log_ratio(b, 1 - b) => select(abs(a - b) < 0.5 * (b * (1 - a)), "
    "log1p((a - b) / (b * (1 - a))), log_ratio(a * (1 - b), b * (1 - a)))",
    "log1p(exp(a)) - log(2) => log1p(0.5 * expm1(a))",
    "exp(log1p(a)) => 1 + a",
    "expm1(log1p(a)) => a",
    "log1p(expm1(a)) => a",
    "log1p(a) - log1p(b) => select(abs(a - b) < 0.5 * (1 + b), log1p((a - b) / (1 + b)), log1p(a) - log1p(b))",
    "log1p(-exp(a)) <=> log(-expm1(a))",
    "square(expm1(a)) / exp(a) => expm1(a) * -expm1(-a)",
    "xlogy(a, b) <=> a * log(b)",
    // Powers.
    "pow(exp(a), b) => exp(a * b)",
    "pow(sqrt(a), b) => pow(a, 0.5 * b)",
    "pow(sigmoid(a), b) => exp(b * log_sigmoid(a))",
    "pow(1 + a, b) - 1 => expm1(b * log1p(a))",
    "pow(a, b) - 1 => expm1(b * log(a))",
    "exp(a * log(b)) => pow(b, a)",
    "log(pow(a, b)) => b * log(a)",
    "pow(a, b) * pow(c, b) => pow(a * c, b)",
    // The logistic function.
    "1 / (1 + exp(-a)) => sigmoid(a)",
    "1 / (1 + exp(a)) => sigmoid(-a)",
    "exp(a) / (1 + exp(a)) => sigmoid(a)",
    "exp(a) / (b + exp(a)) => sigmoid(a - log(b))",
    "b / (b + exp(a)) => sigmoid(log(b) - a)",
    "1 - sigmoid(a) <=> sigmoid(-a)",
    "sigmoid(a) - 1 => -sigmoid(-a)",
    "sigmoid(a) - sigmoid(b) => sigmoid(a) * sigmoid(-b) * -expm1(b - a)",
    "sigmoid(a) - b => select(a < 0, sigmoid(a) - b, (1 - b) - sigmoid(-a))",
    "tanh(a) - b => select(abs(a) < 0.5, tanh(a) - b, select(a < 0, 2 * sigmoid(2 * a) - (1 + b), (1 - b) - 2 * "
    "sigmoid(-2 * a)))",
    "log(sigmoid(a)) <=> log_sigmoid(a)",
    "log1p(exp(a)) <=> softplus(a)",
    "log_sigmoid(a) <=> -softplus(-a)",
    "-softplus(a) => log_sigmoid(-a)",
    "softplus(a) - a => softplus(-a)",
    "softplus(a) - softplus(-a) => a",
    "softplus(a) => a + softplus(-a)",
    "log_sigmoid(a) - log_sigmoid(-a) => a",
    "log(sigmoid(a) / sigmoid(-a)) => a",
    "sigmoid(a) / sigmoid(-a) => exp(a)",
    "sigmoid(log(a) - log(1 - a)) => a",
    "exp(softplus(a)) => 1 + exp(a)",
    "exp(-softplus(a)) => sigmoid(-a)",
    "exp(log_sigmoid(a)) => sigmoid(a)",
    "1 - exp(-softplus(a)) => sigmoid(a)",
    "-expm1(-softplus(a)) => sigmoid(a)",
    "exp(a) / square(1 + exp(a)) => sigmoid(a) * sigmoid(-a)",
    "softplus(a) - softplus(b) => log1p(expm1(a - b) * sigmoid(b))",
    "sigmoid(a) * sigmoid(-a) => 0.25 - square(0.5 * tanh(0.5 * a))",
    "softplus(a) - b * a => softplus((1 - 2 * b) * a)",
    "softplus(a) - b * a => softplus(-abs(a)) + select(a < 0, -b * a, (1 - b) * a)",
    "log(exp(a) + exp(b)) => max(a, b) + softplus(-abs(a - b))",
    "2 * sigmoid(2 * a) - 1 <=> tanh(a)",
    "1 - square(tanh(a)) => 4 * (sigmoid(2 * a) * sigmoid(-2 * a))",
    "1 / (1 - sigmoid(a)) => 1 + exp(a)",
    "1 / sigmoid(a) => 1 + exp(-a)",
    // Targets of 0 and 1: t loss(1) + (1 - t) loss(0).
    "softplus(a) - b * a => b * softplus(-a) + (1 - b) * softplus(a)",
    "softplus(a) - b * a => select(b > 0.5, softplus(-a) + (1 - b) * a, softplus(a) - b * a)",
    // Divergences of distributions.
    "a * log(a / b) + (1 - a) * log((1 - a) / (1 - b)) => -(a * log1p_minus_x((b - a) / a)) - (1 - a) * "
    "log1p_minus_x((a - b) / (1 - a))",
    "1 - sqrt(a * b) - sqrt((1 - a) * (1 - b)) => 0.5 * (square((a - b) / (sqrt(a) + sqrt(b))) + square((a - b) / "
    "(sqrt(1 - a) + sqrt(1 - b))))",
    // Hyperbolic functions.
    "exp(a) + exp(-a) => 2 * exp(log_cosh(a))",
    "0.5 * (exp(a) + exp(-a)) => exp(log_cosh(a))",
    "(exp(a) + exp(-a)) / 2 => exp(log_cosh(a))",
    "exp(a) - 2 + exp(-a) => expm1(a) * -expm1(-a)",
    // Sums and products: last, because each application makes further places where they apply.
    "a + b => b + a",
    "a * b => b * a",
    "(a + b) + c => a + (b + c)",
    "(a - b) + c => a + (c - b)",
    "(a - b) - c => a - (b + c)",
    "a - (b - c) => (a - b) + c",
    "a + (b - c) => (a + b) - c",
    "(a + b) - c => a + (b - c)",
    "(a + b) - a => b",
    "a - b => -(b - a)",
    "-a - b <=> -(a + b)",
    "(a * b) * c => a * (b * c)",
    "a * (b + c) <=> a * b + a * c",
    "a * (b - c) <=> a * b - a * c",
    "a - a * b => a * (1 - b)",
    "a * b - a => a * (b - 1)",
    "a + a * b => a * (1 + b)",
    "a * a <=> square(a)",
    "a + a => 2 * a",
    "a - a => 0",
    "0 * a => 0",
    "(-a) * b <=> -(a * b)",
    "(-a) / b <=> -(a / b)",
    "a / (-b) => -(a / b)",
    "a - (-b) => a + b",
    "-(-a) => a",
    "a / a => 1",
    "0 / a => 0",
    "a * (b / c) <=> (a * b) / c",
    "(a * b) / a => b",
    "a / (a * b) => 1 / b",
    "a / (b / c) => a * (c / b)",
    "(a / b) / c <=> a / (b * c)",
    "1 / (a / b) => b / a",
    "a / b => a * (1 / b)",
    "(a + b) / c <=> a / c + b / c",
    "(a - b) / c <=> a / c - b / c",
    "a / b - 1 => (a - b) / b",
    "1 - a / b => (b - a) / b",
    "a / (a + b) => 1 / (1 + b / a)",
};

Rule direction(std::string_view text, std::string_view from, std::string_view to) {
  static constexpr std::string_view names[] = {"a", "b", "c", "d"};
  std::vector<NamedExpr> variables;
  for (int i = 0; i < 4; ++i) variables.push_back({names[i], Expr::input(i, std::string(names[i]))});
  return {text, parse_expr(from, variables), parse_expr(to, variables)};
}

}  // namespace

std::vector<Rule> rules_of(std::string_view text) {
  const bool both = text.find("<=>") != text.npos;
  const std::string_view arrow = both ? "<=>" : "=>";
  const std::size_t at = text.find(arrow);
  if (at == text.npos) fail<ValueError>("rule: '{}' has no =>", text);
  const std::string_view left = text.substr(0, at), right = text.substr(at + arrow.size());
  std::vector<Rule> made{direction(text, left, right)};
  if (both) made.push_back(direction(text, right, left));
  return made;
}

std::span<const Rule> rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> made;
    for (const std::string_view text : texts) {
      for (Rule& rule : rules_of(text)) made.push_back(std::move(rule));
    }
    return made;
  }();
  return all;
}

namespace {

using Bindings = std::array<ClassId, 4>;

using Found = std::function<void(const Bindings&)>;

void match_operands(const EquivalenceGraph& graph, const Expr& pattern, const ClassNode& node, int k,
                    const Bindings& bindings, const Found& found);

/// Calls found(bindings) for each way in which the class is an instance of the pattern.
void match(const EquivalenceGraph& graph, const Expr& pattern, ClassId id, Bindings bindings, const Found& found) {
  id = graph.find(id);
  if (pattern.op() == Op::input) {
    ClassId& bound = bindings[static_cast<std::size_t>(pattern.index())];
    if (bound >= 0 && graph.find(bound) != id) return;
    bound = id;
    return found(bindings);
  }
  if (pattern.op() == Op::constant) {
    if (graph.is_constant(id, pattern.value())) found(bindings);
    return;
  }
  for (const ClassNode& node : graph.nodes(id)) {
    if (node.op == pattern.op()) match_operands(graph, pattern, node, 0, bindings, found);
  }
}

void match_operands(const EquivalenceGraph& graph, const Expr& pattern, const ClassNode& node, int k,
                    const Bindings& bindings, const Found& found) {
  if (k == arity(node.op)) return found(bindings);
  match(graph, pattern.operand(k), node.operands[static_cast<std::size_t>(k)], bindings,
        [&, k](const Bindings& b) { match_operands(graph, pattern, node, k + 1, b, found); });
}

ClassId instantiate(EquivalenceGraph& graph, const Expr& pattern, const Bindings& bindings) {
  if (pattern.op() == Op::input) return bindings[static_cast<std::size_t>(pattern.index())];
  ClassNode node{.op = pattern.op()};
  if (pattern.op() == Op::constant) node.constant = pattern.value();
  for (int k = 0; k < arity(pattern.op()); ++k)
    node.operands[static_cast<std::size_t>(k)] = instantiate(graph, pattern.operand(k), bindings);
  return graph.add(node);
}

struct Place {
  const Rule* rule;
  ClassId id;
  Bindings bindings;
};

/// a - b = a + (-b). This is not in the list of texts, because reading "a + (-b)" gives a - b.
void relate_differences(EquivalenceGraph& graph, int most_nodes) {
  for (const ClassId id : graph.classes()) {
    const std::vector<ClassNode> nodes = graph.nodes(id);
    for (const ClassNode& node : nodes) {
      if (graph.num_nodes() >= most_nodes) return;
      if (node.op == Op::subtract) {
        const ClassId opposite = graph.add({.op = Op::negate, .operands = {node.operands[1], -1, -1}});
        graph.merge(id, graph.add({.op = Op::add, .operands = {node.operands[0], opposite, -1}}));
      } else if (node.op == Op::add) {
        const std::vector<ClassNode> second = graph.nodes(node.operands[1]);
        for (const ClassNode& operand : second) {
          if (operand.op != Op::negate) continue;
          graph.merge(id, graph.add({.op = Op::subtract, .operands = {node.operands[0], operand.operands[0], -1}}));
        }
      }
    }
  }
}

}  // namespace

bool apply_rules(EquivalenceGraph& graph, std::span<const Rule> rules, int most_nodes) {
  constexpr std::size_t most_places_of_rule = 400;
  std::vector<Place> places;
  const std::vector<ClassId> classes = graph.classes();
  for (const Rule& rule : rules) {
    const std::size_t first = places.size();
    for (const ClassId id : classes) {
      if (places.size() - first >= most_places_of_rule) break;
      match(graph, rule.from, id, {-1, -1, -1, -1}, [&](const Bindings& b) { places.push_back({&rule, id, b}); });
    }
  }
  bool changed = false;
  for (const Place& place : places) {
    if (graph.num_nodes() >= most_nodes) break;
    changed |= graph.merge(place.id, instantiate(graph, place.rule->to, place.bindings));
  }
  relate_differences(graph, most_nodes);
  graph.rebuild();
  return changed;
}

}  // namespace perdita::rewriting
