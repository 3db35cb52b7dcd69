// Optimizers against numbers that PyTorch 1.13.1 gave, and against their rules written out element by element.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>

#include "perdita/core/parallel.hpp"
#include "perdita/optim/adam.hpp"
#include "perdita/optim/sgd.hpp"

namespace perdita::optim {
namespace {

/// p = [1, -2] after three steps on the loss sum(p^2).
template <class Make>
std::vector<double> after_three_steps(const Make& make) {
  const Tensor p = Tensor::from({1.0, -2.0}).set_requires_grad();
  auto optimizer = make(std::vector<Tensor>{p});
  for (int i = 0; i < 3; ++i) {
    optimizer.zero_grad();
    sum(square(p)).backward();
    optimizer.step();
  }
  return p.to_vector<double>();
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance);
}

TEST(Sgd, GivesPyTorchsNumbers) {
  const auto with = [](const SGDOptions& options) {
    return after_three_steps([&](auto p) { return SGD(p, options); });
  };
  expect_near(with({.lr = 0.1}), {0.512, -1.024}, 1e-15);
  expect_near(with({.lr = 0.1, .momentum = 0.9, .dampening = 0.5}), {0.252, -0.504}, 1e-15);
  expect_near(with({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true}), {-0.140468399, 0.280936798},
              1e-12);
  expect_near(with({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .maximize = true}), {2.246039, -4.492078}, 1e-12);
}

TEST(Adam, GivesPyTorchsNumbers) {
  expect_near(after_three_steps([](auto p) { return Adam(p); }), {0.9970000960651408, -1.9970000478972731}, 1e-15);
  expect_near(after_three_steps([](auto p) { return AdamW(p); }), {0.9969701273303954, -1.9969400794574153}, 1e-15);
}

// The rule once more, a number at a time, on gradients that shrink: there the largest mean of squares matters.
TEST(Adam, AmsgradDividesByTheLargest) {
  const Tensor p = Tensor::from({1.0}).set_requires_grad();
  Adam optimizer({p}, {.lr = 0.1, .weight_decay = 0.01, .amsgrad = true});
  double x = 1, m = 0, v = 0, largest = 0;
  for (int t = 1; t <= 6; ++t) {
    const double raw = t == 1 ? 5 : 0.01;
    p.set_grad(Tensor::from({raw}));
    optimizer.step();
    const double g = raw + 0.01 * x;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    largest = std::max(largest, v);
    x -= 0.1 / (1 - std::pow(0.9, t)) * m / (std::sqrt(largest) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8);
    EXPECT_NEAR(p.item(), x, 1e-14);
  }
}

TEST(Optimizer, SkipsParametersWithoutGradient) {
  const Tensor a = Tensor::from({1.0}).set_requires_grad(), b = Tensor::from({1.0}).set_requires_grad();
  SGD optimizer({a, b}, {.lr = 0.1, .weight_decay = 0.5});
  a.set_grad(Tensor::from({1.0}));
  optimizer.step();
  EXPECT_NEAR(a.item(), 0.85, 1e-15);
  EXPECT_EQ(b.item(), 1);
}

TEST(Optimizer, AWholeArrayIsUpdatedAlikeForAnyNumberOfThreads) {
  const auto trained = [](int threads) {
    set_num_threads(threads);
    const Tensor p = Tensor::randn({100003}, 1).set_requires_grad();
    Adam optimizer({p});
    for (std::uint64_t i = 0; i < 3; ++i) {
      p.set_grad(Tensor::randn({100003}, 2, i));
      optimizer.step();
    }
    set_num_threads(1);
    return p.to_vector<float>();
  };
  const auto one = trained(1), two = trained(2);
  EXPECT_EQ(std::memcmp(one.data(), two.data(), one.size() * sizeof(float)), 0);
  EXPECT_NE(one[100002], Tensor::randn({100003}, 1).to_vector<float>()[100002]);  // the last, in no whole register
}

TEST(Optimizer, StateContinuesBitForBit) {
  const auto gradient = [](std::uint64_t i) { return Tensor::randn({50}, 9, i); };
  const Tensor p = Tensor::randn({50}, 1).set_requires_grad();
  AdamW whole({p});
  for (std::uint64_t i = 0; i < 6; ++i) {
    p.set_grad(gradient(i));
    whole.step();
  }
  const Tensor q = Tensor::randn({50}, 1).set_requires_grad();
  AdamW first({q});
  for (std::uint64_t i = 0; i < 3; ++i) {
    q.set_grad(gradient(i));
    first.step();
  }
  AdamW second({q});
  second.load_state_dict(first.state_dict());
  for (std::uint64_t i = 3; i < 6; ++i) {
    q.set_grad(gradient(i));
    second.step();
  }
  EXPECT_EQ(p.to_vector<float>(), q.to_vector<float>());
}

TEST(Sgd, VelocityIsNeverSubnormalAndKeepsNaN) {
  const float least = std::numeric_limits<float>::min(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> once{least, -least, 2 * least, 1, nan};
  for (std::size_t repeats : {1, 20}) {  // less than a register, and more
    std::vector<float> gradient;
    for (std::size_t i = 0; i < repeats; ++i) gradient.insert(gradient.end(), once.begin(), once.end());
    const Tensor p = Tensor::from(std::vector<float>(gradient.size(), 1.0f)).set_requires_grad();
    SGD optimizer({p}, {.lr = 0.1, .momentum = 0.75});
    p.set_grad(Tensor::from(gradient));
    optimizer.step();
    p.set_grad(Tensor::zeros(p.shape()));
    optimizer.step();
    const auto velocity = optimizer.state_dict().back().second.to_vector<float>();
    for (std::size_t i = 0; i < velocity.size(); i += once.size()) {
      EXPECT_EQ(velocity[i], 0);
      EXPECT_EQ(velocity[i + 1], 0);
      EXPECT_EQ(velocity[i + 2], 1.5f * least);
      EXPECT_EQ(velocity[i + 3], 0.75f);
      EXPECT_TRUE(std::isnan(velocity[i + 4]));
    }
  }
}

TEST(Adam, ASubnormalMeanOfSquaresIsKept) {
  const Tensor p = Tensor::from({1.0f}).set_requires_grad();
  p.set_grad(Tensor::from({1e-18f}));
  Adam({p}, {.lr = 0.1, .eps = 0}).step();  // the first step is lr, whatever the gradient's size
  EXPECT_NEAR(p.item(), 0.9, 1e-4);
}

TEST(Optimizer, RecordedReadersKeepTheOldValues) {
  const Tensor p = Tensor::from({1.0}).set_requires_grad();
  const Tensor before = p.detach() * 2.0;
  p.set_grad(Tensor::from({1.0}));
  SGD({p}, {.lr = 0.5}).step();
  EXPECT_EQ(before.item(), 2);
  EXPECT_EQ(p.item(), 0.5);
}

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Optimizer, OptionsAndParametersAreChecked) {
  const Tensor p = Tensor::from({1.0}).set_requires_grad();
  EXPECT_EQ(message([&] { SGD({p}, {.lr = -1}); }), "SGD: lr is -1 (valid: 0 or more)");
  EXPECT_EQ(message([&] { SGD({p}, {.momentum = -0.1}); }), "SGD: momentum is -0.1 (valid: 0 or more)");
  EXPECT_EQ(message([&] { SGD({p}, {.nesterov = true}); }),
            "SGD: nesterov is used with momentum 0 and dampening 0 (valid: momentum above 0, dampening 0)");
  EXPECT_EQ(message([&] { Adam({p}, {.beta1 = 1}); }), "Adam: beta1 is 1 (valid: 0 or more, below 1)");
  EXPECT_EQ(message([&] { AdamW({p}, {.eps = -1}); }), "AdamW: eps is -1 (valid: 0 or more)");
  EXPECT_EQ(message([&] { SGD({}); }), "SGD: there are no parameters (valid: at least one)");
  EXPECT_EQ(message([&] { SGD({p, p}); }), "SGD: parameter 1 is given twice");
  EXPECT_EQ(message([&] { SGD({Tensor::from({1.0})}); }),
            "SGD: parameter 0 does not require a gradient (valid: tensors with requires_grad)");
}

}  // namespace
}  // namespace perdita::optim
