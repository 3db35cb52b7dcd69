// Description of a loss, generated from its LossInfo: for `perdita explain` and the reference pages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/losses/loss_sum.hpp"

namespace perdita::cli {

struct Section {
  std::string title;
  std::vector<std::string> lines;
  bool is_formula = false;
};

struct Explanation {
  std::string name, family, summary;
  std::vector<Section> sections;
};

enum class Notation { text, latex };

/// The derivative of a formula as text; empty if it is too long to be useful.
std::string readable_slope(const Expr& slope, Notation notation);

Explanation explain_loss(const AnyLoss& loss, Notation notation);
/// Its parts and their weights, and the formula of each.
Explanation explain_sum(const LossSum& loss, Notation notation);

/// The loss and its derivative as functions of the input, for a fixed target: the data of the plots.
struct Curve {
  std::string x_label, target;
  std::vector<double> x = {}, value = {}, slope = {};
};
/// None for a loss of sequences.
std::optional<Curve> curve_of(const AnyLoss& loss);

}  // namespace perdita::cli
