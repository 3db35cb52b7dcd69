// What losses of rows of classes claim (LossInfo::traits), checked on random rows; planted false claims must be found.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita {
namespace {

constexpr std::size_t classes = 4;
using Row = std::vector<double>;

struct Point {
  double value;
  Row gradient;
};

/// A loss of one row of logits (for nll_loss, of log-probabilities) and its label.
template <class Loss>
Point point_of(const Loss& loss, const Row& row, std::int64_t label) {
  const LossFunction<Loss> function(function_name<Loss>);
  const Tensor x = Tensor::from(row, {1, classes}).set_requires_grad();
  const Tensor target = Tensor::from({label});
  Tensor value;
  if constexpr (takes_class_counts(Loss::info))
    value = function(x, target, Tensor::from({600.0, 40.0, 3.0, 200.0}), loss);
  else
    value = function(x, target, loss);
  return {value.item(), grad(value, x).to_vector<double>()};
}

double size_of(const Row& row) {
  double size = 0;
  for (double x : row) size = std::max(size, std::abs(x));
  return size;
}
Row mixed(const Row& a, const Row& b, double share) {
  Row row(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) row[i] = share * a[i] + (1 - share) * b[i];
  return row;
}
Row times(Row row, double factor) {
  for (double& x : row) x *= factor;
  return row;
}
double apart(const Row& a, const Row& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

template <class Loss>
Row draw(std::mt19937& random) {
  const Interval& domain = Loss::info.input;
  std::uniform_real_distribution<double> inside(std::max(domain.low, -6.0), std::min(domain.high, 6.0));
  Row row(classes);
  for (double& x : row) x = inside(random);
  return row;
}

/// Whether the gradient jumps between a and b: the jump at a kink does not shrink with the interval.
template <class At>
bool has_jump(const At& at, Row low, Row high, std::int64_t label) {
  Row at_low = at(low, label).gradient, at_high = at(high, label).gradient;
  for (int step = 0; step < 32; ++step) {
    const Row middle = mixed(low, high, 0.5);
    Row at_middle = at(middle, label).gradient;
    const bool is_left = apart(at_low, at_middle) > apart(at_middle, at_high);
    (is_left ? high : low) = middle;
    (is_left ? at_high : at_low) = std::move(at_middle);
  }
  return apart(at_low, at_high) > 1e-4 * (1 + size_of(at_low));
}

constexpr auto as_it_is = [](Point point) { return point; };

/// Counts the random rows that contradict a claim about a loss whose points are changed so.
template <class Loss, class Change = decltype(as_it_is)>
int contradictions(const Loss& loss, Trait claim, const Change& change = as_it_is) {
  const auto at = [&](const Row& row, std::int64_t label) { return change(point_of(loss, row, label)); };
  std::mt19937 random(17);
  std::uniform_real_distribution<double> unit(0, 1);
  double steepest_inside = 0;
  for (int i = 0; i < 200; ++i) {
    const auto label = static_cast<std::int64_t>(random() % classes);
    steepest_inside = std::max(steepest_inside, size_of(at(draw<Loss>(random), label).gradient));
  }
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    const auto label = static_cast<std::int64_t>(random() % classes);
    const Row a = draw<Loss>(random), b = draw<Loss>(random);
    const double at_a = at(a, label).value, at_b = at(b, label).value, share = unit(random);
    const double tolerance = 1e-9 * (1 + std::abs(at_a) + std::abs(at_b));
    if (claim == Trait::convex)
      found += at(mixed(a, b, share), label).value > share * at_a + (1 - share) * at_b + tolerance;
    if (claim == Trait::lipschitz) found += size_of(at(times(a, 1e4), label).gradient) > 2 * steepest_inside;
    if (claim == Trait::never_negative) found += at_a < -tolerance;
    if (claim == Trait::smooth) found += has_jump(at, a, b, label);
  }
  return found;
}

/// Counts distributions of labels for which the expected loss is not least at their logarithms.
template <class Loss>
int improper(const Loss& loss) {
  int found = 0;
  for (const Row& p : {Row{0.25, 0.25, 0.25, 0.25}, Row{0.7, 0.1, 0.15, 0.05}, Row{0.01, 0.49, 0.3, 0.2}}) {
    Row logits(classes), expected(classes);
    std::transform(p.begin(), p.end(), logits.begin(), [](double x) { return std::log(x); });
    for (std::size_t k = 0; k < classes; ++k) {
      const Row gradient = point_of(loss, logits, static_cast<std::int64_t>(k)).gradient;
      for (std::size_t i = 0; i < classes; ++i) expected[i] += p[k] * gradient[i];
    }
    found += size_of(expected) > 1e-9;
  }
  return found;
}

TEST(ClassClaims, Hold) {
  int losses = 0;
  for_each_loss([&]<class Loss>(const Loss& loss) {
    if constexpr (is_of_class_rows(Loss::info)) {
      SCOPED_TRACE(Loss::info.name);
      EXPECT_FALSE(has(Loss::info.traits, Trait::symmetric));  // of rows this says nothing
      for (Trait claim : {Trait::convex, Trait::lipschitz, Trait::never_negative, Trait::smooth}) {
        if (has(Loss::info.traits, claim)) {
          EXPECT_EQ(contradictions(loss, claim), 0) << static_cast<unsigned>(claim);
        }
      }
      if (has(Loss::info.traits, Trait::proper)) {
        EXPECT_EQ(improper(loss), 0);
      }
      ++losses;
    }
  });
  EXPECT_GE(losses, 9);
}

TEST(ClassClaims, FalseOnesAreFound) {
  EXPECT_GT(contradictions(Focal{}, Trait::convex), 0);
  EXPECT_GT(contradictions(GeneralizedCrossEntropy{}, Trait::convex), 0);
  const auto lowered = [](Point point) { return Point{point.value - 0.5, point.gradient}; };
  const auto steeper = [](Point point) { return Point{point.value, times(point.gradient, point.value)}; };
  const auto stepped = [](Point point) {
    for (double& x : point.gradient) x = std::round(4 * x);
    return point;
  };
  EXPECT_GT(contradictions(CrossEntropy{}, Trait::never_negative, lowered), 0);
  EXPECT_GT(contradictions(CrossEntropy{}, Trait::lipschitz, steeper), 0);
  EXPECT_GT(contradictions(CrossEntropy{}, Trait::smooth, stepped), 0);
  EXPECT_GT(improper(Focal{}), 0);
  EXPECT_GT(improper(LogitAdjusted{}), 0);
  EXPECT_GT(improper(Ldam{}), 0);
}

}  // namespace
}  // namespace perdita
