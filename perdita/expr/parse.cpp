#include "perdita/expr/parse.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/expr/formula_functions.hpp"
#include "perdita/expr/tokens.hpp"

namespace perdita {

namespace {

constexpr std::size_t max_length = 10'000;
constexpr int max_depth = 100;

/// What a function of elsewhere is called here.
std::string other_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {{"ln", "log(x)"},
                                                                     {"relu", "max(x, 0)"},
                                                                     {"if", "select(condition, a, b)"},
                                                                     {"iff", "select(condition, a, b)"},
                                                                     {"where", "select(condition, a, b)"},
                                                                     {"expit", "sigmoid(x)"},
                                                                     {"logistic", "sigmoid(x)"},
                                                                     {"sqr", "x^2"},
                                                                     {"cosh", "log_cosh(x), or (exp(x) + exp(-x)) / 2"},
                                                                     {"power", "x^y"},
                                                                     {"fabs", "abs(x)"},
                                                                     {"log2", "log(x) / log(2)"},
                                                                     {"log10", "log(x) / log(10)"},
                                                                     {"exp2", "2^x"},
                                                                     {"not", "!x"},
                                                                     {"maximum", "max(a, b)"},
                                                                     {"minimum", "min(a, b)"}};
  for (const auto& [elsewhere, here] : names) {
    if (name == elsewhere) return fmt::format("; write {}", here);
  }
  return "";
}

struct BinaryOperator {
  std::string_view symbol;
  Op op;
  int level;
};
constexpr BinaryOperator binary_operators[] = {
    {"|", Op::logical_or, 0}, {"&", Op::logical_and, 1},    {"<", Op::less, 2},     {"<=", Op::less_equal, 2},
    {">", Op::greater, 2},    {">=", Op::greater_equal, 2}, {"==", Op::equal, 2},   {"!=", Op::not_equal, 2},
    {"+", Op::add, 3},        {"-", Op::subtract, 3},       {"*", Op::multiply, 4}, {"/", Op::divide, 4}};
constexpr int comparison_level = 2, signed_level = 5;

const BinaryOperator* find_operator(const Token& token, int level) {
  if (token.kind != Token::Kind::symbol) return nullptr;
  for (const BinaryOperator& candidate : binary_operators) {
    if (candidate.level == level && candidate.symbol == token.text) return &candidate;
  }
  return nullptr;
}

class Parser {
 public:
  Parser(std::string_view text, std::span<const NamedExpr> inputs, const ParameterOptions& parameters)
      : text_(text), inputs_(inputs), parameters_(parameters), tokens_(tokens_of(text)) {}

  Expr parse() {
    collect_definitions();
    Expr result = whole_expression("the formula");
    for (const auto& [name, definition] : definitions_) {
      if (!definition.value) fail_at(text_, definition.position, "'{}' is defined, but not used", name);
    }
    return result;
  }

 private:
  struct Definition {
    std::size_t position;
    std::size_t first_token;
    bool is_open = false;  // being read
    std::optional<Expr> value = {};
  };

  const Token& token() const { return tokens_[at_]; }
  bool is(std::string_view symbol) const { return token().kind == Token::Kind::symbol && token().text == symbol; }
  bool is_where() const { return token().kind == Token::Kind::name && token().text == "where"; }
  bool accept(std::string_view symbol) {
    if (!is(symbol)) return false;
    ++at_;
    return true;
  }
  bool ends_expression() const { return token().kind == Token::Kind::end || is_where() || is(";") || is(","); }
  std::string found() const {
    return token().kind == Token::Kind::end ? std::string("the end") : fmt::format("'{}'", token().text);
  }

  /// Notes where each definition begins; they are read when their names are met.
  void collect_definitions() {
    while (token().kind != Token::Kind::end && !(is_where() && !opens_call(at_))) ++at_;
    while (token().kind != Token::Kind::end) {  // at "where" or at a separator
      const bool may_end = !is_where();
      ++at_;
      if (token().kind == Token::Kind::end && may_end) break;
      define();
      skip_to_separator();
    }
    at_ = 0;
  }

  void skip_to_separator() {
    for (int depth = 0; token().kind != Token::Kind::end; ++at_) {
      depth += is("(") ? 1 : is(")") ? -1 : 0;
      if (depth <= 0 && (is(";") || is(","))) return;
    }
  }

  bool opens_call(std::size_t at) const {
    return tokens_[at + 1].kind == Token::Kind::symbol && tokens_[at + 1].text == "(";
  }

  void define() {
    const Token name = token();
    if (name.kind != Token::Kind::name)
      fail_at(text_, name.position, "found {}, expected a definition (valid: NAME = EXPRESSION)", found());
    ++at_;
    if (!accept("="))
      fail_at(text_, token().position, "found {} after '{}' (valid: '=' and an expression)", found(), name.text);
    if (std::ranges::find(inputs_, name.text, &NamedExpr::name) != inputs_.end()) {
      fail_at(text_, name.position, "'{}' is an operand and cannot be defined", name.text);
    }
    if (find_formula_function(name.text) || name.text == "where") {
      fail_at(text_, name.position, "'{}' is a reserved word and cannot be defined", name.text);
    }
    if (!definitions_.try_emplace(std::string(name.text), Definition{name.position, at_}).second) {
      fail_at(text_, name.position, "'{}' is defined twice", name.text);
    }
  }

  Expr whole_expression(std::string_view what) {
    Expr result = binary(0);
    if (is("=")) fail_at(text_, token().position, "unexpected '=' (use == to compare; definitions follow 'where')");
    if (is(",") && what == "the formula")
      fail_at(text_, token().position, "unexpected ',' outside of the arguments of a function");
    if (is(";") && what == "the formula")
      fail_at(text_, token().position, "unexpected ';' (definitions follow 'where')");
    if (!ends_expression())
      fail_at(text_, token().position, "found {}, expected an operator or the end of {}", found(), what);
    return result;
  }

  Expr binary(int level) {
    if (level == signed_level) return with_sign();
    Expr left = binary(level + 1);
    for (const BinaryOperator* found = find_operator(token(), level); found; found = find_operator(token(), level)) {
      ++at_;
      left = Expr::apply(found->op, std::move(left), binary(level + 1));
      if (level == comparison_level && find_operator(token(), level)) {
        fail_at(text_, token().position, "comparisons cannot be chained (write a < b & b < c)");
      }
    }
    return left;
  }

  Expr with_sign() {
    const Nested nested(*this);
    if (accept("-")) return -with_sign();
    if (accept("+")) return with_sign();
    if (accept("!")) return !with_sign();
    Expr base = atom();
    return accept("^") ? pow(std::move(base), with_sign()) : base;
  }

  Expr atom() {
    const Token first = token();
    if (first.kind == Token::Kind::number) {
      ++at_;
      return first.value;
    }
    if (accept("(")) {
      Expr inside = binary(0);
      if (!accept(")")) fail_at(text_, token().position, "found {}, expected ')'", found());
      return inside;
    }
    if (first.kind != Token::Kind::name || is_where()) {
      if (is_where() && opens_call(at_))
        fail_at(text_, first.position, "'where' is not a function{}", other_name("where"));
      fail_at(text_, first.position, "found {}, expected a number, a name or '('", found());
    }
    ++at_;
    return accept("(") ? call(first) : value_of(first);
  }

  /// param(name, initial), behind the first parenthesis.
  Expr parameter(const Token& first) {
    if (!parameters_.declared)
      fail_at(text_, first.position, "param is not supported here (valid: in formulas of losses)");
    const Token name = token();
    ++at_;
    const bool has_name = name.kind == Token::Kind::name && accept(",");
    const bool is_negative = has_name && accept("-");
    const Token number = token();
    if (!has_name || number.kind != Token::Kind::number)
      fail_at(text_, first.position, "param takes a name and a number (valid: param(sigma, 1.0))");
    ++at_;
    if (!accept(")")) fail_at(text_, token().position, "found {}, expected ')'", found());
    const bool is_taken = std::ranges::find(inputs_, name.text, &NamedExpr::name) != inputs_.end() ||
                          definitions_.contains(std::string(name.text)) || find_formula_function(name.text);
    if (is_taken) fail_at(text_, name.position, "'{}' has another meaning (valid: another name)", name.text);
    return declared(name, is_negative ? -number.value : number.value);
  }

  Expr declared(const Token& name, double initial) {
    std::vector<DeclaredParameter>& all = *parameters_.declared;
    auto known = std::ranges::find(all, name.text, &DeclaredParameter::name);
    if (known != all.end() && known->initial != initial) {
      fail_at(text_, name.position, "the parameter {} starts at {}, but also at {} (valid: one value)", name.text,
              known->initial, initial);
    }
    if (known == all.end()) known = all.insert(all.end(), {std::string(name.text), initial});
    if (parameters_.first_input < 0) return initial;
    return Expr::input(parameters_.first_input + static_cast<int>(known - all.begin()), known->name);
  }

  Expr call(const Token& name) {
    if (name.text == "param") return parameter(name);
    const FormulaFunction* const function = find_formula_function(name.text);
    if (!function) fail_unknown_function(name);
    std::vector<Expr> arguments;
    if (!is(")")) {
      do arguments.push_back(binary(0));
      while (accept(","));
    }
    if (!accept(")")) fail_at(text_, token().position, "found {}, expected ',' or ')'", found());
    const auto count = static_cast<int>(arguments.size());
    if (count < function->least || count > function->most) {
      fail_at(text_, name.position, "{} takes {} argument{}{}, not {}", name.text, function->least,
              function->least == 1 ? "" : "s", function->most > function->least ? " or more" : "", count);
    }
    return function->call(arguments);
  }

  [[noreturn]] void fail_unknown_function(const Token& name) {
    std::vector<std::string_view> names;
    for (const FormulaFunction& function : formula_functions()) names.push_back(function.name);
    const std::string other = other_name(name.text);
    fail_at(text_, name.position, "unknown function '{}'{} (valid: {})", name.text,
            other.empty() ? suggestion(name.text, names) : other, formula_function_names(", "));
  }

  Expr value_of(const Token& name) {
    if (const auto input = std::ranges::find(inputs_, name.text, &NamedExpr::name); input != inputs_.end())
      return input->value;
    if (const auto definition = definitions_.find(std::string(name.text)); definition != definitions_.end())
      return definition_value(name, definition->second);
    if (name.text == "pi") return std::numbers::pi;
    if (name.text == "e") return std::numbers::e;
    if (name.text == "inf") return std::numeric_limits<double>::infinity();
    if (name.text == "nan") return std::numeric_limits<double>::quiet_NaN();
    fail_unknown_name(name);
  }

  Expr definition_value(const Token& name, Definition& definition) {
    if (definition.value) return *definition.value;
    if (definition.is_open) fail_at(text_, name.position, "the definition of '{}' refers to itself", name.text);
    const Nested nested(*this);
    definition.is_open = true;
    const std::size_t back = std::exchange(at_, definition.first_token);
    definition.value = whole_expression("the definition");
    at_ = back;
    return *definition.value;
  }

  [[noreturn]] void fail_unknown_name(const Token& name) {
    if (find_formula_function(name.text))
      fail_at(text_, name.position, "the arguments of the function {} are missing", name.text);
    std::vector<std::string_view> names;
    for (const NamedExpr& input : inputs_) names.push_back(input.name);
    for (const auto& [defined, definition] : definitions_) names.push_back(defined);
    fail_at(text_, name.position, "'{}' is not defined{} (valid: {}; or a definition such as ... where {} = 1)",
            name.text, name.text.size() > 2 ? suggestion(name.text, names) : "", fmt::join(names, ", "), name.text);
  }

  /// Counts how deep the recursion is: the stack is not for the text to fill.
  class Nested {
   public:
    explicit Nested(Parser& parser) : depth_(parser.depth_) {
      if (++depth_ <= max_depth) return;
      --depth_;
      fail_at(parser.text_, parser.token().position,
              "parentheses, signs or definitions are nested too deeply (valid: up to {} levels)", max_depth);
    }
    ~Nested() { --depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    int& depth_;
  };

  std::string_view text_;
  std::span<const NamedExpr> inputs_;
  const ParameterOptions& parameters_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::map<std::string, Definition> definitions_;
};

}  // namespace

Expr parse_expr(std::string_view text, std::span<const NamedExpr> inputs) { return parse_expr(text, inputs, {}); }

Expr parse_expr(std::string_view text, std::span<const NamedExpr> inputs, const ParameterOptions& parameters) {
  if (text.size() > max_length) {
    fail<ValueError>("formula: {} characters (valid: at most {})", text.size(), max_length);
  }
  return Parser(text, inputs, parameters).parse();
}

}  // namespace perdita
