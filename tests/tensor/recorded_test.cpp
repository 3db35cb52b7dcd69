// Recorded operations: what they compute does not depend on when, and writing in place does not reach back.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "perdita/core/buffer.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

using Floats = std::vector<float>;

TEST(Recorded, ChangesInPlaceDoNotReachWhatWasRecordedBefore) {
  const Tensor x = Tensor::from<float>({1, 2}), w = Tensor::from<float>({3, 4});
  const Tensor product = x * w, beyond = product + 1.0, view = x.slice(0, 0, 1) * 10.0;
  x.fill_(100);
  w.mutable_data<float>()[0] = 100;
  EXPECT_EQ(product.to_vector<float>(), (Floats{3, 8}));
  EXPECT_EQ(beyond.to_vector<float>(), (Floats{4, 9}));
  EXPECT_EQ(view.item(), 10);
  EXPECT_EQ((x * w).to_vector<float>(), (Floats{10000, 400}));
}

TEST(Recorded, ResultsCanBeChangedInPlace) {
  const Tensor x = Tensor::from<float>({1, 2});
  const Tensor y = x * 2.0, z = y + 1.0;
  y.add_(10.0);
  EXPECT_EQ(y.to_vector<float>(), (Floats{12, 14}));
  EXPECT_EQ(z.to_vector<float>(), (Floats{3, 5}));
  EXPECT_EQ(x.to_vector<float>(), (Floats{1, 2}));
}

TEST(Recorded, AStepOfAnOptimizerLeavesTheLossAsItWas) {
  const Tensor w = Tensor::from<float>({1, 2}).set_requires_grad();
  const Tensor residual = w - 3.0, loss = mean(square(residual));
  loss.backward();
  {
    NoGrad no_grad;
    w.add_(w.grad(), -0.5);
  }
  EXPECT_EQ(w.to_vector<float>(), (Floats{2, 2.5}));
  EXPECT_EQ(loss.item(), 2.5);
  EXPECT_EQ(residual.to_vector<float>(), (Floats{-2, -1}));
}

TEST(Recorded, ASumStoresNoElements) {
  const Tensor x = Tensor::randn({1 << 20}, 1), t = Tensor::randn({1 << 20}, 2);
  reset_peak_buffer_statistics();
  const std::size_t before = buffer_statistics().bytes_in_use;
  const double found = sum(square(exp(x) - t)).item();
  EXPECT_LT(buffer_statistics().peak_bytes_in_use - before,
            x.numel());  // a hundredth of what four operations would take
  double expected = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double r = std::exp(static_cast<double>(x.data<float>()[i])) - t.data<float>()[i];
    expected += r * r;
  }
  EXPECT_NEAR(found / expected, 1.0, 1e-6);
}

TEST(Recorded, BackwardWritesOnlyTheLeaves) {
  const Tensor x = Tensor::randn({1 << 20}, 1).set_requires_grad(), t = Tensor::randn({1 << 20}, 2);
  const std::size_t before = buffer_statistics().bytes_in_use;
  reset_peak_buffer_statistics();
  mean(square(tanh(x) - t) * 0.5).backward();
  const std::size_t gradient = (std::size_t{1} << 20) * sizeof(float);
  EXPECT_LT(buffer_statistics().peak_bytes_in_use - before, gradient + gradient / 4);
}

TEST(Recorded, LongAndWideExpressionsAreCut) {
  const Tensor x = Tensor::ones({3}, DType::float64).set_requires_grad();
  Tensor y = x;
  for (int i = 0; i < 300; ++i) y = y * 1.01;
  std::vector<Tensor> many;
  Tensor wide = Tensor::zeros({3}, DType::float64);
  for (int i = 0; i < 50; ++i) {
    many.push_back(Tensor::full({3}, i, DType::float64));
    wide = wide + many.back() * x;
  }
  Tensor doubled = x;
  for (int i = 0; i < 40; ++i) doubled = doubled + doubled;  // shared operands: 2^40 paths
  EXPECT_NEAR(grad(sum(y), x).to_vector<double>()[0], std::pow(1.01, 300), 1e-10);
  EXPECT_EQ(grad(sum(wide), x).to_vector<double>()[0], 1225);
  EXPECT_EQ(grad(sum(doubled), x).to_vector<double>()[0], std::ldexp(1.0, 40));
}

TEST(Recorded, BroadcastLeavesGetTheirSums) {
  const Tensor x = Tensor::randn({40, 70}, 1, 0, DType::float64).set_requires_grad();
  const Tensor bias = Tensor::randn({70}, 2, 0, DType::float64).set_requires_grad();
  const Tensor scale = Tensor::full({}, 1.5, DType::float64).set_requires_grad();
  const auto gradients = grad({sum(square(x * scale + bias))}, {bias, scale});
  for (std::int64_t c = 0; c < 70; ++c) {
    double expected = 0;
    for (std::int64_t r = 0; r < 40; ++r) expected += 2 * (x.data<double>()[r * 70 + c] * 1.5 + bias.data<double>()[c]);
    EXPECT_NEAR(gradients[0].data<double>()[c], expected, 1e-11);
  }
  double expected = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    expected += 2 * (x.data<double>()[i] * 1.5 + bias.data<double>()[i % 70]) * x.data<double>()[i];
  }
  EXPECT_NEAR(gradients[1].item(), expected, 1e-10);
}

TEST(Recorded, MixedDtypesAndIntegerTargets) {
  const Tensor y = Tensor::from<float>({0.5, 2}).set_requires_grad(), labels = Tensor::from<std::int64_t>({1, 0});
  const Tensor loss = sum(square(y - labels));
  EXPECT_EQ(loss.dtype(), DType::float32);
  loss.backward();
  EXPECT_EQ(y.grad().to_vector<float>(), (Floats{-1, 4}));
  const Tensor wide = sum(y * Tensor::ones({2}, DType::float64));
  EXPECT_EQ(wide.dtype(), DType::float64);
  EXPECT_EQ(grad(wide, y).dtype(), DType::float32);
}

TEST(Recorded, SeveralThreadsMayReadTheSameTensors) {
  const Tensor x = Tensor::randn({2000}, 1);
  for (int round = 0; round < 50; ++round) {
    const Tensor shared = exp(x) * 2.0, chained = shared + x;
    std::vector<double> found(4);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) {
      threads.emplace_back([&, i] { found[i] = sum(i % 2 ? chained * 1.0 : shared + x).item(); });
    }
    for (std::thread& thread : threads) thread.join();
    for (double value : found) EXPECT_EQ(value, found[0]);
  }
}

}  // namespace
}  // namespace perdita
