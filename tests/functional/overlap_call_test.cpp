// How losses of masks are called: shapes, types, errors; what their traits claim; several quantiles at once.
#include <gtest/gtest.h>

#include <cmath>

#include "perdita/losses/span.hpp"
#include "perdita/nn/losses.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
    return "no error";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(OverlapCalls, ShapesAndTypes) {
  const Tensor y = Tensor::randn({2, 3, 4, 5}, 1);
  const auto shape = [&](const Tensor& t, const Dice& loss) {
    return F::dice_loss(y, t, loss, {.reduction = Reduction::none}).shape();
  };
  const Tensor labels = Tensor::zeros({2, 4, 5}, DType::int64), masks = Tensor::zeros({2, 3, 4, 5});
  EXPECT_EQ(shape(labels, {}), Shape({2, 3}));
  EXPECT_EQ(shape(labels, {.batch = true}), Shape({3}));
  EXPECT_EQ(shape(masks, {}), Shape({2}));
  EXPECT_EQ(shape(masks, {.batch = true}), Shape{});
  EXPECT_EQ(shape(masks, {.multilabel = true}), Shape({2, 3}));
  EXPECT_EQ(shape(masks, {.batch = true, .multilabel = true}), Shape({3}));
  for (DType dtype : {DType::boolean, DType::uint8, DType::int64, DType::float64}) {
    const Tensor t = Tensor::ones({2, 3, 4, 5}).to(dtype);
    EXPECT_NEAR(F::dice_loss(y, t).item(), F::dice_loss(y, Tensor::ones({2, 3, 4, 5})).item(), 1e-6);
  }
  for (DType dtype : {DType::uint8, DType::int32})
    EXPECT_EQ(F::dice_loss(y, labels.to(dtype)).item(), F::dice_loss(y, labels).item());
  // Items of one pixel, and views.
  const Tensor z = Tensor::randn({7, 3}, 2, 0, DType::float64),
               c = Tensor::from(std::vector<std::int64_t>{0, 1, 2, 0, 1, 2, 1});
  EXPECT_NEAR(F::dice_loss(z, c, {.batch = true}).item(),
              F::dice_loss(z.t().contiguous().unsqueeze(0), c.unsqueeze(0)).item(), 1e-15);
  EXPECT_EQ(F::dice_loss(y.transpose(2, 3), labels.transpose(1, 2)).item(),
            F::dice_loss(y.transpose(2, 3).contiguous(), labels.transpose(1, 2).contiguous()).item());
}

TEST(OverlapCalls, ErrorsSayWhatIsWrongAndWhatIsValid) {
  const Tensor y = Tensor::zeros({2, 3, 4}), t = Tensor::zeros({2, 3, 4}), labels = Tensor::zeros({2, 4}, DType::int64);
  EXPECT_EQ(message_of([&] {
              F::dice_loss(y, Tensor::zeros({2, 1, 4}, DType::int64));
            }),
            "dice_loss: target has shape [2, 1, 4], but input has [2, 3, 4] (valid: [2, 3, 4] with a target for each "
            "logit, or [2, 4] with class indices)");
  EXPECT_EQ(message_of([&] { F::dice_loss(Tensor::zeros({4}), Tensor::zeros({3})); }),
            "dice_loss: target has shape [3], but input has [4] (valid: [4] with a target for each logit)");
  EXPECT_EQ(message_of([&] { F::jaccard_loss(y, labels.to(DType::float32)); }),
            "jaccard_loss: target of shape [2, 4] holds float32 (valid: class indices as int64, int32 or uint8)");
  EXPECT_EQ(message_of([&] { F::dice_loss(y, labels, {.multilabel = true}); }),
            "dice_loss: multilabel is true, but input has shape [2, 3, 4] and target [2, 4] (valid: both [N, C, ...])");
  EXPECT_EQ(message_of([&] { F::dice_loss(labels, labels); }),
            "dice_loss: input holds int64 (valid: float32, float64)");
  EXPECT_EQ(message_of([&] { F::dice_loss(Tensor(), labels); }), "dice_loss: input is not a tensor");
  EXPECT_EQ(message_of([&] {
              F::dice_loss(Tensor::zeros({2, 0, 4}), labels);
            }),
            "dice_loss: input of shape [2, 0, 4] has no classes (valid: 1 or more)");
  const Tensor wrong = Tensor::from(std::vector<std::int64_t>{0, 1, 2, 0, 0, 3, 0, -1}, {2, 4});
  EXPECT_EQ(message_of([&] { F::tversky_loss(y, wrong); }),
            "tversky_loss: target[5] is 3, but input has 3 classes (valid: 0..2, or ignore_index -100)");
  const Tensor half = Tensor::from({0.0, 1.0, -100.0, 1.5});
  EXPECT_EQ(message_of([&] { F::dice_loss(Tensor::zeros({4}), half); }),
            "dice_loss: target[3] is 1.5 (valid: 0..1, or ignore_index -100)");
  EXPECT_EQ(message_of([&] { F::lovasz_loss(Tensor::zeros({4}), half * 0.5); }),
            "lovasz_loss: target[1] is 0.5 (valid: 0 or 1, or ignore_index -100)");
  EXPECT_EQ(message_of([&] { F::dice_loss(y, labels, {}, {.weight = Tensor::ones({2})}); }),
            "dice_loss: weight has shape [2], but input has 3 classes (valid: [3])");
  EXPECT_EQ(message_of([&] { F::dice_loss(y, labels, {}, {.pos_weight = Tensor::ones({2})}); }),
            "dice_loss: pos_weight is not supported");
  EXPECT_EQ(message_of([&] { F::dice_loss(y, t, {.smooth = -1}); }), "dice: smooth is -1 (valid: 0 or more)");
  EXPECT_EQ(message_of([&] { F::focal_tversky_loss(y, t, {.gamma = 0}); }),
            "focal_tversky: gamma is 0 (valid: above 0)");
  EXPECT_THROW(nn::DiceLoss(Dice{.smooth = -1}), ValueError);
  EXPECT_EQ(message_of([&] { parse_loss("dice:ignore_index=1.5"); }),
            "loss dice: ignore_index is '1.5' (valid: a whole number)");
}

/// Along random lines through the logits of a mask: the points that contradict what a loss claims.
template <class Loss, class Function>
int contradictions(const Function& function, Trait claim) {
  int found = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Tensor t = (Tensor::rand({12}, seed) < 0.4).to(DType::float64);
    const Tensor a = 3 * Tensor::randn({12}, seed, 1, DType::float64),
                 b = 3 * Tensor::randn({12}, seed, 2, DType::float64);
    const auto value = [&](double s) { return function((1 - s) * a + s * b, t, Loss{}).item(); };
    const auto slopes = [&](double s, double scale) {
      const Tensor y = (scale * ((1 - s) * a + s * b)).contiguous().detach().set_requires_grad();
      return grad(function(y, t, Loss{}), y).template to_vector<double>();
    };
    const double s = 0.1 + 0.8 * static_cast<double>(seed) / 60;
    if (claim == Trait::never_negative) found += value(s) < 0;
    if (claim == Trait::convex) found += value(s) > (1 - s) * value(0) + s * value(1) + 1e-9;
    if (claim == Trait::lipschitz) {
      for (double slope : slopes(s, 1e3)) found += !(std::abs(slope) <= 1);
    }
    if (claim == Trait::smooth) {
      // Bisects towards the largest jump of the slopes: a kink's does not shrink with the interval.
      const auto apart = [](const std::vector<double>& x, const std::vector<double>& y) {
        double largest = 0;
        for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
        return largest;
      };
      double low = 0, high = 1;
      auto at_low = slopes(low, 1), at_high = slopes(high, 1);
      for (int step = 0; step < 30; ++step) {
        const double middle = 0.5 * (low + high);
        auto at_middle = slopes(middle, 1);
        const bool left = apart(at_low, at_middle) > apart(at_middle, at_high);
        (left ? high : low) = middle;
        (left ? at_high : at_low) = std::move(at_middle);
      }
      found += apart(at_low, at_high) > 1e-6;
    }
  }
  return found;
}

TEST(OverlapClaims, Hold) {
  for_each_loss([]<class Loss>(const Loss&) {
    if constexpr (ListedMask<Loss>) {
      const LossFunction<Loss> call(function_name<Loss>);
      for (Trait claim : {Trait::convex, Trait::lipschitz, Trait::never_negative, Trait::smooth}) {
        if (has(Loss::info.traits, claim)) {
          EXPECT_EQ(contradictions<Loss>(call, claim), 0) << Loss::info.name << static_cast<unsigned>(claim);
        }
      }
    }
  });
  const auto dice = [](const auto&... a) { return F::dice_loss(a...); };
  const auto lovasz = [](const auto&... a) { return F::lovasz_loss(a...); };
  EXPECT_GT(contradictions<Dice>(dice, Trait::convex), 0);
  EXPECT_GT(contradictions<Lovasz>(lovasz, Trait::smooth), 0);
  const auto cubed = [&](const auto&... a) {
    const Tensor x = F::lovasz_loss(a...);
    return x * x * x - 0.5;
  };
  EXPECT_GT(contradictions<Lovasz>(cubed, Trait::lipschitz), 0);
  const auto lower = [](const Tensor& y, const Tensor& t, const Dice&) { return F::dice_loss(y, t) - 0.5; };
  EXPECT_GT(contradictions<Dice>(lower, Trait::never_negative), 0);
}

TEST(OverSpans, IsTheLossOfTensors) {
  const Tensor y = Tensor::randn({3, 50}, 5, 0, DType::float64).set_requires_grad();
  const Tensor t = (Tensor::rand({3, 50}, 6) < 0.3).to(DType::float64);
  const FocalTversky loss{.gamma = 2};
  std::vector<double> gradient(150);
  const double value = value_and_gradient(loss, std::span(y.data<double>(), 150), std::span(t.data<double>(), 150), 50,
                                          std::span(gradient));
  const Tensor expected = F::focal_tversky_loss(y, t, loss);
  EXPECT_NEAR(value, expected.item(), 1e-15);
  const std::vector<double> slopes = grad(expected, y).to_vector<double>();
  for (std::size_t i = 0; i < 150; ++i) EXPECT_NEAR(gradient[i], slopes[i], 1e-16);
  std::vector<double> wrong(150);
  wrong[7] = -1;
  EXPECT_EQ(message_of([&] { value_and_gradient(loss, gradient, wrong, 50, gradient); }),
            "value_and_gradient: target[7] is -1 (valid: 0..1, or ignore_index -100)");
  EXPECT_EQ(message_of([&] {
              value_and_gradient(loss, std::span(y.data<double>(), 150), std::span(t.data<double>(), 150), 40,
                                 std::span(gradient));
            }),
            "value_and_gradient: masks of 40 pixels in 150 elements (valid: a multiple of the number of pixels)");
}

TEST(Quantiles, SeveralAtOnce) {
  const Tensor y = Tensor::randn({5, 3}, 7, 0, DType::float64).set_requires_grad(),
               t = Tensor::randn({5}, 8, 0, DType::float64);
  const Quantiles loss{{0.05, 0.5, 0.9}};
  const Tensor none = F::quantile_loss(y, t, loss, {.reduction = Reduction::none});
  ASSERT_EQ(none.shape(), Shape({5, 3}));
  double total = 0;
  for (int k = 0; k < 3; ++k) {
    const Tensor column = y.detach().select(1, k).contiguous();
    const double one = F::quantile_loss(column, t, Quantile{.q = loss.levels[static_cast<std::size_t>(k)]}).item();
    EXPECT_NEAR(mean(none.select(1, k)).item(), one, 1e-15);
    total += one;
  }
  EXPECT_NEAR(F::quantile_loss(y, t, loss).item(), total / 3, 1e-15);
  EXPECT_NEAR(nn::QuantilesLoss(loss)(y, t).item(), total / 3, 1e-15);
  EXPECT_EQ(check_gradient([&](const auto& x) { return F::quantile_loss(x[0], t, loss); }, {y}), "");
  EXPECT_EQ(
      message_of([&] {
        F::quantile_loss(y, Tensor::zeros({5, 3}), loss);
      }),
      "quantile_loss: input has shape [5, 3] and target [5, 3], but there are 3 quantiles (valid: [5, 3, 3] for this "
      "target)");
  EXPECT_EQ(message_of([&] {
              F::quantile_loss(y, t, Quantiles{{0.5, 1}});
            }),
            "quantile: q[1] is 1 (valid: above 0, below 1)");
  EXPECT_EQ(message_of([&] { F::quantile_loss(y, t, Quantiles{{}}); }),
            "quantile: q is empty (valid: one or more numbers)");
}

TEST(Quantiles, AsText) {
  EXPECT_EQ(to_string(parse_loss("quantile:q=0.05/0.5/0.95")), "quantile:q=0.05/0.5/0.95");
  EXPECT_EQ(to_string(parse_loss("quantile:q=0.25/")), "quantile:q=0.25/");
  EXPECT_EQ(to_string(parse_loss("quantile:q=0.25")), "quantile:q=0.25");
  EXPECT_EQ(message_of([] { parse_loss("quantile:q=0.5/x"); }), "loss quantile: q is 'x' (valid: a number)");
  EXPECT_EQ(message_of([] { parse_loss("quantile:q=0.5/2"); }), "quantile: q[1] is 2 (valid: above 0, below 1)");
}

}  // namespace
}  // namespace perdita
