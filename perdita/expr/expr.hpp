// Expr: a formula at run time. A number type like Pack: a generic lambda called with Expr arguments returns its own
// graph, and called with Dual<Expr> the graph of its derivative.
//
// Making an Expr simplifies it where the result is the same number: constants are folded (in double, by the functions
// that packs have), x + 0, x * 1, x / 1, -(-x), x + -y, pow(x, 0 | 1 | 2) and select with a known choice vanish. Only
// the sign of a zero may change (-0 + 0). x * 0 stays: it is NaN where x is not finite. (A derivative that is zero by
// construction never gets this far: see Zero in dual.hpp.) Common subexpressions are merged by Program.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/expr/ops.hpp"
#include "perdita/math/pack.hpp"

namespace perdita {

struct ExprNode;

/// A handle to an immutable node; copies share it. May be read from several threads.
class Expr {
 public:
  /// A constant. Implicit, so that literals and parameters may stand in formulas.
  Expr(double value);
  /// Operand `index` (from 0) of the formula. The name is for readers only: the index decides.
  static Expr input(int index, std::string name);
  /// The operation on these operands, simplified; arity(op) of them.
  static Expr apply(Op op, Expr a);
  static Expr apply(Op op, Expr a, Expr b);
  static Expr apply(Op op, Expr a, Expr b, Expr c);

  Expr(const Expr& other) noexcept : node_(other.node_) { retain(); }
  Expr(Expr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Expr& operator=(Expr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Expr() {
    if (node_) release();
  }

  inline Op op() const;
  /// The i-th of arity(op()) operands.
  inline const Expr& operand(int i) const;
  /// The number, where op() is constant.
  inline double value() const;
  /// Index and name, where op() is input.
  inline int index() const;
  const std::string& name() const;
  /// Whether this is a constant, and equal to number.
  inline bool is_constant(double number) const;
  /// Equal for copies of one handle: the node's identity.
  const void* id() const { return node_; }

  template <class U = double>
  explicit operator bool() const {
    static_assert(detail::always_false<U>,
                  "a formula is evaluated for many elements at once: write select(condition, a, b) instead of if, "
                  "?:, && or ||");
    return false;
  }

#define PERDITA_FUNCTION(name) \
  friend Expr name(Expr a) { return apply(Op::name, std::move(a)); }
  PERDITA_UNARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
#define PERDITA_FUNCTION(name) \
  friend Expr name(Expr a, Expr b) { return apply(Op::name, std::move(a), std::move(b)); }
  PERDITA_BINARY_FUNCTIONS(PERDITA_FUNCTION)
#undef PERDITA_FUNCTION
#define PERDITA_OPERATOR(name, symbol) \
  friend Expr operator symbol(Expr a) { return apply(Op::name, std::move(a)); }
  PERDITA_UNARY_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR
#define PERDITA_OPERATOR(name, symbol) \
  friend Expr operator symbol(Expr a, Expr b) { return apply(Op::name, std::move(a), std::move(b)); }
  PERDITA_ARITHMETIC_OPERATORS(PERDITA_OPERATOR)
  PERDITA_TRUTH_OPERATORS(PERDITA_OPERATOR)
#undef PERDITA_OPERATOR

  friend Expr select(Expr condition, Expr a, Expr b) {
    return apply(Op::select, std::move(condition), std::move(a), std::move(b));
  }
  friend Expr clamp(Expr x, Expr low, Expr high) {
    return clamp_max(clamp_min(std::move(x), std::move(low)), std::move(high));
  }
  friend Expr copy_sign(Expr magnitude, Expr s) { return flip_sign(abs(std::move(magnitude)), std::move(s)); }

 private:
  friend struct ExprNode;
  Expr() = default;
  explicit Expr(ExprNode* node) : node_(node) {}
  inline void retain() const;
  inline void release();
  ExprNode* node_ = nullptr;
};

/// What an Expr points to. Only Expr makes and changes it.
struct ExprNode {
  std::atomic<std::uint32_t> references{1};
  const Op op;
  union {
    double value;    // a constant's
    int index;       // an input's
    ExprNode* next;  // in the list of nodes that wait for destruction
  };
  std::array<Expr, 3> operands;

  explicit ExprNode(double constant) : op(Op::constant), value(constant), operands(none()) {}
  ExprNode(Op operation, Expr a) : op(operation), operands{std::move(a), Expr(), Expr()} {}
  ExprNode(Op operation, Expr a, Expr b) : op(operation), operands{std::move(a), std::move(b), Expr()} {}
  ExprNode(Op operation, Expr a, Expr b, Expr c) : op(operation), operands{std::move(a), std::move(b), std::move(c)} {}

  static void destroy(ExprNode* node);

 protected:
  struct Input {};
  ExprNode(Input, int input_index) : op(Op::input), index(input_index), operands(none()) {}
  static std::array<Expr, 3> none() { return {Expr(), Expr(), Expr()}; }
};

inline Op Expr::op() const { return node_->op; }
inline const Expr& Expr::operand(int i) const { return node_->operands[static_cast<std::size_t>(i)]; }
inline double Expr::value() const { return node_->value; }
inline int Expr::index() const { return node_->index; }
inline bool Expr::is_constant(double number) const { return op() == Op::constant && value() == number; }
inline void Expr::retain() const {
  if (node_) node_->references.fetch_add(1, std::memory_order_relaxed);
}
inline void Expr::release() {
  if (node_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) ExprNode::destroy(node_);
}

/// d(root)/d(wrt[i]) * upstream for every i, by reverse accumulation; 0 where root does not depend on it. The local
/// derivatives are the rules of dual.hpp. A member of `wrt` is an input, or the very node that occurs in root.
/// Throws GraphError where the rules have no derivative (trigamma).
std::vector<Expr> gradient(const Expr& root, const Expr& upstream, std::span<const Expr> wrt);

/// The formula in infix notation, `^` being the power: "max(y, 0) - y * t + log1p(exp(-abs(y)))". Read back by the same
/// precedences it gives the same graph, bit for bit. Throws ValueError where shared subexpressions, which text must
/// repeat, make it longer than a million operations.
std::string to_text(const Expr& expr);

/// The same as LaTeX, for math mode.
std::string to_latex(const Expr& expr);

/// "abs", "add", ...
std::string_view name_of(Op op);

}  // namespace perdita
