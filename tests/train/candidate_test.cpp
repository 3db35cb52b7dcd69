// Losses with options of training, from text.
#include "perdita/train/candidate.hpp"

#include <gtest/gtest.h>

#include "perdita/core/error.hpp"

namespace perdita::train {
namespace {

TEST(Candidate, OptionsGoToTheLossOrToTheRun) {
  Config common;
  common.data = "fashion-mnist";
  const auto all = parse_candidates(
      " cross_entropy;focal:gamma=1,lr=0.5 ; cross_entropy:weights=effective_number:0.99,cap=5,label_smoothing=0.1; "
      "ldam_drw:max_margin=0.3;",
      common);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "cross_entropy");
  EXPECT_EQ(to_string(*all[0].config.loss), "cross_entropy");
  EXPECT_EQ(all[0].config.data, "fashion-mnist");
  EXPECT_EQ(to_string(*all[1].config.loss), "focal:gamma=1");
  EXPECT_EQ(*all[1].config.lr, 0.5);
  EXPECT_EQ(to_string(*all[2].config.loss), "cross_entropy:label_smoothing=0.1");
  EXPECT_EQ(to_string(all[2].config.class_weights), "effective_number:0.99,cap=5");
  EXPECT_EQ(to_string(*all[3].config.loss), "ldam:max_margin=0.3");
  EXPECT_EQ(to_string(all[3].config.last_layer), "cosine");
  EXPECT_EQ(to_string(all[3].config.class_weights), "effective_number:0.9999");
  EXPECT_EQ(all[3].config.defer_weights, 0.8);
}

TEST(Candidate, FormulasKeepTheirSeparators) {
  const auto all = parse_candidates("mse; formula: k * abs(y - t)^n where k = 2; n = 1.5; huber:delta=2,lr=0.1", {});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(to_string(*all[1].config.loss), "formula: k * abs(y - t)^n where k = 2; n = 1.5");
  EXPECT_EQ(to_string(*all[2].config.loss), "huber:delta=2");
}

TEST(Candidate, SumsHaveOptionsOfPartsAndOfTheRun) {
  const auto all = parse_candidates(
      "mse; 0.7*huber:delta=2 + linear(0,1,epochs=3)*l1:lr=0.1; mse + 0.5*(formula: k * abs(y - t) + n where k = 2; n "
      "= 1) "
      "+ l1",
      {});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(to_string(*all[1].config.loss), "0.7*huber:delta=2 + linear(0,1,epochs=3)*l1");
  EXPECT_EQ(*all[1].config.lr, 0.1);
}

TEST(Candidate, WrongTextIsNamed) {
  for (const char* text : {"", "cross_entropy", "cross_entropy; cross_entropy", "cross_entropy; focl",
                           "cross_entropy; focal:seed=3", "cross_entropy; focal:weights=balancd:1,lr=x"}) {
    EXPECT_THROW(parse_candidates(text, {}), ValueError) << text;
  }
  try {
    parse_candidates("mse; huber:detla=1", {});
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("'huber:detla=1'"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("delta"), std::string::npos);
  }
}

}  // namespace
}  // namespace perdita::train
