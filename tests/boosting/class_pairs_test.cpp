// Gradients and Hessians of rows of classes, against the definitions as loops and finite differences of the loss.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::boosting {
namespace {

struct Rows {
  std::int64_t rows, classes;
  std::vector<double> z, w, g, h;
  std::vector<std::int32_t> labels;
  Rows(std::int64_t n, std::int64_t k, unsigned seed) : rows(n), classes(k) {
    std::mt19937 random(seed);
    for (std::int64_t i = 0; i < n * k; ++i) z.push_back(std::normal_distribution<double>(0, 2)(random));
    for (std::int64_t i = 0; i < n; ++i)
      labels.push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(k)));
    for (std::int64_t i = 0; i < n; ++i) w.push_back(std::uniform_real_distribution<double>(0.5, 2)(random));
    g.resize(z.size()), h.resize(z.size());
  }
  ClassPairs<double, double> view(bool has_weights = true) {
    return {{z.data(), classes, 1},
            {labels.data()},
            {has_weights ? w.data() : nullptr},
            {g.data(), classes, 1},
            {h.data(), classes, 1},
            rows,
            classes,
            {}};
  }
  double loss(const AnyLoss& any, const std::vector<double>& counts) {
    return class_sums<double>(any, {{z.data(), classes, 1}, {labels.data()}, {w.data()}, {}, {}, rows, classes, counts})
        .loss;
  }
};

/// The sum of the losses by its definition.
template <class OfLogProbability>
double defined_loss(const Rows& data, const OfLogProbability& term) {
  double sum = 0;
  for (std::int64_t i = 0; i < data.rows; ++i) {
    const double* z = data.z.data() + i * data.classes;
    long double total = 0;
    for (std::int64_t k = 0; k < data.classes; ++k) total += std::exp(static_cast<long double>(z[k]));
    const auto log_p = static_cast<double>(z[data.labels[static_cast<std::size_t>(i)]] - std::log(total));
    sum += data.w[static_cast<std::size_t>(i)] * term(log_p);
  }
  return sum;
}

TEST(ClassPairs, AreTheDerivativesOfEveryLoss) {
  const std::vector<double> counts{30, 5, 1, 100};
  for (const char* text :
       {"cross_entropy", "cross_entropy:label_smoothing=0.1", "focal", "focal:gamma=0.5,label_smoothing=0.2", "poly_1",
        "generalized_cross_entropy", "symmetric_cross_entropy", "balanced_softmax", "logit_adjusted:tau=0.5",
        "ldam:scale=2", "formula: -t * (1 - p)^2 * log_p", "formula: (p - t)^2"}) {
    SCOPED_TRACE(text);
    const AnyLoss loss = parse_loss(text);
    Rows data(9, 4, 3);
    ClassPairs<double, double> view = data.view();
    view.class_counts = counts;
    class_pairs(loss, view, {.hessian = Hessian::exact, .least = 1e-300});
    const double step = 1e-3;
    for (std::size_t i = 0; i < data.z.size(); ++i) {
      const double z = data.z[i];
      const auto at = [&](double k) {
        data.z[i] = z + k * step;
        return data.loss(loss, counts);
      };
      const double first = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step);
      const double second = (-at(-2) + 16 * at(-1) - 30 * at(0) + 16 * at(1) - at(2)) / (12 * step * step);
      data.z[i] = z;
      EXPECT_NEAR(data.g[i], first, 1e-8) << i;
      EXPECT_NEAR(data.h[i], std::max(second, 0.0), 1e-6) << i;
    }
  }
}

TEST(ClassPairs, LossesAreThoseOfTheDefinition) {
  Rows data(200, 5, 4);
  EXPECT_NEAR(data.loss(parse_loss("cross_entropy"), {}), defined_loss(data, [](double u) { return -u; }), 1e-10);
  EXPECT_NEAR(data.loss(parse_loss("focal:gamma=3"), {}),
              defined_loss(data, [](double u) { return -std::pow(1 - std::exp(u), 3) * u; }), 1e-10);
}

TEST(ClassPairs, LossesOfClassCountsAreThoseOfTheDefinition) {
  const std::vector<double> counts{30, 5, 1, 64};
  Rows data(100, 4, 5);
  const auto check = [&](const char* text, double scale, const auto& change) {
    Rows changed = data;
    for (std::size_t i = 0; i < changed.z.size(); ++i) {
      const bool is_own = changed.labels[i / 4] == static_cast<std::int32_t>(i % 4);
      changed.z[i] = scale * (changed.z[i] + change(counts[i % 4], is_own));
    }
    EXPECT_NEAR(data.loss(parse_loss(text), counts), defined_loss(changed, [](double u) { return -u; }), 1e-9) << text;
  };
  check("balanced_softmax", 1, [](double n, bool) { return std::log(n / 100); });
  check("logit_adjusted:tau=0.5", 1, [](double n, bool) { return 0.5 * std::log(n / 100); });
  // the rarest class has the largest margin
  check("ldam:scale=3,max_margin=0.4", 3,
        [](double n, bool is_own) { return is_own ? -0.4 / std::pow(n, 0.25) : 0.0; });
}

TEST(ClassPairs, PoliciesOfCrossEntropyAreThoseOfTheBoosters) {
  Rows data(50, 3, 7);
  const std::vector<std::pair<Hessian, double>> factors{{Hessian::exact, 1},
                                                        {Hessian::gauss_newton, 1},
                                                        {Hessian::bound, 2},
                                                        {Hessian::automatic, 2},
                                                        {Hessian::friedman, 1.5}};
  for (const auto& [policy, factor] : factors) {
    class_pairs(parse_loss("cross_entropy"), data.view(false), {.hessian = policy});
    for (std::int64_t i = 0; i < data.rows; ++i) {
      double total = 0;
      for (int k = 0; k < 3; ++k) total += std::exp(data.z[static_cast<std::size_t>(3 * i + k)]);
      for (int k = 0; k < 3; ++k) {
        const auto at = static_cast<std::size_t>(3 * i + k);
        const double p = std::exp(data.z[at]) / total;
        EXPECT_NEAR(data.g[at], p - (data.labels[static_cast<std::size_t>(i)] == k), 1e-14);
        EXPECT_NEAR(data.h[at], factor * p * (1 - p), 1e-14) << name_of(policy);
      }
    }
  }
}

TEST(ClassPairs, HaveOneResultInEveryLayoutAndForAnyNumberOfThreads) {
  for (const std::int64_t classes : {2, 3, 10, 300}) {
    Rows data(1003, classes, 11);
    const auto size = static_cast<std::int64_t>(data.z.size());
    std::vector<double> columns(data.z.size());
    for (std::int64_t i = 0; i < data.rows; ++i) {
      for (std::int64_t k = 0; k < classes; ++k)
        columns[static_cast<std::size_t>(k * data.rows + i)] = data.z[static_cast<std::size_t>(i * classes + k)];
    }
    const int before = num_threads();
    set_num_threads(1);
    class_pairs(parse_loss("focal"), data.view(), {});
    set_num_threads(4);
    std::vector<float> interleaved(2 * data.z.size());
    class_pairs<double, float>(parse_loss("focal"),
                               {{columns.data(), 1, data.rows},
                                {data.labels.data()},
                                {data.w.data()},
                                {interleaved.data(), 2, 2 * data.rows},
                                {interleaved.data() + 1, 2, 2 * data.rows},
                                data.rows,
                                classes,
                                {}},
                               {});
    set_num_threads(before);
    for (std::int64_t j = 0; j < size; ++j) {
      const std::int64_t at = j % classes * data.rows + j / classes;
      ASSERT_EQ(interleaved[static_cast<std::size_t>(2 * at)], static_cast<float>(data.g[static_cast<std::size_t>(j)]));
      ASSERT_EQ(interleaved[static_cast<std::size_t>(2 * at + 1)],
                static_cast<float>(data.h[static_cast<std::size_t>(j)]));
    }
  }
}

TEST(ClassPairs, NameTheFirstBadLabel) {
  Rows data(100, 3, 1);
  data.labels[70] = 3;
  const auto message = [&](const char* loss) -> std::string {
    try {
      class_pairs(parse_loss(loss), data.view(), {});
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(message("cross_entropy"), "loss cross_entropy: label[70] is 3 (valid: 0..2)");
  EXPECT_NE(message("balanced_softmax").find("class_counts has 0 numbers"), std::string::npos);
  EXPECT_NE(message("mse").find("one score per row"), std::string::npos);
}

}  // namespace
}  // namespace perdita::boosting
