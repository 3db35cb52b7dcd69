// Missing targets and smoothed labels: compared with the loss of the elements that are there, and of targets that were
// smoothed before the call.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "perdita/functional/elementwise.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/tensor/gradcheck.hpp"
#include "refusal.hpp"

namespace perdita {
namespace {

namespace F = functional;

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

/// Numbers well inside an interval.
Tensor drawn(const Interval& interval, std::int64_t count, std::uint64_t seed) {
  const Tensor u = Tensor::rand({count}, seed, 0, DType::float64);
  if (interval.ends_only) return (u > 0.5).to(DType::float64) * (interval.high - interval.low) + interval.low;
  const double low = std::isfinite(interval.low) ? interval.low : -3,
               high = std::isfinite(interval.high) ? interval.high : 3;
  return u * (0.9 * (high - low)) + low + 0.05 * (high - low);
}

bool is_missing(std::size_t i) { return i % 7 == 3 || i % 11 == 0; }

/// An operand of all elements, with `filler` at those that are missing, and of the others alone.
struct Pair {
  Tensor all, present;
};
Pair pair_of(const Tensor& values, const std::vector<double>& filler) {
  std::vector<double> all = values.to_vector<double>(), present;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_missing(i))
      all[i] = filler[i % filler.size()];
    else
      present.push_back(all[i]);
  }
  return {Tensor::from(all), Tensor::from(present)};
}

void expect_close(const std::vector<double>& found, const std::vector<double>& wanted, double tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], wanted[i], tolerance * std::max(1.0, std::abs(wanted[i]))) << i;
}

/// Of a gradient of all elements that of those that are there; the others must be 0.
std::vector<double> of_present(const Tensor& gradient) {
  std::vector<double> present;
  const std::vector<double> all = gradient.to_vector<double>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_missing(i))
      EXPECT_EQ(all[i], 0) << i;
    else
      present.push_back(all[i]);
  }
  return present;
}

TEST(Missing, ElementsCountForNothing) {
  std::uint64_t seed = 500;
  for_each_elementwise_loss([&]<class Loss>(const Loss&) {
    const LossFunction<Loss> function(function_name<Loss>);
    for (const DType dtype : {DType::float64, DType::float32}) {
      for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
        for (const bool is_weighted : {false, true}) {
          SCOPED_TRACE(fmt::format("{} {} seed {}", Loss::info.name, name_of(dtype), ++seed));
          const std::int64_t count = 3000;
          const Pair y = pair_of(drawn(Loss::info.input, count, seed), {nan, inf, -inf, 1e300});
          const Pair t = pair_of(drawn(Loss::info.target, count, seed + 1000), {nan});
          const Pair w = pair_of(drawn(positive, count, seed + 2000), {nan, 3});
          const auto run = [&](const Tensor& input, const Tensor& target, const Tensor& weight, bool missing) {
            const Tensor leaf = input.to(dtype).detach().set_requires_grad();
            const Tensor loss = function(
                leaf, target.to(dtype),
                {.weight = is_weighted ? weight.to(dtype) : Tensor(), .reduction = reduction, .missing = missing});
            loss.backward();
            return std::pair(loss.item(), leaf.grad());
          };
          const auto [found, gradient] = run(y.all, t.all, w.all, true);
          const auto [wanted, gradient_of_present] = run(y.present, t.present, w.present, false);
          const double tolerance = dtype == DType::float64 ? 1e-12 : 1e-4;
          EXPECT_NEAR(found, wanted, tolerance * std::abs(wanted));
          expect_close(of_present(gradient), gradient_of_present.template to_vector<double>(), tolerance);
        }
      }
    }
  });
}

TEST(Missing, DenominatorsCountWhatIsThere) {
  const Tensor y = Tensor::from({1.0, 2.0, 3.0, 4.0}), t = Tensor::from({0.0, nan, 0.0, nan});
  const Tensor w = Tensor::from({1.0, 2.0, 3.0, 4.0});
  LossExtras extras;
  const auto denominator = [&](const Tensor& weight, Normalize normalize_by) {
    F::mse_loss(y, t, {.weight = weight, .normalize_by = normalize_by, .extras = &extras, .missing = true});
    return extras.denominator;
  };
  EXPECT_EQ(denominator({}, Normalize::standard), 2);
  EXPECT_EQ(denominator(w, Normalize::weight_sum), 4);
  EXPECT_EQ(denominator({}, Normalize::batch), 4);
  EXPECT_EQ(extras.losses.to_vector<double>(), (std::vector<double>{1, 0, 9, 0}));
  const Tensor rows = Tensor::from({0.0, nan}), matrix = Tensor::ones({3, 2}, DType::float64);
  F::mse_loss(matrix, rows, {.extras = &extras, .missing = true});
  EXPECT_EQ(extras.denominator, 3);
  EXPECT_EQ(extras.numerator, 3);
}

TEST(Missing, NothingThereIsTheMeanOfNothing) {
  const Tensor y = Tensor::from({1.0, 2.0}).set_requires_grad();
  const Tensor loss = F::mse_loss(y, Tensor::from({nan, nan}), {.missing = true});
  EXPECT_TRUE(std::isnan(loss.item()));
  loss.backward();
  EXPECT_EQ(y.grad().to_vector<double>(), (std::vector<double>{0, 0}));
}

TEST(Missing, RecordedOperatorsLeaveThemOutToo) {
  const std::vector<double> truth{0.5, nan, -1.0, nan};
  const auto f = [&](const std::vector<Tensor>& in) {
    const Tensor t = select(Tensor::from({true, false, true, false}), in[1], nan);
    return F::huber_loss(in[0], t, {.missing = true});
  };
  const Tensor y = Tensor::from({1.0, 2.0, 3.0, -4.0}).set_requires_grad();
  const Tensor t = Tensor::from({0.5, 0.25, -1.0, 0.75}).set_requires_grad();
  EXPECT_EQ(check_gradient(f, {y, t}, {.second_order = true}), "");
  const Formula formula = Formula::parse("abs(y - t)^1.5");
  const Tensor target = Tensor::from(truth);
  const auto of_formula = [&](const std::vector<Tensor>& in) {
    return F::formula_loss(in[0], target, formula, {.missing = true});
  };
  EXPECT_EQ(check_gradient(of_formula, {y}, {.second_order = true}), "");
  const double expected = (std::pow(0.5, 1.5) + std::pow(4.0, 1.5)) / 2;
  EXPECT_NEAR(F::formula_loss(y, target, formula, {.missing = true}).item(), expected, 1e-14);
}

TEST(Missing, NarrowAndStridedOperands) {
  const Tensor y = Tensor::from({1.0f, 2.0f, 3.0f, 4.0f}, {2, 2}), t = Tensor::from({0.0f, NAN, 0.0f, NAN}, {2, 2});
  EXPECT_EQ(F::mse_loss(y.to(DType::bfloat16), t.to(DType::bfloat16), {.missing = true}).item(), 5);
  EXPECT_EQ(F::mse_loss(y.transpose(0, 1), t.transpose(0, 1), {.missing = true}).item(), 5);
}

TEST(Missing, IsRefusedByOtherLosses) {
  const Tensor y = Tensor::ones({3, 4}), t = Tensor::from(std::vector<std::int64_t>{0, 1, 2});
  const auto message = refusal<ValueError>([&] { F::dice_loss(y, y, {.missing = true}); });
  EXPECT_NE(message.find("dice_loss: missing is not supported"), std::string::npos) << message;
  const auto of_text = refusal<ValueError>([&] { parse_loss("cross_entropy:missing=nan"); });
  EXPECT_NE(of_text.find("cross_entropy has no option 'missing'"), std::string::npos) << of_text;
}

TEST(LabelSmoothing, IsThatOfTheTargets) {
  std::uint64_t seed = 900;
  for_each_elementwise_loss([&]<class Loss>(const Loss&) {
    const LossFunction<Loss> function(function_name<Loss>);
    SCOPED_TRACE(fmt::format("{} seed {}", Loss::info.name, ++seed));
    const Tensor y = drawn(Loss::info.input, 2000, seed).set_requires_grad(),
                 t = drawn(Loss::info.target, 2000, seed + 1);
    if constexpr (!has_smooth_labels(Loss::info)) {
      EXPECT_NE(refusal<ValueError>([&] { function(y, t, {.label_smoothing = 0.1}); }).find("label_smoothing"),
                std::string::npos);
    } else {
      const Tensor same = y.detach().clone().set_requires_grad();
      const Tensor found = function(y, t, {.label_smoothing = 0.1}), wanted = function(same, t * 0.9 + 0.05);
      found.backward(), wanted.backward();
      EXPECT_NEAR(found.item(), wanted.item(), 1e-13);
      expect_close(y.grad().to_vector<double>(), same.grad().to_vector<double>(), 1e-12);
    }
  });
}

}  // namespace
}  // namespace perdita
