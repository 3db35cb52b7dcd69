#include "perdita/rewriting/extraction.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "perdita/expr/fold.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/rewriting/accuracy.hpp"

namespace perdita::rewriting {

double time_of(Op op) {
  switch (op) {
    case Op::input:
    case Op::constant:
      return 0.01;  // not 0, so that a cycle of classes is never cheaper than none
    case Op::negate:
    case Op::abs:
    case Op::flip_sign:
      return 0.5;
    case Op::divide:
    case Op::sqrt:
      return 4;
    case Op::exp:
    case Op::log:
      return 5;
    case Op::expm1:
    case Op::log1p:
    case Op::sigmoid:
      return 6;
    case Op::tanh:
    case Op::xlogy:
    case Op::erf:
      return 8;
    case Op::softplus:
    case Op::log_sigmoid:
    case Op::log_cosh:
    case Op::log_ratio:
    case Op::hypot:
      return 10;
    case Op::expm1_minus_x:
    case Op::log1p_minus_x:
      return 12;
    case Op::pow:
      return 16;
    case Op::lgamma:
    case Op::digamma:
    case Op::trigamma:
      return 30;
    default:
      return 1;
  }
}

double time_of(std::span<const Expr> formulas) {
  const ExprOrder order(formulas);
  double time = 0;
  for (int i = 0; i < order.size(); ++i) time += time_of(order[i].op());
  return time;
}

namespace {

constexpr double cost_of_bit = 12;  // of the mean error, in additions

/// Result of the operation for rounded operands; the operation itself is computed in double.
double rounded_result(const ClassNode& node, const std::array<double, 3>& x, DType dtype) {
  const auto rounded = [dtype](double number) {
    return dtype == DType::float32 ? static_cast<double>(static_cast<float>(number)) : number;
  };
  if (node.op == Op::select) return rounded(x[0]) != 0 ? rounded(x[1]) : rounded(x[2]);
  if (arity(node.op) == 1) return rounded(fold(node.op, rounded(x[0])));
  return rounded(fold(node.op, rounded(x[0]), rounded(x[1])));
}

/// The mean of the bits that the operation loses, of both types.
double lost_bits(const EquivalenceGraph& graph, ClassId id, const ClassNode& node,
                 std::span<const std::size_t> points) {
  const std::vector<double>& exact = graph.values(id);
  std::array<const std::vector<double>*, 3> operands{};
  for (int k = 0; k < arity(node.op); ++k)
    operands[static_cast<std::size_t>(k)] = &graph.values(node.operands[static_cast<std::size_t>(k)]);
  double bits = 0;
  std::size_t count = 0;
  for (const std::size_t i : points) {
    if (std::isnan(exact[i])) continue;
    std::array<double, 3> x{};
    for (int k = 0; k < arity(node.op); ++k)
      x[static_cast<std::size_t>(k)] = (*operands[static_cast<std::size_t>(k)])[i];
    ++count;
    for (const DType dtype : {DType::float32, DType::float64}) {
      const double found = rounded_result(node, x, dtype);
      const double lost = std::max(0.0, bits_of_error(found, exact[i], dtype) - 1);
      bits += dtype == DType::float32 ? lost : 0.5 * lost;
    }
  }
  return count > 0 ? bits / static_cast<double>(count) : 0;
}

/// Whether the class is one number: of constants, which are computed before the formula is evaluated.
bool is_number(const EquivalenceGraph& graph, ClassId id) {
  const std::vector<double>& values = graph.values(id);
  return std::ranges::all_of(values, [&](double value) { return value == values[0]; });
}

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15;
  return hash ^ hash >> 29;
}

/// A formula up to its sign and the order of its terms and factors, which do not change its rounding errors.
struct Shape {
  std::uint64_t hash;
  bool is_negative;
};

Shape shape_of_sum(Shape a, Shape b) {
  const std::uint64_t both = mixed(a.hash, 1) + mixed(b.hash, 1);
  if (a.is_negative == b.is_negative) return {mixed(both, 2), a.is_negative};
  return {mixed(both, 3), a.hash < b.hash ? b.is_negative : a.is_negative};
}

/// Formulas are small here.
Shape shape_of(const Expr& formula) {
  const Op op = formula.op();
  const std::uint64_t begin = mixed(1, static_cast<std::uint64_t>(op));
  if (op == Op::constant)
    return {mixed(begin, std::bit_cast<std::uint64_t>(std::abs(formula.value()))), std::signbit(formula.value())};
  if (op == Op::input) return {mixed(begin, static_cast<std::uint64_t>(formula.index())), false};
  std::array<Shape, 3> x{};
  for (int k = 0; k < arity(op); ++k) x[static_cast<std::size_t>(k)] = shape_of(formula.operand(k));
  const bool is_opposite = x[0].is_negative != x[1].is_negative;
  switch (op) {
    case Op::negate:
      return {x[0].hash, !x[0].is_negative};
    case Op::add:
      return shape_of_sum(x[0], x[1]);
    case Op::subtract:
      return shape_of_sum(x[0], {x[1].hash, !x[1].is_negative});
    case Op::multiply:
      return {mixed(begin, 1) + mixed(x[0].hash, 1) + mixed(x[1].hash, 1), is_opposite};
    case Op::divide:
      return {mixed(mixed(begin, x[0].hash), x[1].hash), is_opposite};
    case Op::tanh:
    case Op::erf:
      return {mixed(begin, x[0].hash), x[0].is_negative};
    case Op::abs:
    case Op::square:
    case Op::log_cosh:
      return {mixed(begin, x[0].hash), false};
    case Op::hypot:
      return {begin + mixed(x[0].hash, 1) + mixed(x[1].hash, 1), false};
    default:
      break;
  }
  std::uint64_t hash = begin;
  for (int k = 0; k < arity(op); ++k) {
    const Shape& operand = x[static_cast<std::size_t>(k)];
    hash = mixed(hash, operand.hash + operand.is_negative);
  }
  return {hash, false};
}

/// The cheapest formulas of all classes, found by passes over the graph until nothing changes.
class Extraction {
 public:
  Extraction(const EquivalenceGraph& graph, const std::vector<std::string>& inputs, std::span<const std::size_t> points)
      : graph_(graph), inputs_(inputs), classes_(graph.classes()) {
    ClassId most = 0;
    for (const ClassId id : classes_) most = std::max(most, id);
    best_.resize(static_cast<std::size_t>(most) + 1);
    for (const ClassId id : classes_) {
      const bool is_free = is_number(graph, id);
      for (const ClassNode& node : graph.nodes(id)) {
        const double lost = arity(node.op) > 0 && !is_free ? lost_bits(graph, id, node, points) : 0;
        costs_.push_back((is_free ? 0.01 : time_of(node.op)) + cost_of_bit * lost);
      }
    }
  }

  std::vector<Candidate> run(ClassId root, std::size_t count) {
    constexpr int most_passes = 24;
    for (int pass = 0; pass < most_passes; ++pass) {
      bool changed = false;
      std::size_t node_number = 0;
      for (const ClassId id : classes_) {
        for (const ClassNode& node : graph_.nodes(id)) changed |= offer(id, node, costs_[node_number++], per_operation);
      }
      if (!changed) break;
    }
    std::size_t node_number = 0;
    for (const ClassId id : classes_) {
      for (const ClassNode& node : graph_.nodes(id)) {
        if (id == root) offer(id, node, costs_[node_number], count / 4);
        ++node_number;
      }
    }
    std::vector<Candidate> found = of(root);
    if (found.size() > count) found.erase(found.begin() + static_cast<std::ptrdiff_t>(count), found.end());
    return found;
  }

 private:
  /// How many formulas of a class begin with the same operation: for another region of the domain, another form of a
  /// part may be better than the cheapest ones.
  static constexpr std::size_t per_operation = 2;

  std::vector<Candidate>& of(ClassId id) { return best_[static_cast<std::size_t>(graph_.find(id))]; }

  /// Adds the formulas of a node to those of its class. Whether they are among the best.
  bool offer(ClassId id, const ClassNode& node, double cost, std::size_t most) {
    if (is_of_constants(node)) return false;
    if (node.op == Op::constant) return insert(id, {Expr(node.constant), node.op, cost, 0}, most);
    if (node.op == Op::input)
      return insert(id, {Expr::input(node.input, inputs_[static_cast<std::size_t>(node.input)]), node.op, cost, 0},
                    most);
    return combine(id, node, 0, {}, cost, most);
  }

  /// Expr would compute these in double, and round. If the result is a double, the class has it as a constant.
  bool is_of_constants(const ClassNode& node) const {
    bool are_constants = arity(node.op) > 0;
    for (int k = 0; k < arity(node.op); ++k)
      are_constants = are_constants && graph_.constant(node.operands[static_cast<std::size_t>(k)]);
    return are_constants;
  }

  bool combine(ClassId id, const ClassNode& node, int k, std::array<const Candidate*, 3> chosen, double cost,
               std::size_t most) {
    if (cost >= most_expensive(id, node.op, most)) return false;
    if (k == arity(node.op)) return insert(id, {applied(node.op, chosen), node.op, cost, 0}, most);
    bool changed = false;
    // A copy: the list changes where a class is an operand of itself.
    const std::vector<Candidate> choices = of(node.operands[static_cast<std::size_t>(k)]);
    for (const Candidate& choice : choices) {
      chosen[static_cast<std::size_t>(k)] = &choice;
      changed |= combine(id, node, k + 1, chosen, cost + choice.cost, most);
    }
    return changed;
  }

  /// The cost below which a formula that begins with the operation is kept.
  double most_expensive(ClassId id, Op op, std::size_t most) {
    std::size_t count = 0;
    double cost = 0;
    for (const Candidate& candidate : of(id)) {
      if (candidate.op != op) continue;
      ++count;
      cost = candidate.cost;
    }
    return count < most ? std::numeric_limits<double>::infinity() : cost;
  }

  static Expr applied(Op op, const std::array<const Candidate*, 3>& x) {
    if (arity(op) == 1) return Expr::apply(op, x[0]->formula);
    if (arity(op) == 2) return Expr::apply(op, x[0]->formula, x[1]->formula);
    return Expr::apply(op, x[0]->formula, x[1]->formula, x[2]->formula);
  }

  bool insert(ClassId id, Candidate candidate, std::size_t most) {
    std::vector<Candidate>& kept = of(id);
    if (candidate.cost >= most_expensive(id, candidate.op, most)) return false;
    candidate.shape = shape_of(candidate.formula).hash;
    if (std::ranges::find(kept, candidate.shape, &Candidate::shape) != kept.end()) return false;
    const Op op = candidate.op;
    kept.insert(std::ranges::upper_bound(kept, candidate.cost, {}, &Candidate::cost), std::move(candidate));
    if (static_cast<std::size_t>(std::ranges::count(kept, op, &Candidate::op)) <= most) return true;
    kept.erase(std::find_if(kept.rbegin(), kept.rend(), [op](const Candidate& c) { return c.op == op; }).base() - 1);
    return true;
  }

  const EquivalenceGraph& graph_;
  const std::vector<std::string>& inputs_;
  std::vector<ClassId> classes_;
  std::vector<double> costs_;  // of all nodes, in the order of classes_
  std::vector<std::vector<Candidate>> best_;
};

}  // namespace

std::vector<Candidate> cheapest_formulas(const EquivalenceGraph& graph, ClassId id,
                                         const std::vector<std::string>& inputs, std::span<const std::size_t> points,
                                         std::size_t count) {
  return Extraction(graph, inputs, points).run(graph.find(id), count);
}

}  // namespace perdita::rewriting
