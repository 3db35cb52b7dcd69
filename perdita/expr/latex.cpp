#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "perdita/expr/expr.hpp"
#include "perdita/expr/print.hpp"

namespace perdita {

namespace {

// A Greek letter, a letter, a letter with an index, or a word.
std::string latex_name(const std::string& name) {
  constexpr std::array<std::string_view, 16> greek = {"alpha", "beta",  "gamma",  "delta", "epsilon", "eta",
                                                      "theta", "kappa", "lambda", "mu",    "nu",      "pi",
                                                      "rho",   "sigma", "tau",    "omega"};
  if (std::ranges::find(greek, name) != greek.end()) return "\\" + name;
  if (name.size() == 1) return name;
  if (name.size() > 2 && name[1] == '_' &&
      std::all_of(name.begin() + 2, name.end(), [](unsigned char c) { return std::isalnum(c); })) {
    return fmt::format("{}_{{{}}}", name[0], name.substr(2));
  }
  std::string word = "\\mathrm{";
  for (char c : name) {
    if (std::string_view("_%$#&{}").find(c) != std::string_view::npos) word += '\\';
    word += c;
  }
  return word + "}";
}

Notation latex_number(double value) {
  if (std::isnan(value)) return {{"\\mathrm{nan}"}, Binding::atom};
  if (std::isinf(value)) {
    return value < 0 ? Notation{{"-\\infty"}, Binding::sign} : Notation{{"\\infty"}, Binding::atom};
  }
  std::string digits = fmt::format("{}", value);
  const std::size_t e = digits.find('e');
  if (e == std::string::npos) return {{digits}, std::signbit(value) ? Binding::sign : Binding::atom};
  const std::string mantissa = digits.substr(0, e);
  const std::string power = fmt::format("10^{{{}}}", std::stoi(digits.substr(e + 1)));
  if (mantissa == "1") return {{power}, Binding::power};
  return {{mantissa + " \\cdot " + power}, Binding::product};
}

// f(x) binds as a power does, so that (log x)^2 gets its parentheses.
Notation latex_call(const Expr& e, std::string_view function) {
  Notation notation{{fmt::format("{}\\left(", function), {e.operand(0), Binding::none}}, Binding::power};
  if (arity(e.op()) == 2) {
    notation.pieces.push_back(", ");
    notation.pieces.push_back({e.operand(1), Binding::none});
  }
  notation.pieces.push_back("\\right)");
  return notation;
}

// A product of symbols needs no sign; one whose right side starts with a digit does.
Notation product(const Expr& e) {
  const Expr* first = &e.operand(1);
  while (first->op() == Op::multiply || first->op() == Op::pow || first->op() == Op::square) first = &first->operand(0);
  return infix_notation(e, first->op() == Op::constant ? "\\cdot" : "\\,", Binding::product);
}

Notation notate_function(const Expr& e) {
  const Expr& a = e.operand(0);
  switch (e.op()) {
    case Op::abs:
      return {{"\\left|", {a, Binding::none}, "\\right|"}, Binding::atom};
    case Op::sqrt:
      return {{"\\sqrt{", {a, Binding::none}, "}"}, Binding::power};
    case Op::exp:
      return {{"e^{", {a, Binding::none}, "}"}, Binding::power};
    case Op::expm1:
      return {{"e^{", {a, Binding::none}, "} - 1"}, Binding::sum};
    case Op::log:
      return latex_call(e, "\\log");
    case Op::log1p:
      return {{"\\log\\left(1 + ", {a, Binding::product}, "\\right)"}, Binding::power};
    case Op::sigmoid:
      return latex_call(e, "\\sigma");
    case Op::log_sigmoid:
      return latex_call(e, "\\log \\sigma");
    case Op::softplus:
      return {{"\\log\\left(1 + e^{", {a, Binding::none}, "}\\right)"}, Binding::power};
    case Op::tanh:
      return latex_call(e, "\\tanh");
    case Op::log_cosh:
      return latex_call(e, "\\log \\cosh");
    case Op::expm1_minus_x:
      return {{"e^{", {a, Binding::none}, "} - 1 - ", {a, tighter(Binding::sum)}}, Binding::sum};
    case Op::log1p_minus_x:
      return {{"\\log\\left(1 + ", {a, Binding::product}, "\\right) - ", {a, tighter(Binding::sum)}}, Binding::sum};
    case Op::log_ratio:
      return {{"\\log \\frac{", {a, Binding::none}, "}{", {e.operand(1), Binding::none}, "}"}, Binding::power};
    case Op::hypot:
      return {{"\\sqrt{", {a, Binding::atom}, "^{2} + ", {e.operand(1), Binding::atom}, "^{2}}"}, Binding::power};
    case Op::erf:
      return latex_call(e, "\\operatorname{erf}");
    case Op::lgamma:
      return latex_call(e, "\\log \\Gamma");
    case Op::digamma:
      return latex_call(e, "\\psi");
    case Op::trigamma:
      return latex_call(e, "\\psi_1");
    case Op::sign:
      return latex_call(e, "\\operatorname{sign}");
    case Op::min:
    case Op::clamp_max:
      return latex_call(e, "\\min");
    case Op::max:
    case Op::clamp_min:
      return latex_call(e, "\\max");
    case Op::xlogy:
      return {{{a, Binding::product}, " \\log\\left(", {e.operand(1), Binding::none}, "\\right)"}, Binding::product};
    // Iverson's bracket: 1 where the condition holds, else 0.
    case Op::zero_unless:
      return {{"\\left[", {a, Binding::none}, "\\right] \\, ", {e.operand(1), tighter(Binding::product)}},
              Binding::product};
    case Op::flip_sign:
      return latex_call(e, "\\operatorname{flip\\_sign}");
    default:
      return latex_call(e, fmt::format("\\operatorname{{{}}}", name_of(e.op())));
  }
}

Notation notate_latex(const Expr& e) {
  switch (e.op()) {
    case Op::input:
      return {{latex_name(e.name())}, Binding::atom};
    case Op::constant:
      return latex_number(e.value());
    case Op::negate:
      return {{"-", {e.operand(0), Binding::sign}}, Binding::sign};
    case Op::logical_not:
      return {{"\\lnot ", {e.operand(0), Binding::sign}}, Binding::sign};
    case Op::square:
      return {{{e.operand(0), Binding::atom}, "^{2}"}, Binding::power};
    case Op::pow:
      return {{{e.operand(0), Binding::atom}, "^{", {e.operand(1), Binding::none}, "}"}, Binding::power};
    case Op::multiply:
      return product(e);
    case Op::divide:
      return {{"\\frac{", {e.operand(0), Binding::none}, "}{", {e.operand(1), Binding::none}, "}"}, Binding::power};
    case Op::add:
      return infix_notation(e, "+", Binding::sum);
    case Op::subtract:
      return infix_notation(e, "-", Binding::sum);
    case Op::less:
      return infix_notation(e, "<", Binding::comparison);
    case Op::less_equal:
      return infix_notation(e, "\\le", Binding::comparison);
    case Op::greater:
      return infix_notation(e, ">", Binding::comparison);
    case Op::greater_equal:
      return infix_notation(e, "\\ge", Binding::comparison);
    case Op::equal:
      return infix_notation(e, "=", Binding::comparison);
    case Op::not_equal:
      return infix_notation(e, "\\ne", Binding::comparison);
    case Op::logical_and:
      return infix_notation(e, "\\land", Binding::conjunction);
    case Op::logical_or:
      return infix_notation(e, "\\lor", Binding::disjunction);
    case Op::select:
      return {{"\\begin{cases} ",
               {e.operand(1), Binding::none},
               " & \\text{if } ",
               {e.operand(0), Binding::none},
               " \\\\ ",
               {e.operand(2), Binding::none},
               " & \\text{otherwise} \\end{cases}"},
              Binding::power};
    default:
      return notate_function(e);
  }
}

}  // namespace

std::string to_latex(const Expr& expr) { return print(expr, notate_latex, {"\\left(", "\\right)"}); }

}  // namespace perdita
