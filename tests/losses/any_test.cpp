// Losses chosen by name at run time.
#include "perdita/losses/any.hpp"

#include <gtest/gtest.h>

#include "perdita/losses/aliases.hpp"

namespace perdita {
namespace {

std::string error_of(std::string_view text) {
  try {
    parse_loss(text);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(AnyLoss, ReadsNamesAndOptions) {
  const AnyLoss huber = parse_loss("huber:delta=2.5");
  EXPECT_EQ(std::get<Huber>(huber.loss).delta, 2.5);
  EXPECT_EQ(to_string(huber), "huber:delta=2.5");
  EXPECT_EQ(to_string(parse_loss("huber_loss")), "huber");
  const AnyLoss poisson = parse_loss("poisson_nll:log_input=no,full=true");
  EXPECT_FALSE(std::get<PoissonNll>(poisson.loss).log_input);
  EXPECT_EQ(to_string(parse_loss(to_string(poisson))), to_string(poisson));
  const AnyLoss smoothed = parse_loss("cross_entropy:label_smoothing=0.1,ignore_index=3");
  EXPECT_EQ(smoothed.label_smoothing, 0.1);
  EXPECT_EQ(smoothed.ignore_index, 3);
}

TEST(AnyLoss, EveryNameReadsBack) {
  for (std::string_view name : loss_names()) EXPECT_EQ(to_string(parse_loss(name)), name);
}

TEST(AnyLoss, ReadsFormulas) {
  const AnyLoss pair = parse_loss("formula:  k * abs(y - t)\n where  k = 2, ");
  EXPECT_TRUE(std::holds_alternative<Formula>(pair.loss));
  EXPECT_EQ(to_string(pair), "formula: k * abs(y - t) where k = 2,");
  EXPECT_EQ(to_string(parse_loss(to_string(pair))), to_string(pair));
  EXPECT_TRUE(std::holds_alternative<ClassFormula>(parse_loss("formula: -t * log_p").loss));
  EXPECT_TRUE(std::holds_alternative<Formula>(parse_loss("formula: -log(p) where p = sigmoid(y)").loss));
  EXPECT_NE(error_of("formula: t^2").find("does not depend on y"), std::string::npos);
  EXPECT_NE(error_of("formula").find("valid: formula: "), std::string::npos);
}

TEST(AnyLoss, ErrorsSayWhatIsValid) {
  EXPECT_NE(error_of("hubber").find("unknown loss 'hubber' (valid: mse, l1, "), std::string::npos);
  EXPECT_NE(error_of("hubber").find("did you mean 'huber'?"), std::string::npos);
  EXPECT_EQ(error_of("huber:delt=2"), "loss huber has no option 'delt' (valid: delta, missing); did you mean 'delta'?");
  EXPECT_EQ(error_of("mse:delta=2"), "loss mse has no option 'delta' (valid: missing)");
  EXPECT_EQ(error_of("huber:delta=two"), "loss huber: delta is 'two' (valid: a number)");
  EXPECT_EQ(error_of("huber:delta=0"), "huber: delta is 0 (valid: above 0)");
  EXPECT_EQ(error_of("huber:delta"), "loss huber: option 'delta' has no value (valid: NAME=VALUE,...)");
  EXPECT_EQ(error_of("cross_entropy:label_smoothing=1.5"), "loss cross_entropy: label_smoothing is 1.5 (valid: 0..1)");
  EXPECT_NE(error_of("mse:label_smoothing=0.1").find("has no option"), std::string::npos);
}

TEST(AnyLoss, NamesOfOtherLibrariesAreKnown) {
  const std::vector<std::pair<std::string, std::string>> meant{
      {"mae", "l1"},
      {"MeanAbsoluteError", "l1"},
      {"reg:absoluteerror", "l1"},
      {"L1Loss", "l1"},
      {"log_loss", "cross_entropy"},
      {"sparse_categorical_crossentropy", "cross_entropy"},
      {"CategoricalCrossentropy", "cross_entropy"},
      {"bce", "binary_cross_entropy"},
      {"BCEWithLogitsLoss", "binary_cross_entropy_with_logits"},
      {"binary:logistic", "binary_cross_entropy_with_logits"},
      {"mean_squared_error", "mse"},
      {"pinball_loss", "quantile"},
      {"KLDivergence", "kl_div"},
      {"sigmoid_focal_loss", "binary_focal"},
      {"iou", "jaccard"},
      {"mean_squared_logarithmic_error", "msle"},
      {"hubber", "huber"},
      {"hubr_loss", "huber"},
  };
  for (const auto& [name, loss] : meant) {
    EXPECT_EQ(meant_loss(name), loss);
    EXPECT_NO_THROW(parse_loss(loss));
  }
  EXPECT_EQ(meant_loss("nothing_of_the_kind"), "");
  EXPECT_NE(error_of("mae").find("did you mean 'l1'?"), std::string::npos);
}

}  // namespace
}  // namespace perdita
