// What is to be said of a loss, made from the list: for `perdita explain` and for the reference pages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/losses/any.hpp"

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

/// The derivative of a formula as text, or nothing where that is a tangle of cases, which explains nothing.
std::string readable_slope(const Expr& slope, Notation notation);

Explanation explain_loss(const AnyLoss& loss, Notation notation);

/// The loss and its slope over an input, for a fixed target: what the pictures show.
struct Curve {
  std::string x_label, target;
  std::vector<double> x = {}, value = {}, slope = {};
};
/// None for a loss of sequences.
std::optional<Curve> curve_of(const AnyLoss& loss);

}  // namespace perdita::cli
