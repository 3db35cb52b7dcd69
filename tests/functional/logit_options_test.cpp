// cross_entropy with z_loss and softcap, next to its definition in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/functional/functional.hpp"
#include "perdita/losses/span.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
constexpr double inf = std::numeric_limits<double>::infinity();

struct Expected {
  long double loss = 0;
  std::vector<long double> gradient;
};

/// The loss of a row whose target probabilities are t, and its gradient.
Expected expected_row(const std::vector<double>& logits, const std::vector<double>& t, const std::vector<double>& w,
                      const CrossEntropy& loss) {
  const std::size_t classes = logits.size();
  std::vector<long double> z(classes), slope(classes, 1);
  for (std::size_t k = 0; k < classes; ++k) {
    z[k] = logits[k];
    if (!std::isfinite(loss.softcap)) continue;
    const long double u = std::tanh(z[k] / static_cast<long double>(loss.softcap));
    z[k] = loss.softcap * u, slope[k] = 1 - u * u;
  }
  long double largest = -std::numeric_limits<long double>::infinity(), sum = 0, weight = 0;
  for (const long double x : z) largest = std::max(largest, x);
  for (const long double x : z) sum += std::exp(x - largest);
  const long double log_sum = largest + std::log(sum);
  Expected result{.loss = loss.z_loss * log_sum * log_sum, .gradient = std::vector<long double>(classes)};
  for (std::size_t k = 0; k < classes; ++k) {
    weight += static_cast<long double>(w[k]) * t[k];
    if (t[k] != 0) result.loss += static_cast<long double>(w[k]) * t[k] * (log_sum - z[k]);
  }
  for (std::size_t k = 0; k < classes; ++k) {
    const long double p = std::exp(z[k] - log_sum);
    result.gradient[k] = slope[k] * ((weight + 2 * loss.z_loss * log_sum) * p - static_cast<long double>(w[k]) * t[k]);
  }
  return result;
}

/// Rows [N, C] of logits with labels, of which row 1 is ignored.
struct Problem {
  std::int64_t rows, classes;
  Tensor logits = Tensor::randn({rows, classes}, 5, 0, DType::float64) * 4.0;
  std::vector<std::int64_t> labels = [&] {
    std::vector<std::int64_t> t(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::int64_t>(i * 7919) % classes;
    t[1] = -100;
    return t;
  }();
  std::vector<double> weights = [&] {
    std::vector<double> w(static_cast<std::size_t>(classes));
    for (std::size_t k = 0; k < w.size(); ++k) w[k] = 0.25 + static_cast<double>(k % 5);
    return w;
  }();

  Expected expected(const CrossEntropy& loss, double smoothing, bool weighted) const {
    const auto z = logits.to_vector<double>();
    Expected all;
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto first = z.begin() + i * classes;
      std::vector<double> t(static_cast<std::size_t>(classes), smoothing / static_cast<double>(classes));
      const std::int64_t label = labels[static_cast<std::size_t>(i)];
      if (label < 0) {
        all.gradient.insert(all.gradient.end(), t.size(), 0.0L);
        continue;
      }
      t[static_cast<std::size_t>(label)] += 1 - smoothing;
      const Expected row =
          expected_row({first, first + classes}, t, weighted ? weights : std::vector<double>(t.size(), 1.0), loss);
      all.loss += row.loss;
      all.gradient.insert(all.gradient.end(), row.gradient.begin(), row.gradient.end());
    }
    return all;
  }
};

void expect_near(const Tensor& found, const std::vector<long double>& expected, double tolerance) {
  const auto values = found.to(DType::float64).contiguous().to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], static_cast<double>(expected[i]), tolerance) << "element " << i;
}

constexpr CrossEntropy variants[] = {
    {.z_loss = 0.125}, {.softcap = 3}, {.z_loss = 1e-4, .softcap = 30}, {.z_loss = 2, .softcap = 0.5}};

// Few and many classes: the kernel of columns, and that of rows.
TEST(LogitOptions, ValueAndGradientOfRows) {
  for (const auto& [rows, classes] : {std::pair<std::int64_t, std::int64_t>{7, 3}, {19, 128}, {5, 129}, {6, 1000}}) {
    const Problem problem{rows, classes};
    for (const CrossEntropy& loss : variants) {
      for (const double smoothing : {0.0, 0.1}) {
        for (const bool weighted : {false, true}) {
          const Expected expected = problem.expected(loss, smoothing, weighted);
          const ClassOptions options{.weight = weighted ? Tensor::from(problem.weights) : Tensor(),
                                     .label_smoothing = smoothing,
                                     .reduction = Reduction::sum};
          for (const DType dtype : {DType::float64, DType::float32}) {
            const double tolerance = dtype == DType::float64 ? 1e-13 : 2e-5;
            const Tensor z = problem.logits.clone().to(dtype).detach().set_requires_grad();
            const Tensor value = F::cross_entropy(z, Tensor::from(problem.labels), loss, options);
            EXPECT_NEAR(value.item() / static_cast<double>(expected.loss), 1, tolerance) << classes << " classes";
            expect_near(grad(value, z), expected.gradient, dtype == DType::float64 ? 1e-13 : 1e-5);
          }
        }
      }
    }
  }
}

// Other layouts and types, and forms of the target, agree with dense rows.
TEST(LogitOptions, LayoutsTypesAndTargets) {
  const Problem problem{12, 40};
  const Tensor labels = Tensor::from(problem.labels);
  for (const CrossEntropy& loss : variants) {
    const ClassOptions options{.reduction = Reduction::none};
    const Tensor rows = F::cross_entropy(problem.logits, labels, loss, options);
    const Tensor images = problem.logits.reshape({3, 4, 40}).permute({0, 2, 1});  // [3, 40, 4]
    const Tensor of_images = F::cross_entropy(images.contiguous(), labels.reshape({3, 4}), loss, options);
    expect_near(of_images.reshape({12}) - rows, std::vector<long double>(12), 1e-13);
    const Tensor strided = F::cross_entropy(images, labels.reshape({3, 4}), loss, options);
    expect_near(strided.reshape({12}) - rows, std::vector<long double>(12), 1e-13);

    const Tensor shown = select((labels != -100.0).to(DType::boolean), labels, Tensor::zeros({12}, DType::int64));
    const Tensor soft = F::cross_entropy(problem.logits, one_hot(shown, 40).to(DType::float64), loss, options);
    for (std::int64_t i = 0; i < 12; ++i) {
      if (i == 1) continue;  // ignored
      EXPECT_NEAR(soft.select(0, i).item(), rows.select(0, i).item(), 1e-13);
    }
    const Tensor narrow = problem.logits.to(DType::bfloat16);
    const Tensor of_narrow = F::cross_entropy(narrow, labels, loss, options);
    const Tensor wide = F::cross_entropy(narrow.to(DType::float32), labels, loss, options);
    EXPECT_EQ(of_narrow.to_vector<float>(), wide.to_vector<float>());
  }
}

TEST(LogitOptions, GradientsToSecondOrderAndOfTheTarget) {
  const Tensor logits = (Tensor::randn({4, 3}, 17, 0, DType::float64) * 2.0).set_requires_grad();
  const Tensor labels = Tensor::from({0, 2, -100, 1}).to(DType::int64);
  const Tensor soft = softmax(Tensor::randn({4, 3}, 18, 0, DType::float64), 1).detach().set_requires_grad();
  const Tensor w = Tensor::from({0.5, 2.0, 1.5}).set_requires_grad();
  for (const CrossEntropy& loss : variants) {
    for (const Reduction reduction : {Reduction::none, Reduction::mean}) {
      const auto of_labels = [&](const std::vector<Tensor>& in) {
        return F::cross_entropy(in[0], labels, loss, {.label_smoothing = 0.1, .reduction = reduction});
      };
      EXPECT_EQ(check_gradient(of_labels, {logits}, {.second_order = true}), "");
      const auto of_target = [&](const std::vector<Tensor>& in) {
        return F::cross_entropy(in[0], in[1], loss, {.weight = in[2], .reduction = reduction});
      };
      EXPECT_EQ(check_gradient(of_target, {logits, soft, w}), "");
    }
  }
}

// slope_of_sum - slope is 0 where 2 z_loss log_sum = -1: then only the label has a gradient.
TEST(LogitOptions, WhereTheGradientsOfOtherClassesVanish) {
  const std::int64_t classes = 256;
  const double logit = -1 - std::log(static_cast<double>(classes));  // log_sum = -1
  const Tensor z = Tensor::full({1, classes}, logit, DType::float64).set_requires_grad();
  const Tensor loss = F::cross_entropy(z, Tensor::from({3}).to(DType::int64), CrossEntropy{.z_loss = 0.5});
  const auto gradient = grad(loss, z).to_vector<double>();
  for (std::size_t k = 0; k < gradient.size(); ++k) EXPECT_NEAR(gradient[k], k == 3 ? -1.0 : 0.0, 1e-13);
}

TEST(LogitOptions, ExtrasAreThoseOfCappedLogits) {
  const Tensor z = Tensor::from({4.0, 1.0, -2.0, 0.5, 0.25, 0.0}, {2, 3}).set_requires_grad();
  const Tensor labels = Tensor::from({1, 0}).to(DType::int64);
  const CrossEntropy loss{.z_loss = 0.1, .softcap = 2};
  LossExtras extras;
  F::cross_entropy(z, labels, loss, {.extras = &extras});
  const double expected = 2 * std::tanh(0.5) - 2 * std::tanh(2.0);
  EXPECT_NEAR(extras.margins.select(0, 0).item(), expected, 1e-14);
  EXPECT_NEAR(extras.numerator, sum(extras.losses).item(), 1e-14);
  // Recorded, for the gradient with respect to the weights
  const Tensor w = Tensor::ones({3}, DType::float64).set_requires_grad();
  F::cross_entropy(z, labels, loss, {.weight = w, .extras = &extras});
  EXPECT_NEAR(extras.margins.select(0, 0).item(), expected, 1e-14);
}

TEST(LogitOptions, LinearCrossEntropyAndSpansTakeThem) {
  const Tensor x = Tensor::randn({6, 4}, 1, 0, DType::float64), w = Tensor::randn({5, 4}, 2, 0, DType::float64);
  const Tensor labels = Tensor::from({0, 4, 2, -100, 1, 3}).to(DType::int64);
  const CrossEntropy loss{.z_loss = 0.1, .softcap = 2};
  const Tensor logits = matmul(x, w.t());
  const Tensor linear = F::linear_cross_entropy(x, w, labels, {.chunk_rows = 4, .z_loss = 0.1, .softcap = 2});
  EXPECT_NEAR(linear.item(), F::cross_entropy(logits, labels, loss).item(), 1e-14);

  const std::vector<std::int64_t> used{0, 4, 2, 1, 1, 3};
  const auto z = logits.to_vector<double>();
  std::vector<double> gradient(z.size());
  const double value = value_and_gradient(loss, std::span<const double>(z), std::span<const std::int64_t>(used),
                                          std::span<double>(gradient));
  EXPECT_NEAR(value, F::cross_entropy(logits, Tensor::from(used), loss).item(), 1e-14);
}

TEST(LogitOptions, HugeCapsAndLogits) {
  const Tensor z = Tensor::from({1.0f, 2.0f, 3.0f}, {1, 3});
  const Tensor labels = Tensor::from({2}).to(DType::int64);
  const double plain = F::cross_entropy(z, labels).item();
  for (const double cap : {1e8, 3e38, 1e300})
    EXPECT_NEAR(F::cross_entropy(z, labels, {.softcap = cap}).item(), plain, 1e-7) << cap;
  const Tensor huge = Tensor::from({1e30, -1e30, inf}, {1, 3}).set_requires_grad();
  const Tensor loss = F::cross_entropy(huge, labels, {.softcap = 2});
  EXPECT_NEAR(loss.item(), std::log(2 + std::exp(-4.0)), 1e-14);
  for (const double g : grad(loss, huge).to_vector<double>()) EXPECT_EQ(g, 0);
}

TEST(LogitOptions, RefusesWhatIsNotValid) {
  const Tensor z = Tensor::zeros({1, 3}, DType::float64), labels = Tensor::from({2}).to(DType::int64);
  EXPECT_THROW(F::cross_entropy(z, labels, {.z_loss = -1}), ValueError);
  EXPECT_THROW(F::cross_entropy(z, labels, {.softcap = 0}), ValueError);
  EXPECT_THROW(F::cross_entropy(z, labels, {.z_loss = std::nan("")}), ValueError);
  EXPECT_THROW(F::softcap(z, -1), ValueError);
  EXPECT_THROW(F::linear_cross_entropy(z, z, labels, {.softcap = -1}), ValueError);
}

}  // namespace
}  // namespace perdita
