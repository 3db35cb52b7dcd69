// Common parts of the notations of formulas (text, LaTeX, C++).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdita/expr/expr.hpp"

namespace perdita {

/// How tightly a notation binds; an operand that binds less tightly than its place asks for gets parentheses.
enum class Binding { none, disjunction, conjunction, comparison, sum, product, sign, power, atom };

constexpr Binding tighter(Binding binding) { return static_cast<Binding>(static_cast<int>(binding) + 1); }

/// A part of a node's notation: fixed text, or an operand in a place that asks for a binding.
struct Piece {
  std::string text;
  const Expr* operand = nullptr;
  Binding place = Binding::none;

  Piece(const char* fixed) : text(fixed) {}
  Piece(std::string_view fixed) : text(fixed) {}
  Piece(std::string fixed) : text(std::move(fixed)) {}
  Piece(const Expr& expr, Binding at_least) : operand(&expr), place(at_least) {}
};

struct Notation {
  std::vector<Piece> pieces;
  Binding binding = Binding::atom;
};

/// "a + b".
Notation infix_notation(const Expr& e, std::string_view symbol, Binding binding);
/// "a * b", "a < b" or "log1p(a)": the notation of an operation that text and C++ write alike.
Notation common_notation(const Expr& e);

struct Parentheses {
  std::string_view open, close;
};

/// The whole formula, `notate` giving the notation of one node. Throws ValueError where it has over a million nodes.
std::string print(const Expr& root, Notation (*notate)(const Expr&), Parentheses parentheses);

}  // namespace perdita
