// The partial likelihood, against its definition as loops and values of other packages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "functional/refusal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using Numbers = std::vector<double>;

// Eight samples with tied and censored times; values of torchsurv 0.2.0 and statsmodels 0.15.0.
const Numbers hazards{0.3, -0.5, 0.8, 0.1, -1.2, 0.4, 0.0, 0.6}, times{5, 3, 3, 8, 3, 1, 8, 2},
    events{1, 1, 1, 0, 0, 1, 1, 0};
const std::vector<std::int64_t> strata{0, 0, 0, 0, 1, 1, 1, 1};

Tensor of(const Numbers& numbers) { return Tensor::from(numbers); }

struct Problem {
  Numbers h, time, event, weight;
  std::vector<std::int64_t> stratum;
  bool efron;
};

/// The loss of each sample, by its definition.
Numbers defined(const Problem& p) {
  Numbers losses(p.h.size());
  for (std::size_t i = 0; i < p.h.size(); ++i) {
    if (p.event[i] == 0) continue;
    double at_risk = 0, tied = 0, count = 0;
    for (std::size_t j = 0; j < p.h.size(); ++j) {
      if (p.stratum[j] != p.stratum[i] || p.time[j] < p.time[i]) continue;
      const double term = p.weight[j] * std::exp(p.h[j]);
      at_risk += term;
      if (p.time[j] == p.time[i] && p.event[j] == 1) tied += term, ++count;
    }
    double mean = 0;
    for (double l = 0; l < count; ++l) mean += std::log(at_risk - (p.efron ? l / count * tied : 0.0)) / count;
    losses[i] = p.weight[i] * (mean - p.h[i]);
  }
  return losses;
}

Problem drawn(std::uint64_t seed, std::int64_t count, bool efron) {
  const auto integers = [&](std::uint64_t stream, double range) {
    Numbers values = (Tensor::rand({count}, seed, stream, DType::float64) * range).to_vector<double>();
    for (double& value : values) value = std::floor(value);
    return values;
  };
  const Numbers groups = integers(3, 3);
  return {.h = Tensor::randn({count}, seed, 0, DType::float64).to_vector<double>(),
          .time = integers(1, 5),
          .event = integers(2, 2),
          .weight = (Tensor::rand({count}, seed, 4, DType::float64) + 0.25).to_vector<double>(),
          .stratum = {groups.begin(), groups.end()},
          .efron = efron};
}

Tensor loss_of(const Problem& p, const Tensor& h, const LossOptions& options) {
  return F::cox_loss(h, of(p.time), of(p.event), Tensor::from(p.stratum),
                     Cox{.ties = p.efron ? Ties::efron : Ties::breslow}, options);
}

TEST(Cox, HasTheValuesOfOtherPackages) {
  const Tensor h = of(hazards), t = of(times), e = of(events);
  const LossOptions sum{.reduction = Reduction::sum};
  EXPECT_NEAR(F::cox_loss(h, t, e, sum).item(), 6.805592964, 1e-9);
  EXPECT_NEAR(F::cox_loss(h, t, e, Cox{.ties = Ties::breslow}, sum).item(), 7.047577956, 1e-9);
  EXPECT_NEAR(F::cox_loss(h, t, e).item(), 1.3611185928928, 1e-12);
  EXPECT_NEAR(F::cox_loss(h, t, e, Tensor::from(strata), sum).item(), 4.446280513675, 1e-12);
  const Tensor without_ties = of({5, 3, 3.5, 8, 2.5, 1, 9, 2});
  EXPECT_NEAR(F::cox_loss(h, without_ties, e, Cox{.ties = Ties::breslow}, sum).item(), 6.108143775, 1e-9);
  EXPECT_NEAR(F::cox_loss(of({500, -500, 300, -2}), of({4, 3, 2, 1}), of({1, 1, 1, 1}), sum).item(), 1702.0, 1e-9);
}

TEST(Cox, IsItsDefinition) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (bool efron : {true, false}) {
      const Problem p = drawn(seed, 23, efron);
      const Numbers expected = defined(p);
      const LossOptions options{.weight = of(p.weight), .reduction = Reduction::none};
      const Numbers found = loss_of(p, of(p.h), options).to_vector<double>();
      for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << "seed " << seed;
    }
  }
}

TEST(Cox, GradientsAgreeWithDifferences) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      const Problem p = drawn(seed, 9, seed % 2 == 0);
      const Tensor upstream = Tensor::randn({9}, seed, 7, DType::float64);
      const auto call = [&](const std::vector<Tensor>& x) {
        const Tensor loss = loss_of(p, x[0], {.weight = x.size() > 1 ? x[1] : of(p.weight), .reduction = reduction});
        return loss.rank() > 0 ? loss * upstream : loss;
      };
      Tensor h = of(p.h), weight = of(p.weight);
      h.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {h}, {.second_order = true}), "") << "seed " << seed;
      weight.set_requires_grad();
      EXPECT_EQ(check_gradient(call, {h, weight}), "") << "seed " << seed;
    }
  }
}

TEST(Cox, MeansOverWeightsHaveTheGradientOfTheirDenominator) {
  for (bool efron : {true, false}) {
    const Problem p = drawn(2, 9, efron);
    Tensor h = of(p.h), weight = of(p.weight);
    h.set_requires_grad();
    weight.set_requires_grad();
    const auto call = [&](const std::vector<Tensor>& x) {
      return loss_of(p, x[0], {.weight = x[1], .normalize_by = Normalize::weight_sum});
    };
    EXPECT_EQ(check_gradient(call, {h, weight}, {.second_order = true}), "");
  }
}

TEST(Cox, GradientsAddUpToZeroAndMatchThoseOfOtherPackages) {
  Tensor h = of(hazards);
  h.set_requires_grad();
  F::cox_loss(h, of(times), of(events)).backward();
  const Numbers expected{-0.001423947254234, -0.15761064769991, -0.044460890862734, 0.26757615870358,
                         0.026873190933506,  -0.16986894188162, 0.042112920569329,  0.036802157492077};
  const Numbers found = h.grad().to_vector<double>();
  double total = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-13);
    total += found[i];
  }
  EXPECT_NEAR(total, 0, 1e-15);
}

TEST(Cox, OfFloatsKeepsTheirDigits) {
  const Problem p = drawn(5, 400, true);
  const Tensor h = of(p.h).to(DType::float32);
  Problem rounded = p;
  rounded.h = h.to(DType::float64).to_vector<double>();
  double expected = 0, count = 0;
  rounded.weight.assign(400, 1.0);
  for (double loss : defined(rounded)) expected += loss;
  for (double event : p.event) count += event;
  EXPECT_NEAR(loss_of(p, h, {}).item(), expected / count, 1e-6);
}

TEST(Cox, WithoutEventsIsZeroAndOfNothingIsNaN) {
  Tensor h = of({0.5, 1.0});
  h.set_requires_grad();
  LossExtras extras;
  const Tensor loss = F::cox_loss(h, of({1, 2}), of({0, 0}), {.extras = &extras});
  EXPECT_EQ(loss.item(), 0);
  EXPECT_EQ(extras.denominator, 0);
  loss.backward();
  EXPECT_EQ(h.grad().to_vector<double>(), (Numbers{0, 0}));
  EXPECT_TRUE(std::isnan(F::cox_loss(of({}), of({}), of({})).item()));
  EXPECT_EQ(F::cox_loss(of({0.5}), of({1}), of({1})).item(), 0);  // no other sample is at risk
}

TEST(Cox, DividesByWhatIsNamed) {
  const Problem p = drawn(3, 12, true);
  const double total = loss_of(p, of(p.h), {.weight = of(p.weight), .reduction = Reduction::sum}).item();
  double count = 0, weights = 0;
  for (std::size_t i = 0; i < p.event.size(); ++i) count += p.event[i], weights += p.event[i] * p.weight[i];
  const auto mean = [&](Normalize by) {
    return loss_of(p, of(p.h), {.weight = of(p.weight), .normalize_by = by}).item();
  };
  EXPECT_NEAR(mean(Normalize::standard), total / count, 1e-14);
  EXPECT_NEAR(mean(Normalize::weight_sum), total / weights, 1e-14);
  EXPECT_NEAR(mean(Normalize::batch), total / 12, 1e-14);
}

TEST(Cox, InfiniteHazards) {
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor h = of({0.5, -infinity, 0.25});
  h.set_requires_grad();
  const Tensor loss = F::cox_loss(h, of({1, 2, 3}), of({1, 0, 1}), {.reduction = Reduction::sum});
  EXPECT_NEAR(loss.item(), std::log1p(std::exp(-0.25)), 1e-15);  // a sample that is never at risk changes nothing
  loss.backward();
  EXPECT_EQ(h.grad().to_vector<double>()[1], 0);
  EXPECT_EQ(F::cox_loss(of({-infinity, 0}), of({1, 2}), of({1, 0})).item(), infinity);
  EXPECT_TRUE(std::isnan(F::cox_loss(of({std::nan(""), 0}), of({1, 2}), of({1, 0})).item()));
}

TEST(Cox, RefusesWhatItCannotUse) {
  const Tensor h = of(hazards), t = of(times), e = of(events);
  EXPECT_EQ(refusal<ShapeError>([&] { F::cox_loss(h, of({1}), e); }),
            "cox_loss: time has shape [1], but input has [8] (valid: the same)");
  EXPECT_EQ(refusal<ShapeError>([&] {
              F::cox_loss(h.reshape({2, 4}), t, e);
            }),
            "cox_loss: input has shape [2, 4] (valid: [N])");
  EXPECT_EQ(refusal<ValueError>([&] { F::cox_loss(h, t, e * 0.5); }), "cox_loss: event[0] is 0.5 (valid: 0 or 1)");
  EXPECT_EQ(refusal<ValueError>([&] { F::cox_loss(h, t * std::nan(""), e); }),
            "cox_loss: time[0] is nan (valid: numbers)");
  EXPECT_EQ(refusal<DTypeError>([&] { F::cox_loss(h, t, e, t); }),
            "cox_loss: strata holds float64 (valid: int64, int32, uint8)");
  EXPECT_EQ(refusal<ValueError>([&] { F::cox_loss(h, t, e, {.weight = -e}); }),
            "cox_loss: weight[0] is -1 (valid: 0 or more)");
  EXPECT_EQ(refusal<ValueError>([&] {
              F::call(parse_loss("cox"), {h, t});
            }),
            "cox_loss: got 2 operands (valid: input, time, event, strata, weight)");
  EXPECT_EQ(refusal<ValueError>([&] { parse_loss("cox:ties=efro"); }),
            "loss cox: ties is 'efro' (valid: efron or breslow); did you mean 'efron'?");
  EXPECT_EQ(to_string(parse_loss("cox:ties=breslow")), "cox:ties=breslow");
}

TEST(Cox, IsConvexAndBoundedInItsSlope) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Problem p = drawn(seed, 8, seed % 2 == 0);
    const Tensor a = Tensor::randn({8}, seed, 8, DType::float64) * 5.0, b = Tensor::randn({8}, seed, 9, DType::float64);
    const LossOptions sum{.reduction = Reduction::sum};
    const double middle = loss_of(p, (a + b) * 0.5, sum).item();
    EXPECT_LE(middle, 0.5 * (loss_of(p, a, sum).item() + loss_of(p, b, sum).item()) + 1e-12) << "seed " << seed;
  }
}

}  // namespace
}  // namespace perdita
