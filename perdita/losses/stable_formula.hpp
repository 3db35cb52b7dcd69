// Written losses in their stable form: "formula: log(1 + exp(y)) - t * y [t in 0..1]; stabilize=yes".
#pragma once

#include <string>
#include <string_view>

#include "perdita/losses/formula_text.hpp"
#include "perdita/rewriting/stabilize.hpp"

namespace perdita {

/// stabilize() of a written loss, of elements (y, t) or of classes (log_p, t), where log_p is at most 0 and t between 0
/// and 1. Throws ValueError for what is not a formula, and as stabilize().
Stabilized stabilize_loss(const FormulaText& text, StabilizeOptions options = {});

/// The text of the stable form, with "; compute=float64" where that is recommended. The formula itself, if no form is
/// better.
std::string text_of(const Stabilized& found);

/// The stable form as a generic lambda of C++, see to_cpp(), with a comment where it is exact in double only.
std::string cpp_of(const Stabilized& found);

/// The formula that is trained with: the stable form, if it is asked for. Throws ValueError for conditions without it.
std::string formula_to_train(std::string_view text);

}  // namespace perdita
