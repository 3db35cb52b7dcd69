#include "perdita/data/class_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "data/files.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;

void expect_near(const Doubles& found, const Doubles& expected, double tolerance = 1e-14) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance * std::abs(expected[i])) << "class " << i;
  }
}
Doubles weights(const Ints& counts, std::string_view scheme) {
  return class_weights(counts, parse_weight_scheme(scheme));
}

TEST(ClassWeights, BalancedIsSamplesOverClassesTimesCount) {
  expect_near(weights({10, 30, 60}, "balanced"), {100.0 / 30, 100.0 / 90, 100.0 / 180});
  EXPECT_EQ(weights({6000, 6000, 6000}, "balanced"), (Doubles{1, 1, 1}));
  expect_near(weights({10, 0, 30}, "balanced"), {40.0 / 30, 0, 40.0 / 90});
}

TEST(ClassWeights, OthersAreProportionalAndSumToTheNumberOfClasses) {
  expect_near(weights({1, 4, 16}, "inverse"), {3 * 16.0 / 21, 3 * 4.0 / 21, 3 * 1.0 / 21});
  expect_near(weights({1, 4, 16}, "inverse_sqrt"), {3 * 4.0 / 7, 3 * 2.0 / 7, 3 * 1.0 / 7});
  expect_near(weights({1, 0, 4}, "inverse"), {3 * 4.0 / 5, 0, 3 * 1.0 / 5});
}

// From mpmath with 50 digits.
TEST(ClassWeights, EffectiveNumbersAreStable) {
  expect_near(weights({6000, 600, 60, 0}, "effective_number:0.9999"),
              {0.0475226244024687697, 0.368184521300741634, 3.5842928542967896, 0});
  // In doubles beta^1 = beta and 1 - beta is 2^-50: powers would lose all digits.
  const WeightScheme near_one{.kind = Weighting::effective_number, .beta = 1 - 0x1p-50};
  expect_near(class_weights(Ints{1'000'000'000'000'000'000, 1'000'000'000'000'000, 1}, near_one),
              {2.66453525910036931e-15, 4.52693769244138035e-15, 2.99999999999999281});
  expect_near(weights({5000, 1, 2}, "effective_number:beta=0.99"),
              {0.0198345459982059379, 1.98345459982059203, 0.99671085418120203});
}

TEST(ClassWeights, EffectiveNumberLiesBetweenAlikeAndInverse) {
  const Ints counts{1, 10, 1000, 123456};
  EXPECT_EQ(weights(counts, "effective_number:0"), (Doubles{1, 1, 1, 1}));
  const WeightScheme limit{.kind = Weighting::effective_number, .beta = 1 - 0x1p-53};
  expect_near(class_weights(counts, limit), weights(counts, "inverse"), 1e-10);
}

TEST(ClassWeights, ACapBoundsTheRatioAndKeepsTheSum) {
  const Ints counts{1000, 100, 10, 0, 1};
  for (std::string_view scheme : {"balanced", "inverse", "inverse_sqrt", "effective_number:0.9999"}) {
    for (double cap : {1.0, 7.5, 30.0, 1e6}) {
      SCOPED_TRACE(testing::Message() << scheme << ", cap " << cap);
      const Doubles plain = weights(counts, scheme), capped = weights(counts, fmt::format("{},cap={}", scheme, cap));
      const bool over_samples = scheme == "balanced";
      double before = 0, after = 0;
      for (std::size_t c = 0; c < counts.size(); ++c) {
        const double times = over_samples ? static_cast<double>(counts[c]) : 1.0;
        before += plain[c] * times, after += capped[c] * times;
        EXPECT_NEAR(capped[c] / capped[0], std::min(plain[c] / plain[0], cap), 1e-13 * cap);
      }
      EXPECT_NEAR(after, before, 1e-12 * before);
      EXPECT_EQ(capped[3], 0);
    }
  }
}

TEST(ClassWeights, TextsOfSchemes) {
  for (std::string_view text : {"balanced", "inverse", "inverse_sqrt,cap=2.5", "effective_number:0.999,cap=10"}) {
    EXPECT_EQ(to_string(parse_weight_scheme(text)), text);
  }
  EXPECT_EQ(to_string(parse_weight_scheme("effective_number")), "effective_number:0.9999");
  EXPECT_EQ(parse_weight_scheme("balanced:cap=10"), parse_weight_scheme("balanced,cap=10"));
  EXPECT_EQ(parse_weight_scheme("effective_number:beta=0.9"), parse_weight_scheme("effective_number:0.9"));
  EXPECT_TRUE(names_weight_scheme("balanced,cap=x"));
  EXPECT_FALSE(names_weight_scheme("weights.txt"));
}

TEST(ClassWeights, RefusesWhatIsNoScheme) {
  const auto text = [](std::string_view scheme) {
    return message_of<ValueError>([&] { parse_weight_scheme(scheme); });
  };
  EXPECT_CONTAINS(text("balancd"), "unknown scheme 'balancd' (valid: balanced, inverse");
  EXPECT_CONTAINS(text("balancd"), "did you mean 'balanced'?");
  EXPECT_CONTAINS(text("balanced:0.9"), "unknown option '0.9' of balanced (valid: cap=R)");
  EXPECT_CONTAINS(text("balanced,"), "unknown option '' of balanced");
  EXPECT_CONTAINS(text("effective_number:1"), "beta is 1 (valid: 0 or more, below 1");
  EXPECT_CONTAINS(text("effective_number:x"), "beta is 'x'");
  EXPECT_CONTAINS(text("effective_number:nan"), "beta is nan");
  EXPECT_CONTAINS(text("inverse,cap=0.5"), "cap is 0.5 (valid: 1 or more)");
  EXPECT_CONTAINS(text("inverse,cap=10x"), "cap is '10x'");
  EXPECT_CONTAINS(message_of<ValueError>([] { class_weights(Ints{0, 0}); }), "no samples in 2 classes");
  EXPECT_CONTAINS(message_of<ValueError>([] { class_weights(Ints{}); }), "no samples in 0 classes");
  EXPECT_CONTAINS(message_of<ValueError>([] { class_weights(Ints{3, -1}); }), "count[1] is -1");
}

TEST(ClassWeights, Counts) {
  EXPECT_EQ(count_classes(Ints{2, 0, 2, 2}), (Ints{1, 0, 3}));
  EXPECT_EQ(count_classes(Ints{2, 0, 2, 2}, 5), (Ints{1, 0, 3, 0, 0}));
  EXPECT_EQ(count_classes(Ints{0, -100, 1, -100}, std::nullopt, -100), (Ints{1, 1}));
  EXPECT_EQ(count_classes(Ints{}), Ints{});
  EXPECT_CONTAINS(message_of<IndexError>([] { count_classes(Ints{0, 3}, 3); }), "label[1] is 3 (valid: 0..2)");
  EXPECT_CONTAINS(message_of<IndexError>([] { count_classes(Ints{0, 0, -1}); }), "label[2] is -1");
  EXPECT_CONTAINS(message_of<ValueError>([] { count_classes(Ints{}, 0); }), "num_classes is 0");
}

TEST(ClassWeights, PosWeightsAreNegativesOverPositives) {
  expect_near(pos_weights(Ints{90, 1, 50}, Ints{10, 99, 50}), {9, 1.0 / 99, 1});
  expect_near(pos_weights(Ints{90, 1, 50}, Ints{10, 99, 50}, 4), {4, 0.25, 1});
  EXPECT_EQ(pos_weights(Ints{5, 0}, Ints{0, 5}), (Doubles{1, 1}));
  EXPECT_THROW(pos_weights(Ints{1}, Ints{1, 2}), ShapeError);
  EXPECT_CONTAINS(message_of<ValueError>([] { pos_weights(Ints{1}, Ints{-1}); }), "positives: count[0] is -1");
}

TEST(ClassWeights, SpreadIsThatOfTheSamples) {
  const Ints counts{2, 1, 0, 3};
  const Doubles of_classes{1, 4, 100, 0.5}, of_samples{1, 1, 4, 0.5, 0.5, 0.5};
  double sum = 0, squares = 0;
  for (double weight : of_samples) sum += weight, squares += weight * weight;
  const WeightSpread spread = spread_of(of_classes, counts);
  EXPECT_DOUBLE_EQ(spread.ratio, 8);
  EXPECT_DOUBLE_EQ(spread.mean, sum / 6);
  EXPECT_DOUBLE_EQ(spread.effective_share, sum * sum / squares / 6);
}

}  // namespace
}  // namespace perdita::data
