// The properties that losses claim, checked on random points; a planted false claim must be found.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace perdita {
namespace {

using testing::draw;
using testing::draw_target;
using testing::slope_at;
using testing::value_at;

/// Counts the random points that contradict a claim.
template <class Loss>
int contradictions(const Loss& loss, Trait claim, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  const Interval& domain = Loss::info.input;
  int found = 0;
  double steepest_inside = 0;
  for (int i = 0; i < 4000; ++i)
    steepest_inside =
        std::max(steepest_inside, std::abs(slope_at(loss, draw(domain, random), draw_target(loss, random))));
  for (int i = 0; i < 4000; ++i) {
    const double a = draw(domain, random), b = draw(domain, random), t = draw_target(loss, random), mix = unit(random);
    const double at_a = value_at(loss, a, t), at_b = value_at(loss, b, t);
    const double tolerance = 1e-9 * (1 + std::abs(at_a) + std::abs(at_b));
    switch (claim) {
      case Trait::convex:
        found += value_at(loss, mix * a + (1 - mix) * b, t) > mix * at_a + (1 - mix) * at_b + tolerance;
        break;
      case Trait::lipschitz:
        found += std::abs(slope_at(loss, 1e4 * a, t)) > 2 * steepest_inside;
        break;
      case Trait::symmetric:
        found += std::abs(value_at(loss, t + a, t) - value_at(loss, t - a, t)) > tolerance;
        break;
      case Trait::never_negative:
        found += at_a < -tolerance;
        break;
      case Trait::smooth: {
        // Bisects towards the largest jump of the slope between a and b: a kink's does not shrink with the interval.
        double low = a, high = b;
        for (int step = 0; step < 30; ++step) {
          const double middle = 0.5 * (low + high), s = slope_at(loss, middle, t);
          if (std::abs(s - slope_at(loss, low, t)) > std::abs(s - slope_at(loss, high, t)))
            high = middle;
          else
            low = middle;
        }
        found +=
            std::abs(slope_at(loss, high, t) - slope_at(loss, low, t)) > 1e-4 * (1 + std::abs(slope_at(loss, low, t)));
        break;
      }
      default:
        break;
    }
  }
  return found;
}

/// Counts the probabilities p for which the expected loss over two targets, the upper one with probability p, is not
/// least where it is to be: at their mean for a regression; at p, or its logit, for hard targets of a binary loss.
template <class Loss>
int improper(const Loss& loss) {
  int found = 0;
  const bool of_means = Loss::info.family == Family::regression;
  const double negative = of_means ? 1 : Loss::info.target.low, positive = of_means ? 3 : Loss::info.target.high;
  for (double p : {0.1, 0.3, 0.5, 0.85}) {
    const double logit = std::log(p / (1 - p)), mean = p * positive + (1 - p) * negative;
    const double best = of_means ? mean : Loss::info.input.high == 1 ? p : logit;
    const double slope = p * slope_at(loss, best, positive) + (1 - p) * slope_at(loss, best, negative);
    found += std::abs(slope) > 1e-9;
  }
  return found;
}

/// gaussian_nll with a variance, as a function of input and target.
struct GaussianNllOfVariance {
  static constexpr const LossInfo& info = GaussianNll::info;
  double variance = 0.7;

  auto operator()(auto y, auto t) const { return GaussianNll{}(y, t, testing::Real(variance)); }
};

template <class Loss>
void check_claims() {
  SCOPED_TRACE(Loss::info.name);
  for (Trait claim : {Trait::convex, Trait::lipschitz, Trait::symmetric, Trait::never_negative, Trait::smooth}) {
    if (has(Loss::info.traits, claim)) {
      EXPECT_EQ(contradictions(Loss{}, claim, 21), 0) << static_cast<unsigned>(claim);
    }
  }
  if (has(Loss::info.traits, Trait::proper)) {
    EXPECT_EQ(improper(Loss{}), 0);
  }
}

TEST(Claims, HoldForEveryLossOfElementsOrComparisons) {
  for_each_elementwise_loss([]<class Loss>(Loss) { check_claims<Loss>(); });
  for_each_loss([]<class Loss>(Loss) {
    using P = Pack<double, 1>;
    constexpr bool has_formula = std::is_invocable_v<const Loss&, P> || std::is_invocable_v<const Loss&, P, P>;
    if constexpr (compares_predictions(Loss::info) && has_formula) check_claims<Loss>();
  });
  check_claims<GaussianNllOfVariance>();
}

// What each trait must not be granted to.
TEST(Claims, FalseOnesAreFound) {
  EXPECT_GT(contradictions(BinaryFocal{}, Trait::convex, 1), 0);
  EXPECT_GT(contradictions(Mse{}, Trait::lipschitz, 1), 0);
  EXPECT_GT(contradictions(BinaryCrossEntropyWithLogits{}, Trait::symmetric, 1), 0);
  EXPECT_GT(contradictions(PoissonNll{}, Trait::never_negative, 1), 0);
  EXPECT_GT(contradictions(L1{}, Trait::smooth, 1), 0);
  EXPECT_GT(contradictions(HingeEmbedding{}, Trait::smooth, 1), 0);
  EXPECT_GT(contradictions(MultiMargin{.p = 2}, Trait::lipschitz, 1), 0);
  EXPECT_GT(contradictions(TripletMargin{}, Trait::smooth, 1), 0);
  EXPECT_GT(improper(BinaryFocal{}), 0);
  EXPECT_GT(improper(L1{}), 0);
  EXPECT_GT(improper(LogCosh{}), 0);
}

TEST(Catalogue, EntriesAreComplete) {
  for_each_loss([]<class Loss>(Loss) {
    EXPECT_FALSE(Loss::info.name.empty());
    EXPECT_GT(Loss::info.summary.size(), 10u) << Loss::info.name;
    EXPECT_GT(Loss::info.use_when.size(), 10u) << Loss::info.name;
    EXPECT_GT(Loss::info.avoid_when.size(), 10u) << Loss::info.name;
    EXPECT_GT(Loss::info.source.size(), 10u) << Loss::info.name;
    for (const auto& parameter : parameters_of<Loss>()) EXPECT_GT(parameter.meaning.size(), 5u) << Loss::info.name;
  });
}

}  // namespace
}  // namespace perdita
