// Wrong labels on purpose, and what finds them.
#include "perdita/train/suspects.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/label_noise.hpp"
#include "perdita/evaluate/ranking.hpp"
#include "perdita/train/trainer.hpp"

namespace perdita::train {
namespace {

TEST(FlipLabels, ChangesItsShareToOtherClassesAlike) {
  std::vector<std::int64_t> labels(30'000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 4);
  const auto flipped = data::flip_labels(labels, 4, 0.2, 7);
  std::vector<int> to(16);
  int changed = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    changed += labels[i] != flipped[i];
    ++to[static_cast<std::size_t>(labels[i] * 4 + flipped[i])];
  }
  EXPECT_EQ(changed, 6000);
  for (std::size_t k = 0; k < 16; ++k) {
    if (k % 5 == 0) continue;  // its own class
    EXPECT_NEAR(to[k], 500, 5 * std::sqrt(500.0)) << "seed 7, pair " << k;
  }
  EXPECT_EQ(data::flip_labels(labels, 4, 0.2, 7), flipped);
  EXPECT_NE(data::flip_labels(labels, 4, 0.2, 8), flipped);
  EXPECT_EQ(data::flip_labels(labels, 4, 0, 7), labels);
  EXPECT_THROW(data::flip_labels(labels, 3, 0.2, 7), IndexError);
  EXPECT_THROW(data::flip_labels(labels, 4, 1.2, 7), ValueError);
}

TEST(AreaUnderRoc, IsTheShareOfPairs) {
  const std::vector<double> scores{0.1, 0.4, 0.4, 0.8, 0.3, 0.4};
  const std::vector<bool> positive{false, true, false, true, true, false};
  double pairs = 0, won = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (!positive[i] || positive[j]) continue;
      ++pairs;
      won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  EXPECT_NEAR(evaluate::area_under_roc(scores, positive), won / pairs, 1e-15);
  EXPECT_TRUE(std::isnan(evaluate::area_under_roc(scores, std::vector<bool>(6))));
  EXPECT_THROW(evaluate::area_under_roc(std::vector{1.0, std::nan("")}, {true, false}), ValueError);
  EXPECT_THROW(evaluate::area_under_roc(scores, {true}), ShapeError);
}

TEST(FindSuspects, RanksFlippedLabelsOfTwoClassesFirst) {
  for (const char* loss : {"binary_cross_entropy_with_logits", "binary_cross_entropy", "cross_entropy"}) {
    Config config;
    config.data = "synthetic:moons,samples=2000,noise=0.1";
    config.loss = parse_loss(loss);
    config.epochs = 20;
    config.label_noise = 0.2;
    const Problem problem = prepare(config);
    Trainer trainer(problem);
    while (!trainer.is_finished()) trainer.run_epoch();
    const auto suspects = find_suspects(problem, trainer.margin_tracker());
    ASSERT_TRUE(suspects && suspects->found) << loss;
    EXPECT_EQ(std::ssize(suspects->ranking), problem.train.size());
    EXPECT_GT(suspects->found->by_aum, 0.95) << loss;
    EXPECT_GT(suspects->contradicted, 250) << loss;  // 288 labels are wrong; some right ones are hard
    EXPECT_LT(suspects->contradicted, 400) << loss;
  }
}

}  // namespace
}  // namespace perdita::train
