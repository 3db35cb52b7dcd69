// Every loss of the list, in float and double: value and gradient of the compiled kernels against the same formula on
// plain doubles, whose slope is a central difference; all sizes around a register, in place, and any thread count.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "perdita/core/parallel.hpp"
#include "perdita/losses/compiled.hpp"
#include "samples.hpp"

namespace perdita {
namespace {

using testing::draw_input;
using testing::draw_target;
using testing::slope_at;
using testing::value_at;

template <class T>
struct Data {
  std::vector<T> y, t, values, gradient;
};

template <class T, class Loss>
Data<T> sample(const Loss& loss, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Data<T> data;
  for (std::size_t i = 0; i < count; ++i) {
    data.y.push_back(static_cast<T>(draw_input(loss, random)));
    data.t.push_back(static_cast<T>(draw_target(loss, random)));
  }
  data.values.resize(count);
  data.gradient.resize(count);
  return data;
}

template <class T, class Loss>
double evaluate(const Loss& loss, Data<T>& data, double scale = 1) {
  return kernels::elementwise_loss<Loss, T>(
      loss, {data.y.data(), data.t.data()},
      {.values = data.values.data(), .gradient = data.gradient.data(), .scale = scale}, std::ssize(data.y));
}

template <class T>
void agrees_with_doubles(unsigned seed) {
  const double epsilon = std::numeric_limits<T>::epsilon();
  for_each_elementwise_loss([&](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    for (const Loss& loss : testing::variants<Loss>()) {
      for (std::size_t count : {1UL, 3UL, 7UL, 16UL, 33UL, 1000UL}) {
        Data<T> data = sample<T>(loss, count, seed + static_cast<unsigned>(count));
        const double scale = 0.5;
        const double sum = evaluate(loss, data, scale);
        double expected_sum = 0, magnitude = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const auto y = static_cast<double>(data.y[i]), t = static_cast<double>(data.t[i]);
          const double value = value_at(loss, y, t), slope = slope_at(loss, y, t);
          expected_sum += value;
          magnitude += std::abs(value) + 1;
          EXPECT_NEAR(data.values[i], value, 16 * epsilon * (1 + std::abs(value))) << "y=" << y << " t=" << t;
          EXPECT_NEAR(data.gradient[i], scale * slope, 16 * epsilon * (1 + std::abs(slope))) << "y=" << y << " t=" << t;
        }
        EXPECT_NEAR(sum, expected_sum, 16 * epsilon * magnitude) << "count " << count << ", seed " << seed;
      }
    }
  });
}
TEST(EveryPairLoss, KernelAgreesWithPlainDoublesInFloat) { agrees_with_doubles<float>(11); }
TEST(EveryPairLoss, KernelAgreesWithPlainDoublesInDouble) { agrees_with_doubles<double>(12); }

// Away from kinks: where the slopes a step to either side differ, the point is passed over (few may be).
TEST(EveryPairLoss, SlopeIsTheCentralDifferenceOfTheValue) {
  for_each_elementwise_loss([](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    for (const Loss& loss : testing::variants<Loss>()) {
      std::mt19937 random(5);
      int checked = 0;
      for (int i = 0; i < 400; ++i) {
        const double h = 1e-5, y = draw_input(loss, random), t = draw_target(loss, random);
        if (!Loss::info.input.contains(y - 2 * h) || !Loss::info.input.contains(y + 2 * h)) continue;
        if (std::abs(slope_at(loss, y - h, t) - slope_at(loss, y + h, t)) > 0.01 * (1 + std::abs(slope_at(loss, y, t))))
          continue;
        const double difference = (value_at(loss, y - 2 * h, t) - 8 * value_at(loss, y - h, t) +
                                   8 * value_at(loss, y + h, t) - value_at(loss, y + 2 * h, t)) /
                                  (12 * h);
        EXPECT_NEAR(slope_at(loss, y, t), difference, 1e-6 * (1 + std::abs(difference))) << "y=" << y << " t=" << t;
        ++checked;
      }
      EXPECT_GT(checked, 300);
    }
  });
}

TEST(EveryPairLoss, IsTheSameBitForBitForAnyNumberOfThreads) {
  for_each_elementwise_loss([](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    Data<float> one = sample<float>(prototype, 200003, 9), several = one;
    set_num_threads(1);
    const double sum = evaluate(prototype, one);
    for (int threads : {2, 3}) {
      set_num_threads(threads);
      EXPECT_EQ(evaluate(prototype, several), sum);
      EXPECT_EQ(std::memcmp(one.gradient.data(), several.gradient.data(), one.gradient.size() * sizeof(float)), 0);
    }
    set_num_threads(1);
  });
}

TEST(EveryPairLoss, GradientMayReplaceTheInput) {
  for_each_elementwise_loss([](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    Data<float> data = sample<float>(prototype, 1001, 3);
    evaluate(prototype, data);
    std::vector<float> in_place = data.y;
    kernels::elementwise_loss<Loss, float>(prototype, {in_place.data(), data.t.data()}, {.gradient = in_place.data()},
                                           1001);
    EXPECT_EQ(std::memcmp(in_place.data(), data.gradient.data(), in_place.size() * sizeof(float)), 0);
  });
}

TEST(EveryPairLoss, LetsNaNThrough) {
  for_each_elementwise_loss([](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    Data<float> data = sample<float>(prototype, 40, 3);
    data.y[17] = std::numeric_limits<float>::quiet_NaN();
    data.t[17] = static_cast<float>(Loss::info.target.high == 1 ? 1 : 0.5);
    evaluate(prototype, data);
    EXPECT_TRUE(std::isnan(data.values[17]));
    EXPECT_FALSE(std::isnan(data.values[16]));
    EXPECT_FALSE(std::isnan(data.gradient[18]));
  });
}

// A large array takes the path of streaming stores; its end is not a whole register. It repeats a short one, whose
// gradients and values are cached.
TEST(EveryPairLoss, StreamedGradientsEqualCachedOnes) {
  const std::size_t count = (std::size_t{5} << 20) + 5, period = 977;
  const auto repeated = [&](const std::vector<float>& period_of) {
    std::vector<float> all(count);
    for (std::size_t i = 0; i < count; i += period)
      std::copy_n(period_of.begin(), std::min(period, count - i), all.begin() + static_cast<std::ptrdiff_t>(i));
    return all;
  };
  for_each_elementwise_loss([&](auto prototype) {
    using Loss = decltype(prototype);
    SCOPED_TRACE(Loss::info.name);
    Data<float> cached = sample<float>(prototype, period, 9);
    evaluate(prototype, cached);
    Data<float> streamed{repeated(cached.y), repeated(cached.t), std::vector<float>(count), std::vector<float>(count)};
    evaluate(prototype, streamed);
    const auto is_same = [](const std::vector<float>& a, const std::vector<float>& b) {
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    EXPECT_TRUE(is_same(streamed.gradient, repeated(cached.gradient)));
    EXPECT_TRUE(is_same(streamed.values, repeated(cached.values)));
  });
}

}  // namespace
}  // namespace perdita
