// Losses of masks that are functions of sums, against their definitions as loops in double; at empty and full masks,
// infinities and NaN; with any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "functional/overlap_scenes.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using namespace overlap;

/// A loss with parameters, and what it is of a mask's sums.
struct Case {
  std::string name;
  bool squared;
  std::function<Tensor(const Tensor&, const Tensor&, Mode, bool batch, const LossOptions&)> loss;
  std::function<double(const truth::Sums&)> truth;
};

template <class Loss, class Function, class Truth>
Case case_of(const Loss& loss, const Function& function, bool squared, const Truth& truth) {
  return {std::string(Loss::info.name), squared,
          [=](const Tensor& y, const Tensor& t, Mode mode, bool batch, const LossOptions& options) {
            return function(y, t, with_mode(loss, mode, batch), options);
          },
          truth};
}

std::vector<Case> cases() {
  using truth::Sums;
  const auto dice = [](const auto&... a) { return F::dice_loss(a...); };
  const auto jaccard = [](const auto&... a) { return F::jaccard_loss(a...); };
  const auto tversky = [](const auto&... a) { return F::tversky_loss(a...); };
  const auto focal = [](const auto&... a) { return F::focal_tversky_loss(a...); };
  std::vector<Case> all;
  for (bool squared : {false, true}) {
    for (double s : {0.0, 0.5}) {
      all.push_back(case_of(Dice{.smooth = s, .squared = squared}, dice, squared,
                            [=](const Sums& sums) { return truth::dice(sums, s); }));
      all.push_back(case_of(Jaccard{.smooth = s, .squared = squared}, jaccard, squared,
                            [=](const Sums& sums) { return truth::jaccard(sums, s); }));
    }
  }
  all.push_back(case_of(Tversky{.alpha = 0.25, .beta = 1.5, .smooth = 0.125}, tversky, false,
                        [](const Sums& sums) { return truth::tversky(sums, 0.25, 1.5, 0.125); }));
  all.push_back(case_of(FocalTversky{.alpha = 0.25, .beta = 1.5, .gamma = 1.5, .smooth = 0}, focal, false,
                        [](const Sums& sums) { return std::pow(truth::tversky(sums, 0.25, 1.5, 0), 1 / 1.5); }));
  return all;
}

/// Of each mask.
std::vector<truth::Sums> sums_of(Scene scene, bool squared) {
  scene.squared = squared;
  std::vector<truth::Sums> sums;
  for (std::size_t m = 0; m < scene.masks(); ++m) sums.push_back(truth::sums_of(scene, m));
  return sums;
}

/// The losses of a scene's masks; its sums, which take their time, are shared by all cases.
class Truth {
 public:
  explicit Truth(const Scene& scene) : plain_(sums_of(scene, false)), squared_(sums_of(scene, true)) {}
  Row losses_of(const Case& c) const {
    Row losses;
    for (const truth::Sums& sums : c.squared ? squared_ : plain_) losses.push_back(c.truth(sums));
    return losses;
  }

 private:
  std::vector<truth::Sums> plain_, squared_;
};

/// Everything that changes what is computed, once each.
template <class Visit>
void each_scene(std::size_t pixels, const Visit& visit, std::size_t items = 3, std::size_t classes = 5) {
  for (Mode mode : modes) {
    for (bool batch : {false, true}) {
      for (bool soft : {false, true}) {
        if (soft && mode == Mode::softmax) continue;
        Scene scene = scene_of(mode, items, classes, pixels, soft, 7 + static_cast<unsigned>(pixels));
        scene.batch = batch;
        visit(mode, scene);
      }
    }
  }
}

class OverlapLosses : public testing::TestWithParam<DType> {};

TEST_P(OverlapLosses, AreTheirDefinitions) {
  const double epsilon = GetParam() == DType::float32 ? 0x1p-23 : 0x1p-52;
  for (std::size_t pixels : {1u, 5u, 37u, 1000u, 17001u}) {
    each_scene(pixels, [&](Mode mode, const Scene& scene) {
      if (pixels > 10000 && scene.batch != (mode == Mode::multilabel)) return;  // the loops take their time
      const Tensor y = logits_of(mode, scene, GetParam()), t = targets_of(mode, scene, GetParam());
      const Truth truth(scene);
      for (const Case& c : cases()) {
        const Row expected = truth.losses_of(c);
        const Tensor none = c.loss(y, t, mode, scene.batch, {.reduction = Reduction::none});
        ASSERT_EQ(static_cast<std::size_t>(none.numel()), expected.size()) << c.name;
        ASSERT_EQ(none.dtype(), GetParam());
        const Row found = none.detach().to_vector<double>();
        double total = 0;
        for (std::size_t m = 0; m < expected.size(); ++m) {
          ASSERT_NEAR(found[m], std::isnan(expected[m]) ? 0 : expected[m], 16 * epsilon + 1e-13)
              << c.name << " mask " << m << ", " << pixels << " pixels";
          total += std::isnan(expected[m]) ? 0 : expected[m];  // 0 / 0: all pixels are ignored
        }
        const auto count = static_cast<double>(expected.size());
        EXPECT_NEAR(c.loss(y, t, mode, scene.batch, {}).item(), total / count, 16 * epsilon + 1e-13);
        EXPECT_NEAR(c.loss(y, t, mode, scene.batch, {.reduction = Reduction::sum}).item(), total,
                    16 * epsilon * count + 1e-13);
      }
    });
  }
}

/// A scene on both sides of it in one logit.
class Sides {
 public:
  Sides(const Scene& scene, std::size_t at) : up_(moved(scene, at, step)), down_(moved(scene, at, -step)) {}
  /// The slope of the masks' losses, weighted.
  double slope(const Case& c, const Row& weights) const {
    const Row up = up_.losses_of(c), down = down_.losses_of(c);
    double slope = 0;
    for (std::size_t m = 0; m < up.size(); ++m) {
      if (!std::isnan(up[m])) slope += weights[m] * (up[m] - down[m]) / (2 * step);
    }
    return slope;
  }

 private:
  static constexpr double step = 1e-5;
  static Truth moved(Scene scene, std::size_t at, double by) {
    scene.logits[at] += by;
    return Truth(scene);
  }
  Truth up_, down_;
};

TEST_P(OverlapLosses, GradientsAreDifferencesOfTheDefinitions) {
  const double tolerance = GetParam() == DType::float32 ? 3e-7 : 1e-9;
  for (std::size_t pixels : {3u, 35u}) {
    each_scene(pixels, [&](Mode mode, const Scene& scene) {
      std::vector<Sides> sides;
      for (std::size_t i = 0; i < scene.logits.size(); i += 3) sides.emplace_back(scene, i);
      for (const Case& c : cases()) {
        const Tensor y = logits_of(mode, scene, GetParam()), t = targets_of(mode, scene, GetParam());
        const Tensor losses = c.loss(y, t, mode, scene.batch, {.reduction = Reduction::none});
        Row weights;  // of masks, as upstream gradients
        for (std::int64_t m = 0; m < losses.numel(); ++m) weights.push_back(0.5 + static_cast<double>(m % 3));
        losses.backward(Tensor::from(weights, losses.shape()).to(GetParam()));
        const Row gradient = y.grad().to_vector<double>();
        for (std::size_t i = 0; i < gradient.size(); i += 3)
          ASSERT_NEAR(gradient[i], sides[i / 3].slope(c, weights), tolerance) << c.name << " at " << i;
      }
    });
  }
}

TEST_P(OverlapLosses, RecordedOperatorsAgreeWithTheKernels) {
  const double epsilon = GetParam() == DType::float32 ? 0x1p-23 : 0x1p-52;
  each_scene(2111, [&](Mode mode, const Scene& scene) {
    if (mode == Mode::softmax) return;  // its targets have no gradient
    for (const Case& c : cases()) {
      const Tensor y = logits_of(mode, scene, GetParam()), t = targets_of(mode, scene, GetParam());
      const Tensor leaf = t.clone().detach().set_requires_grad();
      const Tensor by_kernel = grad(c.loss(y, t, mode, scene.batch, {}), y);
      const Tensor recorded = grad(c.loss(y, leaf, mode, scene.batch, {}), y);
      const Row a = by_kernel.to_vector<double>(), b = recorded.to_vector<double>();
      double largest = 0;
      for (double x : a) largest = std::max(largest, std::abs(x));
      for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 16 * epsilon * largest) << c.name << " " << i;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Types, OverlapLosses, testing::Values(DType::float32, DType::float64));

TEST(OverlapLosses, HaveSecondDerivatives) {
  const auto check = [](Mode mode, const Scene& scene) {
    for (const Case& c : cases()) {
      const Tensor y = logits_of(mode, scene, DType::float64), t = targets_of(mode, scene, DType::float64);
      const auto call = [&](const std::vector<Tensor>& x) { return c.loss(x[0], t, mode, scene.batch, {}); };
      EXPECT_EQ(check_gradient(call, {y}, {.relative = 1e-5, .absolute = 1e-6, .second_order = true}), "") << c.name;
    }
  };
  each_scene(3, check, 2, 2);
}

TEST(OverlapLosses, GradientsByTargetsAndWeights) {
  const Tensor y = Tensor::randn({2, 3, 4}, 1, 0, DType::float64).set_requires_grad();
  const Tensor t = Tensor::rand({2, 3, 4}, 2, 0, DType::float64).set_requires_grad();
  const Tensor w = Tensor::from({1.0, 2.0, 0.5}).set_requires_grad();
  for (Normalize by : {Normalize::count, Normalize::weight_sum, Normalize::batch}) {
    const auto call = [&](const std::vector<Tensor>& x) {
      return F::dice_loss(x[0], x[1], {.multilabel = true, .present_only = true}, {.weight = x[2], .normalize_by = by});
    };
    EXPECT_EQ(check_gradient(call, {y, t, w}), "");
  }
}

TEST(OverlapLosses, WeightsDenominatorsAndAbsentClasses) {
  const Tensor y = Tensor::randn({2, 3, 6}, 3, 0, DType::float64).set_requires_grad();
  const Tensor t = Tensor::from(std::vector<std::int64_t>{0, 0, 2, 2, 0, 0, 2, 2, 2, -100, 2, 2}, {2, 6});
  const Row l = F::dice_loss(y, t, {}, {.reduction = Reduction::none}).detach().to_vector<double>();
  const Dice present{.present_only = true};
  const Row p = F::dice_loss(y, t, present, {.reduction = Reduction::none}).detach().to_vector<double>();
  EXPECT_EQ(p, (Row{l[0], 0, l[2], 0, 0, l[5]}));
  const Tensor w = Tensor::from({1.0, 10.0, 3.0});
  const auto found = [&](const Dice& loss, Normalize by, LossExtras* extras = nullptr) {
    return F::dice_loss(y, t, loss, {.weight = w, .normalize_by = by, .extras = extras}).item();
  };
  const double all = l[0] + 10 * l[1] + 3 * l[2] + l[3] + 10 * l[4] + 3 * l[5], some = l[0] + 3 * l[2] + 3 * l[5];
  EXPECT_NEAR(found({}, Normalize::standard), all / 6, 1e-15);
  EXPECT_NEAR(found({}, Normalize::weight_sum), all / 28, 1e-15);
  EXPECT_NEAR(found(present, Normalize::standard), some / 3, 1e-15);
  EXPECT_NEAR(found(present, Normalize::weight_sum), some / 7, 1e-15);
  EXPECT_NEAR(found(present, Normalize::batch), some / 2, 1e-15);
  LossExtras extras;
  found(present, Normalize::standard, &extras);
  EXPECT_NEAR(extras.numerator, some, 1e-15);
  EXPECT_EQ(extras.denominator, 3);
  EXPECT_EQ(extras.losses.shape(), Shape({2, 3}));
}

/// The loss of one mask and its gradient.
struct Found {
  double loss;
  Row gradient;
};
template <class Loss>
Found of_mask(const Loss& loss, const Row& logits, const Row& targets, DType dtype = DType::float64) {
  const Tensor y = Tensor::from(logits).to(dtype).clone().detach().set_requires_grad();
  const Tensor value = [&] {
    if constexpr (std::is_same_v<Loss, Dice>) return F::dice_loss(y, Tensor::from(targets).to(dtype), loss);
    if constexpr (std::is_same_v<Loss, FocalTversky>)
      return F::focal_tversky_loss(y, Tensor::from(targets).to(dtype), loss);
  }();
  value.backward();
  return {value.item(), y.grad().to_vector<double>()};
}

TEST(OverlapLosses, OfEmptyAndFullMasks) {
  const Row zeros(4, 0.0), ones(4, 1.0);
  // Nothing to be found, and nothing found at all: right, though 0 / 0.
  for (double smooth : {0.0, 1.0}) {
    EXPECT_EQ(of_mask(Dice{.smooth = smooth}, Row(4, -inf), zeros).loss, 0);
    EXPECT_EQ(of_mask(Dice{.smooth = smooth}, Row(4, -inf), zeros).gradient, zeros);
    EXPECT_EQ(of_mask(FocalTversky{.smooth = smooth}, Row(4, -inf), zeros).gradient, zeros);
  }
  // Something found where nothing is: 1, whatever is found, unless smooth says how much counts.
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row(4, -3), zeros).loss, 1);
  EXPECT_NEAR(of_mask(Dice{.smooth = 1}, Row(4, 0), zeros).loss, 2.0 / 3, 1e-15);
  const double slope = 0.25 / 9;  // p q smooth / (sum + smooth)^2
  EXPECT_NEAR(of_mask(Dice{.smooth = 1}, Row(4, 0), zeros).gradient[0], slope, 1e-15);
  // Everything to be found.
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row(4, inf), ones).loss, 0);
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row(4, -inf), ones).loss, 1);
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row(4, -inf), ones).gradient, zeros);
  // Masks without a pixel, or with ignored ones only.
  EXPECT_EQ(F::dice_loss(Tensor::zeros({2, 0}), Tensor::zeros({2, 0}), {.smooth = 0}).item(), 0);
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row{nan, inf, 1}, Row(3, -100)).loss, 0);
  EXPECT_EQ(of_mask(Dice{.smooth = 0}, Row{nan, inf, 1}, Row(3, -100)).gradient, Row(3, 0));
}

// 40-digit values of mpmath: what is nearly right keeps its digits, in float as well.
TEST(OverlapLosses, KeepTheirDigitsWhereMasksAreNearlyRight) {
  const Row y{20, 18, -19, -25}, t{1, 1, 0, 0};
  const double dice = 5.726954386955074782e-9, slope = -5.152884079404225502e-10;
  const Found in_double = of_mask(Dice{.smooth = 0}, y, t), in_float = of_mask(Dice{.smooth = 0}, y, t, DType::float32);
  EXPECT_NEAR(in_double.loss / dice, 1, 1e-14);
  EXPECT_NEAR(in_float.loss / dice, 1, 1e-6);
  EXPECT_NEAR(in_double.gradient[0] / slope, 1, 1e-9);
  EXPECT_NEAR(in_float.gradient[0] / slope, 1, 1e-6);

  // Three classes, two pixels, both right.
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 1}, {1, 2});
  for (DType dtype : {DType::float32, DType::float64}) {
    const Tensor z = Tensor::from(Row{20, 0, 0, 18, 1, -2}, {1, 3, 2}).to(dtype).clone().detach().set_requires_grad();
    const Tensor loss = F::dice_loss(z, labels);
    const double tolerance = dtype == DType::float32 ? 2e-6 : 1e-14;
    EXPECT_NEAR(loss.item() / 7.248673996211805158e-9, 1, tolerance);
    const Row gradient = grad(loss, z).to_vector<double>();
    EXPECT_NEAR(gradient[0] / -2.948165818556815560e-9, 1, tolerance);
    EXPECT_NEAR(gradient[2] / 4.580341295881301092e-10, 1, tolerance);
    EXPECT_NEAR(gradient[4] / 2.490131688968685450e-9, 1, tolerance);
  }
}

TEST(OverlapLosses, OfLargeInfiniteAndUndefinedLogits) {
  for (DType dtype : {DType::float32, DType::float64}) {
    const Found far = of_mask(Dice{.smooth = 0}, {1e4, -1e4, 1e4, -1e4}, {1, 1, 0, 0}, dtype);
    EXPECT_EQ(far.loss, 0.5);
    EXPECT_EQ(far.gradient, Row(4, 0));
    EXPECT_TRUE(std::isnan(of_mask(Dice{}, {1, nan}, {1, 0}, dtype).loss));
    const Tensor z = Tensor::from(std::vector<double>{1e4, -1e4, -1e4, -inf, 0, 1e4}, {1, 3, 2}).to(dtype);
    const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 1}, {1, 2});
    const Row losses = F::dice_loss(z, labels, {.smooth = 0}, {.reduction = Reduction::none}).to_vector<double>();
    EXPECT_EQ(losses, (Row{0, 1, 1}));
  }
}

TEST(OverlapLosses, OfNothing) {
  EXPECT_TRUE(std::isnan(F::dice_loss(Tensor::zeros({0, 5}), Tensor::zeros({0, 5})).item()));
  EXPECT_EQ(F::dice_loss(Tensor::zeros({0, 5}), Tensor::zeros({0, 5}), {}, {.reduction = Reduction::sum}).item(), 0);
  EXPECT_EQ(F::dice_loss(Tensor::zeros({0, 5}), Tensor::zeros({0, 5}), {.batch = true}).item(), 0);
  const Tensor y = Tensor::ones({2, 3, 4}).set_requires_grad();
  const Tensor ignored = Tensor::full({2, 4}, -100, DType::int64);
  const Tensor loss = F::dice_loss(y, ignored, {.present_only = true});
  EXPECT_TRUE(std::isnan(loss.item()));
  loss.backward();
  EXPECT_EQ(sum(abs(y.grad())).item(), 0);
}

TEST(OverlapLosses, DoNotDependOnThreads) {
  const int threads = num_threads();
  for (Mode mode : modes) {
    const Scene scene = scene_of(mode, 3, 5, 50001, false, 5);
    const Tensor y = logits_of(mode, scene, DType::float32), t = targets_of(mode, scene, DType::float32);
    std::vector<std::vector<float>> found;
    for (int count : {1, 2, 5}) {
      set_num_threads(count);
      const Tensor loss = F::jaccard_loss(y, t, with_mode(Jaccard{}, mode, false));
      found.push_back(grad(loss, y).to_vector<float>());
      found.back().push_back(static_cast<float>(loss.item()));
    }
    EXPECT_EQ(found[0], found[1]);
    EXPECT_EQ(found[0], found[2]);
  }
  set_num_threads(threads);
}

}  // namespace
}  // namespace perdita
