// Calls of a loss in C++ and Python, generated from its signature.
#pragma once

#include <string>
#include <vector>

#include "perdita/losses/any.hpp"

namespace perdita::cli {

/// The same call in several languages.
struct Examples {
  std::vector<std::string> cpp, python, text;
};

/// A call with the default of the first parameter. Losses of the list only; empty for formulas.
Examples examples_of(const AnyLoss& loss);

}  // namespace perdita::cli
