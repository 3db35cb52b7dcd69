// Contrastive cross-entropy, against its definition as loops and values of other packages.
#include <gtest/gtest.h>

#include <cmath>

#include "functional/refusal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using Numbers = std::vector<double>;

// Values of info-nce-pytorch 0.1.4.
const Numbers a{1.0, 0.2, -0.3, 0.8, 0.5, 0.1, -0.4, 1.1, 0.6, 0.3, 0.9, -0.7},
    b{0.9, 0.4, -0.1, 0.5, 0.7, 0.3, -0.2, 0.8, 0.9, 0.1, 1.0, -0.4};

Tensor query() { return Tensor::from(a, {4, 3}); }
Tensor keys() { return Tensor::from(b, {4, 3}); }

double cosine(const double* x, const double* y, std::size_t size) {
  double product = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < size; ++i) product += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
  return product / std::sqrt(xx * yy);
}

/// The loss of each query; negatives [count, D] are those of one query, or null for the other positives.
Numbers defined(const Numbers& q, const Numbers& k, const double* negatives, std::size_t count, bool is_own,
                double temperature) {
  constexpr std::size_t size = 3;
  const std::size_t rows = q.size() / size;
  Numbers losses;
  for (std::size_t i = 0; i < rows; ++i) {
    const double own = cosine(&q[i * size], &k[i * size], size) / temperature;
    double sum = negatives ? std::exp(own) : 0;
    const std::size_t others = negatives ? count : rows;
    for (std::size_t j = 0; j < others; ++j) {
      const double* const other = negatives ? negatives + ((is_own ? i * count : 0) + j) * size : &k[j * size];
      sum += std::exp(cosine(&q[i * size], other, size) / temperature);
    }
    losses.push_back(std::log(sum) - own);
  }
  return losses;
}

TEST(InfoNce, HasTheValuesOfOtherPackages) {
  EXPECT_NEAR(F::info_nce_loss(query(), keys()).item(), 0.30667328756562, 1e-12);
}

TEST(InfoNce, IsItsDefinition) {
  const Tensor shared = Tensor::randn({5, 3}, 1, 0, DType::float64),
               own = Tensor::randn({4, 2, 3}, 2, 0, DType::float64);
  const LossOptions none{.reduction = Reduction::none};
  const auto expect_equal = [](const Tensor& found, const Numbers& expected) {
    const Numbers losses = found.to_vector<double>();
    ASSERT_EQ(losses.size(), expected.size());
    for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-13);
  };
  for (double temperature : {0.05, 0.5, 1.0}) {
    const InfoNce loss{.temperature = temperature};
    expect_equal(F::info_nce_loss(query(), keys(), loss, none), defined(a, b, nullptr, 0, false, temperature));
    expect_equal(F::info_nce_loss(query(), keys(), shared, loss, none),
                 defined(a, b, shared.data<double>(), 5, false, temperature));
    expect_equal(F::info_nce_loss(query(), keys(), own, loss, none),
                 defined(a, b, own.data<double>(), 2, true, temperature));
  }
}

TEST(InfoNce, GradientsAgreeWithDifferences) {
  const GradientCheck second{.second_order = true};
  for (Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
    Tensor q = query(), k = keys(), n = Tensor::randn({5, 3}, 1, 0, DType::float64),
           own = Tensor::randn({4, 2, 3}, 2, 0, DType::float64);
    for (Tensor* x : {&q, &k, &n, &own}) x->set_requires_grad();
    const InfoNce loss{.temperature = 0.5};
    const LossOptions options{.reduction = reduction},
        weighted{.weight = Tensor::from(Numbers{1, 0, 2, 0.5}), .reduction = reduction};
    const auto in_batch = [&](const std::vector<Tensor>& x) { return F::info_nce_loss(x[0], x[1], loss, options); };
    const auto with = [&](const std::vector<Tensor>& x) { return F::info_nce_loss(x[0], x[1], x[2], loss, weighted); };
    EXPECT_EQ(check_gradient(in_batch, {q, k}, second), "");
    EXPECT_EQ(check_gradient(with, {q, k, n}, second), "");
    EXPECT_EQ(check_gradient(with, {q, k, own}, second), "");
  }
}

TEST(InfoNce, MatchesTheGradientOfOtherPackages) {
  Tensor q = query();
  q.set_requires_grad();
  F::info_nce_loss(q, keys()).backward();
  const Numbers expected{-0.0011699357854914, 0.023833027646802, 0.01198889914623,   0.52171658819832,
                         -0.6812962100387,    -0.76725165539304, 0.057580528197031,  0.058222839815321,
                         -0.068354854196735,  0.073388743696627, -0.010563120380691, 0.017871163951952};
  const Numbers found = q.grad().to_vector<double>();
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12);
}

TEST(InfoNce, DoesNotDependOnLengths) {
  const double expected = F::info_nce_loss(query(), keys()).item();
  for (double length : {1e-9, 1e30}) EXPECT_NEAR(F::info_nce_loss(query() * length, keys()).item(), expected, 1e-12);
  const Tensor large = query().to(DType::float32) * 1e30;  // whose squares overflow
  EXPECT_NEAR(F::info_nce_loss(large, keys().to(DType::float32)).item(), expected, 1e-5);
}

TEST(InfoNce, IsNeverNegative) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Tensor q = Tensor::randn({4, 3}, seed, 0, DType::float64), k = Tensor::randn({4, 3}, seed, 1, DType::float64);
    for (double loss : F::info_nce_loss(q, k, {.reduction = Reduction::none}).to_vector<double>()) EXPECT_GE(loss, 0);
  }
}

TEST(InfoNce, VectorsOfZeroAndSinglePairs) {
  Tensor zero = Tensor::zeros({2, 3}, DType::float64);
  zero.set_requires_grad();
  const Tensor loss = F::info_nce_loss(zero, Tensor::ones({2, 3}, DType::float64));
  EXPECT_NEAR(loss.item(), std::log(2.0), 1e-15);
  loss.backward();
  EXPECT_EQ(zero.grad().to_vector<double>(), Numbers(6, 0.0));
  EXPECT_EQ(F::info_nce_loss(Tensor::ones({1, 3}), Tensor::ones({1, 3})).item(), 0);
  EXPECT_TRUE(std::isnan(F::info_nce_loss(Tensor::ones({0, 3}), Tensor::ones({0, 3})).item()));
}

TEST(InfoNce, RefusesWhatItCannotUse) {
  EXPECT_EQ(refusal<ShapeError>([] {
              F::info_nce_loss(query(), Tensor::ones({4, 2}, DType::float64));
            }),
            "info_nce_loss: query has shape [4, 3] and positive [4, 2] (valid: [N, D] for both)");
  EXPECT_EQ(refusal<ShapeError>([] {
              F::info_nce_loss(query(), keys(), Tensor::ones({3, 2, 3}, DType::float64));
            }),
            "info_nce_loss: negatives has shape [3, 2, 3], but query has [4, 3] (valid: [M, 3] or [4, M, 3])");
  EXPECT_EQ(refusal<ValueError>([] { F::info_nce_loss(query(), keys(), InfoNce{.temperature = 0}); }),
            "info_nce: temperature is 0 (valid: above 0)");
  EXPECT_EQ(refusal<DTypeError>([] {
              F::info_nce_loss(Tensor::zeros({4, 3}, DType::int64), keys());
            }),
            "info_nce_loss: query holds int64 (valid: float32, float64)");
}

}  // namespace
}  // namespace perdita
