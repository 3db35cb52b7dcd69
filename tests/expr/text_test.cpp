#include <gtest/gtest.h>

#include <bit>
#include <cctype>
#include <cstdlib>
#include <limits>
#include <map>

#include "perdita/expr/expr.hpp"
#include "perdita/expr/order.hpp"
#include "tests/expr/random.hpp"

namespace perdita {
namespace {

// An independent reader of the notation: C's precedences, and a right-associative ^ above the unary signs.
class Reader {
 public:
  explicit Reader(const std::string& text) : at_(text.c_str()) {}
  Expr read() {
    const Expr result = binary(0);
    EXPECT_EQ(std::string(at_), "");
    return result;
  }

 private:
  struct Operator {
    const char* symbol;
    Op op;
    int level;
  };
  Expr binary(int level) {
    static constexpr Operator operators[] = {
        {" | ", Op::logical_or, 0},  {" & ", Op::logical_and, 1}, {" < ", Op::less, 2},
        {" <= ", Op::less_equal, 2}, {" > ", Op::greater, 2},     {" >= ", Op::greater_equal, 2},
        {" == ", Op::equal, 2},      {" != ", Op::not_equal, 2},  {" + ", Op::add, 3},
        {" - ", Op::subtract, 3},    {" * ", Op::multiply, 4},    {" / ", Op::divide, 4}};
    if (level == 5) return unary();
    Expr left = binary(level + 1);
    for (;;) {
      const Operator* found = nullptr;
      for (const Operator& candidate : operators) {
        if (candidate.level == level && std::string_view(at_).starts_with(candidate.symbol)) found = &candidate;
      }
      if (!found) return left;
      at_ += std::string_view(found->symbol).size();
      left = Expr::apply(found->op, left, binary(level + 1));
    }
  }
  bool accept(char symbol) {
    if (*at_ != symbol) return false;
    ++at_;
    return true;
  }
  Expr unary() {
    if (accept('-')) return -unary();
    if (accept('!')) return !unary();
    const Expr base = atom();
    return accept('^') ? pow(base, unary()) : base;
  }
  Expr atom() {
    if (accept('(')) {
      const Expr inside = binary(0);
      EXPECT_TRUE(accept(')'));
      return inside;
    }
    if (std::isdigit(static_cast<unsigned char>(*at_))) {
      char* end = nullptr;
      const double value = std::strtod(at_, &end);
      at_ = end;
      return value;
    }
    std::string name;
    while (std::isalnum(static_cast<unsigned char>(*at_)) || *at_ == '_') name += *at_++;
    if (!accept('(')) return Expr::input(name[0] - 'a', name);
    std::vector<Expr> arguments;
    do {
      while (accept(' ')) {
      }
      arguments.push_back(binary(0));
    } while (accept(','));
    EXPECT_TRUE(accept(')'));
    return call(name, arguments);
  }
  static Expr call(const std::string& name, const std::vector<Expr>& arguments) {
    static const std::map<std::string, Op> functions = {
#define PERDITA_NAME(name) {#name, Op::name},
        PERDITA_UNARY_FUNCTIONS(PERDITA_NAME) PERDITA_BINARY_FUNCTIONS(PERDITA_NAME)
#undef PERDITA_NAME
            {"select", Op::select}};
    const auto found = functions.find(name);
    if (found == functions.end() || static_cast<std::size_t>(arity(found->second)) != arguments.size()) {
      ADD_FAILURE() << "cannot call " << name;
      return 0.0;
    }
    if (arguments.size() == 1) return Expr::apply(found->second, arguments[0]);
    if (arguments.size() == 2) return Expr::apply(found->second, arguments[0], arguments[1]);
    return Expr::apply(found->second, arguments[0], arguments[1], arguments[2]);
  }
  const char* at_;
};

bool same(const Expr& a, const Expr& b) {
  if (a.op() != b.op()) return false;
  if (a.op() == Op::constant) return std::bit_cast<std::uint64_t>(a.value()) == std::bit_cast<std::uint64_t>(b.value());
  if (a.op() == Op::input) return a.index() == b.index() && a.name() == b.name();
  for (int k = 0; k < arity(a.op()); ++k) {
    if (!same(a.operand(k), b.operand(k))) return false;
  }
  return true;
}

const Expr a = Expr::input(0, "a"), b = Expr::input(1, "b"), c = Expr::input(2, "c");

TEST(ExprText, HasNoParenthesesToSpare) {
  EXPECT_EQ(to_text(a + b * c), "a + b * c");
  EXPECT_EQ(to_text((a + b) * c), "(a + b) * c");
  EXPECT_EQ(to_text(a - (b - c)), "a - (b - c)");
  EXPECT_EQ(to_text((a - b) - c), "a - b - c");
  EXPECT_EQ(to_text(a + (b + c)), "a + (b + c)");
  EXPECT_EQ(to_text(a / (b * c)), "a / (b * c)");
  EXPECT_EQ(to_text(-(a * b)), "-(a * b)");
  EXPECT_EQ(to_text(-a * b), "-a * b");
  EXPECT_EQ(to_text(-square(a)), "-a^2");
  EXPECT_EQ(to_text(square(-a)), "(-a)^2");
  EXPECT_EQ(to_text(pow(a, -b)), "a^(-b)");
  EXPECT_EQ(to_text(pow(pow(a, b), c)), "(a^b)^c");
  EXPECT_EQ(to_text(pow(a, pow(b, c))), "a^b^c");
  EXPECT_EQ(to_text(pow(Expr(-2.0), a)), "(-2)^a");
  EXPECT_EQ(to_text(((!(a < b)) & (b > c)) | (a == c)), "!(a < b) & b > c | a == c");
  EXPECT_EQ(to_text((a < b) < c), "(a < b) < c");
  EXPECT_EQ(to_text(max(a, 0.0) - a * b + log1p(exp(-abs(a)))), "max(a, 0) - a * b + log1p(exp(-abs(a)))");
  EXPECT_EQ(to_text(select(a < 1.0, square(a), 2.0 * a - 1.0)), "select(a < 1, a^2, 2 * a - 1)");
}

TEST(ExprText, ConstantsHaveTheirShortestDigits) {
  EXPECT_EQ(to_text(Expr(0.1)), "0.1");
  EXPECT_EQ(to_text(Expr(1e-7) * a), "1e-07 * a");
  EXPECT_EQ(to_text(Expr(-0.5) * a), "-0.5 * a");
  EXPECT_EQ(to_text(Expr(std::numeric_limits<double>::infinity())), "inf");
}

TEST(ExprText, IsReadBackAsTheSameGraph) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Expr formula = test::random_formula(seed, 8);
    const std::string text = to_text(formula);
    ASSERT_TRUE(same(Reader(text).read(), formula)) << "seed " << seed << ": " << text;
  }
}

TEST(ExprLatex, ReadsAsMathematics) {
  EXPECT_EQ(to_latex(a / (b + c)), "\\frac{a}{b + c}");
  EXPECT_EQ(to_latex(square(a / b)), "\\left(\\frac{a}{b}\\right)^{2}");
  EXPECT_EQ(to_latex(sqrt(abs(a))), "\\sqrt{\\left|a\\right|}");
  EXPECT_EQ(to_latex(exp(-a)), "e^{-a}");
  EXPECT_EQ(to_latex(square(log(a))), "\\left(\\log\\left(a\\right)\\right)^{2}");
  EXPECT_EQ(to_latex(a * 2.0), "a \\cdot 2");
  EXPECT_EQ(to_latex(2.0 * a * b), "2 \\, a \\, b");
  EXPECT_EQ(to_latex(a * (b + c)), "a \\, \\left(b + c\\right)");
  EXPECT_EQ(to_latex(a <= b), "a \\le b");
  EXPECT_EQ(to_latex(1e-7 * a), "10^{-7} \\, a");
  EXPECT_EQ(to_latex(select(a < b, a, 1.5e9)),
            "\\begin{cases} a & \\text{if } a < b \\\\ 1500000000 & \\text{otherwise} \\end{cases}");
  EXPECT_EQ(to_latex(zero_unless(a < b, c)), "\\left[a < b\\right] \\, c");
}

TEST(ExprLatex, NamesBecomeSymbols) {
  EXPECT_EQ(to_latex(Expr::input(0, "delta")), "\\delta");
  EXPECT_EQ(to_latex(Expr::input(0, "y_12")), "y_{12}");
  EXPECT_EQ(to_latex(Expr::input(0, "pos_weight")), "\\mathrm{pos\\_weight}");
}

TEST(ExprLatex, BracesBalance) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const std::string latex = to_latex(test::random_formula(seed, 8));
    int depth = 0, left = 0;
    for (std::size_t i = 0; i < latex.size(); ++i) {
      depth += latex[i] == '{' ? 1 : latex[i] == '}' ? -1 : 0;
      left += latex.compare(i, 5, "\\left") == 0 ? 1 : latex.compare(i, 6, "\\right") == 0 ? -1 : 0;
      ASSERT_GE(depth, 0);
    }
    EXPECT_EQ(depth, 0) << latex;
    EXPECT_EQ(left, 0) << latex;
  }
}

}  // namespace
}  // namespace perdita
