// Gradients and second derivatives of losses of elements: against finite differences of the loss on plain doubles, in
// every layout, and for any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "losses/samples.hpp"
#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::boosting {
namespace {

using perdita::testing::draw_input;
using perdita::testing::draw_target;
using perdita::testing::value_at;

bool is_of_scores(const AnyLoss& loss) {
  try {
    return score_kind_of(loss) != ScoreKind::classes;
  } catch (const ValueError&) {
    return false;
  }
}

struct Derivatives {
  double first, second;
};

/// Differences of the value, of fourth order.
template <class Loss>
Derivatives differences(const Loss& loss, double y, double t) {
  const double step = 2e-3;
  const auto at = [&](double k) { return value_at(loss, y + k * step, t); };
  return {(at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step),
          (-at(-2) + 16 * at(-1) - 30 * at(0) + 16 * at(1) - at(2)) / (12 * step * step)};
}

/// Whether the loss has no kink near y: differences of two steps agree.
template <class Loss>
bool is_smooth_near(const Loss& loss, double y, double t) {
  const auto slope = [&](double x) { return perdita::testing::slope_at(loss, x, t); };
  const double step = 4e-3, left = (slope(y) - slope(y - step)) / step, right = (slope(y + step) - slope(y)) / step;
  return std::abs(left - right) < 0.05 * (1 + std::abs(left) + std::abs(right));
}

struct Pairs {
  std::vector<double> y, t, w, g, h;
  ElementPairs<double, double> view() {
    return {{y.data()}, {t.data()}, {w.empty() ? nullptr : w.data()}, {g.data()}, {h.data()}, std::ssize(y)};
  }
};

template <class Loss>
Pairs sample(const Loss& loss, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Pairs pairs;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.y.push_back(draw_input(loss, random));
    double target = draw_target(loss, random);
    while (!target_domain(loss).contains(target)) target = draw_target(loss, random);  // rounded out of the domain
    pairs.t.push_back(target);
  }
  pairs.g.resize(count), pairs.h.resize(count);
  return pairs;
}

TEST(ElementPairs, AreTheDerivativesOfEveryLoss) {
  int losses = 0;
  for_each_elementwise_loss([&](auto prototype) {
    using Loss = decltype(prototype);
    for (const Loss& loss : perdita::testing::variants<Loss>()) {
      if (!is_of_scores({.loss = loss})) continue;
      ++losses;
      SCOPED_TRACE(to_string(AnyLoss{.loss = loss}) + ", seed 5");
      Pairs pairs = sample(loss, 300, 5);
      element_pairs(AnyLoss{.loss = loss}, pairs.view(), {.hessian = Hessian::exact, .least = 1e-300});
      for (std::size_t i = 0; i < pairs.y.size(); ++i) {
        if (!is_smooth_near(loss, pairs.y[i], pairs.t[i])) continue;
        const auto [first, second] = differences(loss, pairs.y[i], pairs.t[i]);
        EXPECT_NEAR(pairs.g[i], first, 1e-6 * (1 + std::abs(first))) << "y " << pairs.y[i] << " t " << pairs.t[i];
        // Differences of a steep loss, such as mape of a target of 0, are rounded themselves.
        EXPECT_NEAR(pairs.h[i], std::max(second, 0.0), 2e-4 * (1 + std::abs(second)) + 1e-8 * std::abs(first))
            << "y " << pairs.y[i] << " t " << pairs.t[i];
      }
    }
  });
  EXPECT_GT(losses, 12);
}

TEST(ElementPairs, AreTheDerivativesOfText) {
  const AnyLoss loss = parse_loss("formula: log_cosh(y - t) + 0.25 * y^2");
  Pairs pairs = sample(Mse{}, 100, 6);
  element_pairs(loss, pairs.view(), {.hessian = Hessian::exact});
  for (std::size_t i = 0; i < pairs.y.size(); ++i) {
    const double slope = std::tanh(pairs.y[i] - pairs.t[i]);
    EXPECT_NEAR(pairs.g[i], slope + 0.5 * pairs.y[i], 1e-12);
    EXPECT_NEAR(pairs.h[i], 1 - slope * slope + 0.5, 1e-12);
  }
}

TEST(ElementPairs, OfALossOfClassesAreThoseOfTwoClasses) {
  const double gamma = 2;
  const AnyLoss loss = parse_loss("focal:gamma=2");
  Pairs pairs{.y = {-30, -3, -0.5, 0, 0.5, 3, 30}, .t = {1, 0, 1, 1, 0, 1, 0}, .w = {}, .g = {}, .h = {}};
  pairs.g.resize(7), pairs.h.resize(7);
  element_pairs(loss, pairs.view(), {.hessian = Hessian::gauss_newton});
  for (std::size_t i = 0; i < 7; ++i) {
    const double s = pairs.t[i] == 1 ? pairs.y[i] : -pairs.y[i];
    const double p = 1 / (1 + std::exp(-s)), q = 1 / (1 + std::exp(s)), u = -std::log1p(std::exp(-s));
    const double slope = gamma * q * p * u - q * q;  // of f(u) = -(1 - e^u)^2 u
    EXPECT_NEAR(pairs.g[i], (pairs.t[i] == 1 ? 1 : -1) * slope * q, 1e-12) << i;
    EXPECT_NEAR(pairs.h[i], std::max(-slope * p * q, 1e-16), 1e-12) << i;
  }
}

TEST(ElementPairs, MultiplyWeightsAfterTheLeastHessian) {
  Pairs pairs{.y = {0.5, 8, -2}, .t = {0, 0, 0}, .w = {2, 50, 0}, .g = {}, .h = {}};
  pairs.g.resize(3), pairs.h.resize(3);
  const PairReport report =
      element_pairs(parse_loss("huber"), pairs.view(), {.hessian = Hessian::exact, .least = 0.125});
  EXPECT_EQ(pairs.g, (std::vector<double>{1, 50, 0}));
  EXPECT_EQ(pairs.h, (std::vector<double>{2, 0.125 * 50, 0}));
  EXPECT_EQ(report.clipped, 2);
  EXPECT_EQ(report.count, 3);
  EXPECT_EQ(report.not_finite, -1);
}

TEST(ElementPairs, HaveOneResultInEveryLayoutAndForAnyNumberOfThreads) {
  const AnyLoss loss = parse_loss("binary_focal:gamma=1.5");
  std::mt19937 random(9);
  const std::size_t count = 40000 + 7;
  std::vector<double> y(3 * count), t(2 * count), w(count);
  for (std::size_t i = 0; i < count; ++i) {
    y[3 * i] = std::normal_distribution<double>(0, 3)(random);
    t[2 * i] = static_cast<double>(random() % 2);
    w[i] = std::uniform_real_distribution<double>(0, 2)(random);
  }
  const auto compute = [&](int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    std::vector<float> pairs(2 * count);
    element_pairs<double, float>(
        loss, {{y.data(), 3}, {t.data(), 2}, {w.data()}, {pairs.data(), 2}, {pairs.data() + 1, 2}, std::ssize(w)}, {});
    set_num_threads(before);
    return pairs;
  };
  const std::vector<float> interleaved = compute(1);
  EXPECT_EQ(interleaved, compute(3));
  Pairs dense{.y = std::vector<double>(count), .t = std::vector<double>(count), .w = w, .g = {}, .h = {}};
  for (std::size_t i = 0; i < count; ++i) dense.y[i] = y[3 * i], dense.t[i] = t[2 * i];
  dense.g.resize(count), dense.h.resize(count);
  element_pairs(loss, dense.view(), {});
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(interleaved[2 * i], static_cast<float>(dense.g[i])) << i;
    ASSERT_EQ(interleaved[2 * i + 1], static_cast<float>(dense.h[i])) << i;
  }
  const LossSums sums = element_sums<double>(loss, {{y.data(), 3}, {t.data(), 2}, {w.data()}, {}, {}, std::ssize(w)});
  EXPECT_NEAR(sums.first, std::accumulate(dense.g.begin(), dense.g.end(), 0.0), 1e-9 * static_cast<double>(count));
}

TEST(ElementPairs, NameTheFirstBadElement) {
  Pairs pairs = sample(Mse{}, 600, 1);
  for (double& target : pairs.t) target = 0;
  pairs.t[555] = 0.5;
  const auto message = [&](const char* loss, Hessian policy = Hessian::automatic) -> std::string {
    try {
      element_pairs(parse_loss(loss), pairs.view(), {.hessian = policy});
    } catch (const ValueError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(message("focal"), "loss focal: target[555] is 0.5 (valid: 0 or 1)");
  EXPECT_EQ(message("soft_margin"), "loss soft_margin: target[0] is 0 (valid: -1 or 1)");
  pairs.t[555] = std::nan("");
  EXPECT_EQ(message("mse"), "loss mse: target[555] is nan (valid: finite, any number)");
  pairs.t[555] = -1;
  EXPECT_NE(message("poisson_nll").find("target[555] is -1"), std::string::npos);
  EXPECT_NE(message("mse", Hessian::friedman).find("valid: auto, exact"), std::string::npos);
  EXPECT_THROW(element_pairs(parse_loss("mse"), pairs.view(), {.least = 0}), ValueError);
  EXPECT_THROW(element_pairs(parse_loss("ldam"), pairs.view(), {}), ShapeError);
  EXPECT_NE(message("binary_cross_entropy").find("not a raw score"), std::string::npos);
  pairs.y[70] = std::nan("");
  EXPECT_EQ(element_pairs(parse_loss("mse"), pairs.view(), {}).not_finite, 70);
}

}  // namespace
}  // namespace perdita::boosting
