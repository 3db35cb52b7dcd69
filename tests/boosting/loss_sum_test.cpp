// Gradients and Hessians of sums of losses.
#include "perdita/boosting/loss_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace perdita::boosting {
namespace {

template <class T, class Out>
struct Results {
  std::vector<Out> gradient, hessian;
  PairReport report;
};

template <class T, class Out>
Results<T, Out> results_of(const char* text, const std::vector<T>& scores, const std::vector<T>& targets) {
  const auto count = std::ssize(scores);
  Results<T, Out> results{std::vector<Out>(scores.size()), std::vector<Out>(scores.size()), {}};
  results.report = element_pairs<T, Out>(parse_loss_sum(text),
                                         {.scores = {scores.data()},
                                          .targets = {targets.data()},
                                          .weights = {},
                                          .gradient = {results.gradient.data()},
                                          .hessian = {results.hessian.data()},
                                          .count = count},
                                         {});
  return results;
}

TEST(BoostedSum, APartOfWeight0ContributesNothing) {
  const std::vector<double> scores{1.0, 1e200}, targets{0.5, 1.0};  // the exponential of 1e200 is infinite
  const auto sum = results_of<double, double>("mse + 0*formula: exp(y - t)", scores, targets);
  const auto alone = results_of<double, double>("mse", scores, targets);
  EXPECT_EQ(sum.gradient, alone.gradient);
  EXPECT_EQ(sum.hessian, alone.hessian);
  EXPECT_EQ(sum.report.not_finite, -1);
}

TEST(BoostedSum, ReportsWhatIsInfiniteInTheOutput) {
  const std::vector<double> scores{1.0, 1e39}, targets{0.5, 1.0};  // 2e39 is not a float
  EXPECT_EQ((results_of<double, float>("mse", scores, targets).report.not_finite), 1);
  EXPECT_EQ((results_of<double, float>("0.5*mse + 0.5*mse", scores, targets).report.not_finite), 1);
  EXPECT_EQ((results_of<double, double>("0.5*mse + 0.5*mse", scores, targets).report.not_finite), -1);
}

}  // namespace
}  // namespace perdita::boosting
