#include "perdita/losses/formula.hpp"

#include <array>
#include <cctype>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/expr/parse.hpp"
#include "perdita/expr/zero.hpp"
#include "perdita/kernels/evaluate_program.hpp"
#include "perdita/losses/formula_text.hpp"

namespace perdita {

namespace {

constexpr int first_parameter_input = 2;

/// One line, single spaces.
std::string tidy(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_space)
      result += c;
    else if (!result.empty() && result.back() != ' ')
      result += ' ';
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

/// The formula with the option compute=float64; stabilize=yes is for parse_loss(), which has the stable form parsed.
FormulaText parts_of(std::string_view text) {
  const FormulaText parts = separate_formula(text);
  if (!parts.domain.empty() || parts.stabilize)
    fail<ValueError>("formula: got a domain or stabilize=yes (valid: in the text of a loss, formula: ...)");
  return parts;
}

std::string with_options(const std::string& formula, const FormulaText& parts) {
  return parts.compute_in_float64 ? formula + "; compute=float64" : formula;
}

void require_input(const Expr& value, std::string_view names) {
  const ExprOrder order(std::span(&value, 1));
  for (int i = 0; i < order.size(); ++i) {
    if (order[i].op() == Op::input && order[i].index() == 0) return;
  }
  fail<ValueError>("formula: the formula does not depend on {}, so it has no gradient", names);
}

Expr parse_of_class(const std::string& text, const Expr& log_p, const Expr& p, const Expr& t,
                    std::vector<DeclaredParameter>& parameters, int first_parameter = -1) {
  const std::array<NamedExpr, 4> names{{{"log_p", log_p}, {"p", p}, {"t", t}, {"target", t}}};
  return parse_expr(text, names, {&parameters, first_parameter});
}

bool has_word(std::string_view text, std::string_view word) {
  const auto is_of_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_of_word(text[at - 1])) && (end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

}  // namespace

namespace detail {

// One for each set of derivatives: bit 0 with respect to the input, bit 1 with respect to the target.
struct WrittenLoss::Programs {
  explicit Programs(const Expr& value) {
    const std::array inputs{Expr::input(0, "y"), Expr::input(1, "t")};
    const std::vector<Expr> slopes = gradient(value, Expr::input(2, "scale"), inputs);
    for (unsigned wanted = 0; wanted < 4; ++wanted) {
      std::vector<Expr> outputs{value};
      for (unsigned k = 0; k < 2; ++k) {
        if (wanted >> k & 1) outputs.push_back(slopes[k]);
      }
      by_wanted.emplace_back(outputs);
    }
  }
  std::vector<Program> by_wanted;
};

WrittenLoss::WrittenLoss(std::string text, const WrittenValue& value, bool in_float64)
    : text_(std::move(text)),
      value_(value.fixed),
      parametric_value_(value.parametric),
      parameters_(value.parameters),
      in_float64_(in_float64),
      programs_(std::make_shared<const Programs>(value.fixed)) {}

Expr WrittenLoss::slope() const {
  const Expr input = Expr::input(0, "y");
  return gradient(value_, 1.0, std::span(&input, 1))[0];
}

template <class T>
double WrittenLoss::compute(const T* input, const T* target, std::int64_t count,
                            const FormulaOutputs<T>& outputs) const {
  double sum = 0;
  const std::array operands{Operand{input, dtype_of<T>(), {1}}, Operand{target, dtype_of<T>(), {1}},
                            Operand{&outputs.scale, DType::float64, {0}}};
  constexpr bool is_float32 = dtype_of<T>() == DType::float32;
  std::vector<Result> results{{outputs.losses, &sum, is_float32}};
  for (T* const slope : {outputs.by_input, outputs.by_target}) {
    if (slope) results.push_back({slope, nullptr, is_float32});
  }
  const DType computing_type = in_float64_ ? DType::float64 : dtype_of<T>();
  const unsigned wanted = (outputs.by_input ? 1u : 0u) | (outputs.by_target ? 2u : 0u);
  evaluate(programs_->by_wanted[wanted], computing_type, {count}, operands, results);
  return sum;
}

template double WrittenLoss::compute(const float*, const float*, std::int64_t, const FormulaOutputs<float>&) const;
template double WrittenLoss::compute(const double*, const double*, std::int64_t, const FormulaOutputs<double>&) const;

}  // namespace detail

Formula Formula::parse(std::string_view text) {
  const Expr y = Expr::input(0, "y"), t = Expr::input(1, "t");
  const std::array<NamedExpr, 4> names{{{"y", y}, {"t", t}, {"input", y}, {"target", t}}};
  const FormulaText parts = parts_of(text);
  const std::string tidied = tidy(parts.formula);
  std::vector<DeclaredParameter> parameters;
  const Expr value = parse_expr(tidied, names, {&parameters});
  require_input(value, "y");
  const Expr parametric = parse_expr(tidied, names, {&parameters, first_parameter_input});
  return {with_options(tidied, parts), {value, parametric, parameters}, parts.compute_in_float64};
}

ClassFormula ClassFormula::parse(std::string_view text) {
  const FormulaText parts = parts_of(text);
  const std::string tidied = tidy(parts.formula);
  const Expr log_p = Expr::input(0, "log_p");
  std::vector<DeclaredParameter> parameters;
  const auto term = [&](const Expr& t, int first_parameter = -1) {
    return parse_of_class(tidied, log_p, exp(log_p), t, parameters, first_parameter);
  };
  const Expr t = Expr::input(1, "t"), value = term(t), parametric = term(t, first_parameter_input);
  ClassFormula loss(with_options(tidied, parts), {value, parametric, parameters}, parts.compute_in_float64);
  require_input(loss.value(), "log_p");
  if (is_zero(term(0.0))) {
    const Expr own = term(1.0);
    loss.own_class_ = Formula(tidied, {own, own, {}}, parts.compute_in_float64);
  }
  return loss;
}

Formula ClassFormula::of_two_classes() const {
  const Expr z = Expr::input(0, "z");
  std::vector<DeclaredParameter> parameters;
  const auto term = [&](const Expr& logit, double t) {
    return parse_of_class(tidy(separate_formula(text()).formula), log_sigmoid(logit), sigmoid(logit), t, parameters);
  };
  const Expr value = term(z, 1) + term(-z, 0);
  return {text(), {value, value, {}}, is_computed_in_float64()};
}

bool is_class_formula(std::string_view text) {
  const bool of_classes = has_word(text, "log_p") || has_word(text, "p");
  return of_classes && !has_word(text, "y") && !has_word(text, "input");
}

}  // namespace perdita
