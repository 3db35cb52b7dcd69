#include "perdita/evaluate/classification.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "perdita/core/error.hpp"

namespace perdita::evaluate {
namespace {
using Labels = std::vector<std::int64_t>;

TEST(ScoreClasses, ByHand) {  // precision, recall, f1 as sklearn.metrics says (except 0/0)
  const Labels targets{0, 0, 0, 1, 1, 2}, predicted{0, 0, 1, 1, 0, 1};
  const std::vector<float> losses{1, 2, 3, 4, 6, 8};
  const ClassificationScore s = score_classes(targets, predicted, losses, 4);
  EXPECT_EQ(s.correct, 3);
  EXPECT_DOUBLE_EQ(s.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(s.balanced_accuracy, (2.0 / 3 + 1.0 / 2 + 0) / 3);
  EXPECT_EQ(s.confused(0, 1), 1);
  EXPECT_EQ(s.confused(1, 0), 1);
  EXPECT_EQ(s.confused(2, 1), 1);
  EXPECT_EQ(s.confused(2, 2), 0);
  EXPECT_DOUBLE_EQ(s.classes[0].mean_loss, 2);
  EXPECT_DOUBLE_EQ(s.classes[0].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.classes[0].f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.classes[1].precision, 1.0 / 3);
  EXPECT_DOUBLE_EQ(s.classes[1].f1, 0.4);
  EXPECT_TRUE(std::isnan(s.classes[2].precision));  // never predicted
  EXPECT_EQ(s.classes[2].recall, 0);
  EXPECT_TRUE(std::isnan(s.classes[3].recall) && std::isnan(s.classes[3].f1) && std::isnan(s.classes[3].mean_loss));
  EXPECT_DOUBLE_EQ(s.macro_f1, (2.0 / 3 + 0.4 + 0) / 3);
}

/// Of outputs that are NaN.
TEST(ScoreClasses, SamplesWithoutAPredictionAreWrong) {
  const ClassificationScore score = score_classes(Labels{0, 0, 1, 2}, Labels{0, -1, -1, 2}, {}, 3);
  EXPECT_EQ(score.accuracy, 0.5);
  EXPECT_EQ(score.classes[0].support, 2);
  EXPECT_EQ(score.classes[0].predicted, 1);
  EXPECT_EQ(score.classes[1].predicted, 0);
  EXPECT_EQ(score.classes[1].recall, 0.0);
}

TEST(ScoreClasses, NamesWhatIsWrong) {
  const auto message_of = [](const Labels& targets, const Labels& predicted) {
    try {
      score_classes(targets, predicted, {}, 3);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message_of({0, 3}, {0, 0}), "score_classes: targets[1] is 3 (valid: 0..2)");
  EXPECT_EQ(message_of({0, 2}, {-2, 0}), "score_classes: predicted[0] is -2 (valid: -1..2)");
  EXPECT_EQ(message_of({0, 2}, {0}),
            "score_classes: there are 2 targets, 1 predictions and 0 losses (valid: the same number, or no losses)");
  EXPECT_THROW(score_classes({}, {}, {}, 3), ValueError);
}

TEST(ClassTable, LinesUp) {
  const std::vector<float> losses{0.5f, 0.5f, 2.0f};
  const ClassificationScore s = score_classes(Labels{0, 0, 1}, Labels{0, 0, 0}, losses, 2);
  EXPECT_EQ(class_table(s, {"shirt",
                            "d\xC3\xA9"
                            "bardeur\x1b"}),
            "class       samples  mean loss  precision   recall       f1\n"
            "shirt             2     0.5000      0.667    1.000    0.800\n"
            "d\xC3\xA9"
            "bardeur\xEF\xBF\xBD        1     2.0000          -    0.000    0.000\n"
            "class mean        3     1.2500      0.667    0.500    0.400\n");
  EXPECT_THROW(class_table(s, {"one"}), ShapeError);
}

TEST(ScoreRegression, ByHand) {
  const std::vector<double> targets{1, 2, 3, 6}, predictions{2, 2, 1, 7};
  const RegressionScore s = score_regression(targets, predictions);
  EXPECT_DOUBLE_EQ(s.mse, 1.5);
  EXPECT_DOUBLE_EQ(s.rmse, std::sqrt(1.5));
  EXPECT_DOUBLE_EQ(s.mae, 1.0);
  EXPECT_DOUBLE_EQ(s.bias, 0.0);
  EXPECT_DOUBLE_EQ(s.r2, 1 - 6.0 / 14);
  EXPECT_TRUE(std::isnan(score_regression(std::vector<double>{2, 2}, std::vector<double>{1, 3}).r2));
  const std::vector<double> constant(1000, 0.1);  // whose computed mean is not 0.1
  EXPECT_TRUE(std::isnan(score_regression(constant, std::vector<double>(1000, 0.2)).r2));
  EXPECT_THROW(score_regression(targets, std::vector<double>{1}), ShapeError);
  EXPECT_THROW(score_regression({}, {}), ValueError);
}

}  // namespace
}  // namespace perdita::evaluate
