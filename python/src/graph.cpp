#include "python/src/graph.hpp"

#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string_view>
#include <vector>

#include "perdita/expr/order.hpp"
#include "perdita/losses/loss_graph.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

/// Functions of the same inputs, as one graph.
class Graph {
 public:
  Graph(std::vector<Expr> outputs, int inputs) : outputs_(std::move(outputs)), inputs_(inputs) {}

  static Graph of_loss(std::string_view text, int inputs) {
    LossGraph loss = loss_graph(parse_loss(text), inputs, FormulaFor::execution);
    Graph graph({std::move(loss.value)}, inputs);
    graph.derivatives_ = std::move(loss.derivatives);
    graph.of_true_class_ = loss.of_true_class;
    graph.in_float64_ = loss.in_float64;
    return graph;
  }

  /// What a loss of class counts does to logits: the shift and the margin of a class by its count, that of all samples
  /// and that of the smallest class; and the scale.
  static nb::tuple of_class_counts(std::string_view text) {
    LogitAdjustment found = logit_adjustment(parse_loss(text));
    return nb::make_tuple(Graph({std::move(found.shift), std::move(found.margin)}, 3), found.scale);
  }

  int inputs() const { return inputs_; }
  bool of_true_class() const { return of_true_class_; }
  bool in_float64() const { return in_float64_; }
  int outputs() const { return static_cast<int>(outputs_.size()); }

  /// The gradients of sum_j u_j output_j with respect to the inputs at `wanted`, as functions of the inputs, then u.
  Graph gradient(const std::vector<int>& wanted) const {
    return derived(gradients_of(upstream(inputs_), wanted), inputs_ + outputs());
  }

  /// The tangents of the outputs, as functions of the inputs, then of the tangents of the inputs at `moved`.
  Graph tangent(const std::vector<int>& moved) const {
    // The gradients are linear in u: J^T u. The derivative of sum_i t_i (J^T u)_i with respect to u is J t.
    const std::vector<Expr> u = upstream(inputs_ + static_cast<int>(moved.size()));
    const std::vector<Expr> gradients = gradients_of(u, moved);
    Expr total = 0.0;
    for (std::size_t i = 0; i < gradients.size(); ++i)
      total = total + Expr::input(inputs_ + static_cast<int>(i), "tangent") * gradients[i];
    return derived(perdita::gradient(total, 1.0, u), inputs_ + static_cast<int>(moved.size()));
  }

  /// (steps, outputs): a step is (operation, operands...), an operand the number of an input or of a step (which are
  /// numbered on from the inputs) or a constant, as a float.
  nb::tuple program() const {
    const ExprOrder order(outputs_);
    std::vector<nb::object> places;
    nb::list steps, results;
    for (int i = 0; i < order.size(); ++i) {
      const Expr& node = order[i];
      if (node.op() == Op::input)
        places.push_back(nb::int_(node.index()));
      else if (node.op() == Op::constant)
        places.push_back(nb::float_(node.value()));
      else {
        nb::list step;
        step.append(name_of(node.op()));
        for (int k = 0; k < arity(node.op()); ++k) step.append(places[static_cast<std::size_t>(order.operand(i, k))]);
        places.push_back(nb::int_(inputs_ + static_cast<int>(nb::len(steps))));
        steps.append(nb::tuple(step));
      }
    }
    for (const Expr& output : outputs_) results.append(places[static_cast<std::size_t>(order.position(output))]);
    return nb::make_tuple(steps, results);
  }

 private:
  /// Derivatives, which are computed in the same type.
  Graph derived(std::vector<Expr> outputs, int inputs) const {
    Graph graph(std::move(outputs), inputs);
    graph.in_float64_ = in_float64_;
    return graph;
  }

  /// Symbols for the upstream gradients, inputs from `first` on.
  std::vector<Expr> upstream(int first) const {
    std::vector<Expr> u;
    for (int j = 0; j < outputs(); ++j) u.push_back(Expr::input(first + j, "upstream"));
    return u;
  }

  std::vector<Expr> gradients_of(const std::vector<Expr>& u, const std::vector<int>& wanted) const {
    std::vector<Expr> found;
    if (!derivatives_.empty()) {
      for (const int i : wanted) found.push_back(u[0] * derivatives_[static_cast<std::size_t>(i)]);
      return found;
    }
    const std::vector<Expr> x = inputs_at(wanted);
    found.assign(x.size(), Expr(0.0));
    for (std::size_t j = 0; j < outputs_.size(); ++j) {
      const std::vector<Expr> of_output = perdita::gradient(outputs_[j], u[j], x);
      for (std::size_t i = 0; i < x.size(); ++i) found[i] = found[i] + of_output[i];
    }
    return found;
  }

  std::vector<Expr> inputs_at(const std::vector<int>& places) const {
    std::vector<Expr> all;
    for (const int i : places) all.push_back(Expr::input(i, "x"));
    return all;
  }

  std::vector<Expr> outputs_;
  std::vector<Expr> derivatives_;  // of the only output with respect to each input, or none
  int inputs_;
  bool of_true_class_ = false, in_float64_ = false;
};

}  // namespace

void add_graph(nb::module_& m) {
  nb::class_<Graph>(m, "Graph")
      .def_static("of_loss", &Graph::of_loss)
      .def_static("of_class_counts", &Graph::of_class_counts)
      .def_prop_ro("of_true_class", &Graph::of_true_class)
      .def_prop_ro("in_float64", &Graph::in_float64)
      .def_prop_ro("inputs", &Graph::inputs)
      .def_prop_ro("outputs", &Graph::outputs)
      .def("gradient", &Graph::gradient)
      .def("tangent", &Graph::tangent)
      .def("program", &Graph::program);
}

}  // namespace perdita::python
