#include "perdita/rewriting/reference.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <map>
#include <memory>

#include "perdita/expr/order.hpp"
#include "perdita/rewriting/wide_interval.hpp"

namespace perdita::rewriting {

namespace {

/// An operation on earlier ones.
struct Step {
  Op op;
  std::array<int, 3> operands;
  double constant;
  int input;

  auto operator<=>(const Step&) const = default;
};

/// The operations of formulas, in order; equal ones are one.
class Steps {
 public:
  explicit Steps(std::span<const Expr> formulas) {
    const ExprOrder order(formulas);
    std::map<Step, int> known;
    std::vector<int> numbers;  // of the nodes in the order
    for (int i = 0; i < order.size(); ++i) {
      Step step{order[i].op(), {-1, -1, -1}, 0, -1};
      for (int k = 0; k < arity(step.op); ++k)
        step.operands[static_cast<std::size_t>(k)] = numbers[static_cast<std::size_t>(order.operand(i, k))];
      if (step.op == Op::constant) step.constant = order[i].value();
      if (step.op == Op::input) step.input = order[i].index();
      if (std::isnan(step.constant)) step.operands[0] = i;  // equal to nothing
      const auto [found, is_new] = known.try_emplace(step, size());
      if (is_new) steps_.push_back(step);
      numbers.push_back(found->second);
    }
    for (const Expr& formula : formulas) results_.push_back(numbers[static_cast<std::size_t>(order.position(formula))]);
  }

  int size() const { return static_cast<int>(steps_.size()); }
  const Step& operator[](int i) const { return steps_[static_cast<std::size_t>(i)]; }
  /// The steps that compute the formulas.
  const std::vector<int>& results() const { return results_; }

 private:
  std::vector<Step> steps_;
  std::vector<int> results_;
};

/// Formulas at one point, with a number of bits.
class PointEvaluation {
 public:
  PointEvaluation(const Steps& steps, int bits)
      : steps_(steps), values_(static_cast<std::size_t>(steps.size()), bits) {}

  void compute(const Points& points, std::size_t point) {
    for (int i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      const WideInterval out = (*this)[i];
      if (step.op == Op::input) {
        set(out, points.columns[static_cast<std::size_t>(step.input)][point]);
      } else if (step.op == Op::constant) {
        set_constant(out, step.constant);
      } else {
        std::array<WideInterval, 3> operands{};
        const auto count = static_cast<std::size_t>(arity(step.op));
        for (std::size_t k = 0; k < count; ++k) operands[k] = (*this)[step.operands[k]];
        apply(step.op, out, std::span(operands).first(count));
      }
    }
  }

  WideInterval operator[](int position) const { return values_[static_cast<std::size_t>(position)]; }

 private:
  const Steps& steps_;
  WideIntervals values_;
};

/// Formulas at one point, with as many bits as it takes.
class KnownValues {
 public:
  KnownValues(std::span<const Expr> formulas, int wanted_bits, int most_bits)
      : steps_(formulas), wanted_bits_(wanted_bits), most_bits_(most_bits) {}

  /// The intervals of the formulas; those that do not determine the wanted bits are unknown.
  std::span<const WideInterval> at(const Points& points, std::size_t point) {
    for (std::size_t level = 0;; ++level) {
      const int bits = (wanted_bits_ + 32) << level;
      if (levels_.size() == level) levels_.push_back(std::make_unique<PointEvaluation>(steps_, bits));
      PointEvaluation& values = *levels_[level];
      values.compute(points, point);
      const bool is_last = 2 * bits > most_bits_;
      if (!is_last && !std::ranges::all_of(steps_.results(), [&](int p) { return is_final(values[p], level); }))
        continue;
      found_.clear();
      for (const int position : steps_.results()) {
        found_.push_back(values[position]);
        if (!has_bits(found_.back(), wanted_bits_)) set_unknown(found_.back());
      }
      return found_;
    }
  }

 private:
  /// Whether more bits would not help: the value is known, or it is unknown even with more than the least number of
  /// bits, and then not defined.
  bool is_final(const WideInterval& value, std::size_t level) const {
    return has_bits(value, wanted_bits_) || (level > 0 && is_unknown(value));
  }

  Steps steps_;
  int wanted_bits_, most_bits_;
  std::vector<std::unique_ptr<PointEvaluation>> levels_;
  std::vector<WideInterval> found_;
};

}  // namespace

std::vector<std::vector<double>> exact_values(std::span<const Expr> formulas, const Points& points) {
  std::vector<std::vector<double>> values(formulas.size(), std::vector<double>(points.size()));
  KnownValues known(formulas, 64, 1536);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::span<const WideInterval> found = known.at(points, i);
    for (std::size_t k = 0; k < found.size(); ++k) values[k][i] = mpfr_get_d(found[k].low, MPFR_RNDN);
  }
  return values;
}

Comparison compare_values(const Expr& a, const Expr& b, const Points& points) {
  const std::array formulas{a, b};
  KnownValues known(formulas, 200, 928);
  Comparison comparison;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::span<const WideInterval> pair = known.at(points, i);
    if (is_unknown(pair[0]) || is_unknown(pair[1])) {
      comparison.only_first += !is_unknown(pair[0]);
      comparison.only_second += !is_unknown(pair[1]);
      continue;
    }
    ++comparison.compared;
    if (overlap(pair[0], pair[1])) continue;
    comparison.differs = i;
    break;
  }
  return comparison;
}

}  // namespace perdita::rewriting
