// Checks of operands: shapes that broadcast by accident, domains under `validate`, blanks among CTC's labels.
#include <gtest/gtest.h>

#include <limits>

#include "perdita/functional/elementwise.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita {
namespace {

namespace F = functional;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The message of what `call` throws, or "".
template <class E, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

TEST(Broadcast, AccidentalOuterProductsAreErrors) {
  const Tensor column = Tensor::full({8, 1}, 0.5), row = Tensor::full({8}, 0.25);
  const std::string message = message_of<ShapeError>([&] { F::mse_loss(column, row); });
  EXPECT_NE(message.find("target has shape [8], but input has [8, 1], and the losses would have [8, 8]"),
            std::string::npos)
      << message;
  EXPECT_THROW(F::mse_loss(row, column), ShapeError);
  for_each_elementwise_loss([&]<class Loss>(const Loss&) {
    EXPECT_THROW(F::call({.loss = Loss{}}, {column, row}), ShapeError) << Loss::info.name;
  });
  EXPECT_THROW(F::gaussian_nll_loss(column, row, column), ShapeError);
  EXPECT_THROW(F::formula_loss(column, row, Formula::parse("abs(y - t)")), ShapeError);
  EXPECT_THROW(elementwise([](auto y, auto t) { return abs(y - t); })(column, row), ShapeError);
}

TEST(Broadcast, OneOperandMayBeSmaller) {
  const Tensor all = Tensor::full({8, 4}, 1.0), column = Tensor::full({8, 1}, 0.5), row = Tensor::full({4}, 0.5);
  EXPECT_EQ(F::mse_loss(all, column).item(), 0.25);
  EXPECT_EQ(F::mse_loss(row, all).item(), 0.25);
  EXPECT_EQ(F::mse_loss(column, row, {.reduction = Reduction::sum, .broadcasts_both = true}).item(), 0.0);
}

TEST(Options, LossesWithoutPositiveLabelsRefuseTheirWeight) {
  for (const std::string_view name : loss_names()) {
    const AnyLoss loss = parse_loss(name);
    const LossInfo& info = info_of(loss);
    if (takes_pos_weight(info)) continue;
    const std::vector<Tensor> operands(info.operands.count_without_weights(), Tensor::full({2, 2}, 0.5));
    const std::string message =
        message_of<ValueError>([&] { F::call(loss, operands, {.pos_weight = Tensor::full({2}, 1.0)}); });
    EXPECT_NE(message.find("pos_weight is not supported"), std::string::npos) << name << ": " << message;
  }
}

TEST(Options, OfACallReachLossesOfClasses) {
  const Tensor input = Tensor::from({0.1, 0.7, -0.4}, {1, 3}), target = Tensor::from(std::vector<std::int64_t>{1});
  const AnyLoss loss = parse_loss("cross_entropy");
  EXPECT_EQ(F::call(loss, {input, target}, {.label_smoothing = 0.2}).item(),
            F::cross_entropy(input, target, {}, {.label_smoothing = 0.2}).item());
  EXPECT_NE(message_of<ValueError>([&] {
              F::call(loss, {input, target}, {.missing = true});
            }).find("missing"),
            std::string::npos);
}

struct ValidationOn {
  ValidationOn() { set_validation(true); }
  ~ValidationOn() { set_validation(false); }
};

/// That `call(options)` throws ValueError with `expected` under validation of either kind, and not without.
template <class Call>
void expect_refused(const Call& call, const std::string& expected) {
  EXPECT_NO_THROW(call(LossOptions{}));
  LossOptions options;
  options.validate = true;
  const std::string by_option = message_of<ValueError>([&] { call(options); });
  EXPECT_NE(by_option.find(expected), std::string::npos) << by_option << ", but not " << expected;
  const ValidationOn on;
  EXPECT_EQ(message_of<ValueError>([&] { call(LossOptions{}); }), by_option);
}

Tensor numbers(std::vector<double> values) { return Tensor::from(values); }

TEST(Validation, TargetsOutsideTheirDomain) {
  const Tensor y = numbers({0.5, 2.0, 1.0});
  const auto pair = [&](const auto& loss, std::vector<double> target, const std::string& expected) {
    const Tensor t = numbers(std::move(target));
    expect_refused([&](const LossOptions& o) { F::call({.loss = loss}, {y, t}, o); }, expected);
  };
  pair(HingeEmbedding{}, {1, -1, 0}, "target[2] is 0 (valid: -1 or 1)");
  pair(SoftMargin{}, {1, 0.5, -1}, "target[1] is 0.5 (valid: -1 or 1)");
  pair(BinaryCrossEntropyWithLogits{}, {0, 1, 2}, "target[2] is 2 (valid: 0..1)");
  pair(BinaryFocal{}, {0, -0.5, 1}, "target[1] is -0.5 (valid: 0..1)");
  pair(Asymmetric{}, {nan, 0, 1}, "target[0] is nan (valid: 0..1)");
  pair(GammaNll{}, {1, 0, 2}, "target[1] is 0 (valid: above 0)");
  pair(PoissonNll{}, {1, 2, -1}, "target[2] is -1 (valid: 0 or more)");
  pair(Tweedie{}, {1, 2, -1}, "target[2] is -1 (valid: 0 or more)");
  pair(KlDiv{}, {1, -2, 0}, "target[1] is -2 (valid: 0 or more)");
}

TEST(Validation, InputsThatAreRatesAndMeans) {
  const Tensor t = numbers({1.0, 2.0});
  const auto pair = [&](const auto& loss, std::vector<double> input, const std::string& expected) {
    const Tensor y = numbers(std::move(input));
    expect_refused([&](const LossOptions& o) { F::call({.loss = loss}, {y, t}, o); }, expected);
  };
  pair(PoissonNll{.log_input = false}, {1, -0.5}, "input[1] is -0.5 (valid: 0 or more)");
  pair(Tweedie{.log_input = false}, {0, 1}, "input[0] is 0 (valid: above 0)");
  LossOptions options;
  options.validate = true;
  const Tensor logs = numbers({-1.0, -2.0});
  EXPECT_NO_THROW(F::poisson_nll_loss(logs, t, PoissonNll{}, options));  // logarithms may be negative
  EXPECT_NO_THROW(F::kl_div(logs, logs, KlDiv{.log_target = true}, options));
}

TEST(Validation, TargetsOfComparingLosses) {
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 4.0}, {2, 2}), y = Tensor::from({0.0, 1.0, 1.0, 0.0}, {2, 2});
  const Tensor half = numbers({1.0, 0.5});
  expect_refused([&](const LossOptions& o) { F::cosine_embedding_loss(x, y, half, CosineEmbedding{}, o); },
                 "cosine_embedding_loss: target[1] is 0.5 (valid: -1 or 1)");
  expect_refused(
      [&](const LossOptions& o) {
        F::margin_ranking_loss(half, half, numbers({-1.0, 0.0}), MarginRanking{}, o);
      },
      "margin_ranking_loss: target[1] is 0 (valid: -1 or 1)");
  expect_refused([&](const LossOptions& o) { F::multilabel_soft_margin_loss(x, 2.0 * y, MultilabelSoftMargin{}, o); },
                 "multilabel_soft_margin_loss: target[1] is 2 (valid: 0..1)");
}

TEST(Validation, ProbabilitiesOfClasses) {
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 4.0}, {2, 2}), p = Tensor::from({0.5, 0.5, 1.5, -0.5}, {2, 2});
  for_each_softmax_loss([&]<class Loss>(const Loss&) {
    expect_refused(
        [&](const LossOptions& o) {
          F::call({.loss = Loss{}}, {x, p}, o);
        },
        "target[2] is 1.5 (valid: 0..1)");
  });
}

TEST(Validation, ABlankIsNoLabel) {
  const Tensor log_probs = log(Tensor::full({5, 1, 3}, 1.0 / 3));
  const auto call = [&](std::vector<std::int64_t> labels, Ctc loss, bool validate = true) {
    const auto count = static_cast<std::int64_t>(labels.size());
    return F::ctc_loss(log_probs, Tensor::from(labels, {1, count}), Tensor::from(std::vector<std::int64_t>{5}),
                       Tensor::from(std::vector<std::int64_t>{2}), loss, {.validate = validate});
  };
  const std::string message = message_of<ValueError>([&] { call({1, 0}, {}); });
  EXPECT_NE(message.find("targets[0, 1] is 0, which is the blank"), std::string::npos) << message;
  EXPECT_THROW(call({1, 2}, {.blank = 2}), ValueError);
  EXPECT_NO_THROW(call({1, 0}, {.blank = 2}));
  EXPECT_NO_THROW(call({1, 0}, {}, false));  // torch's value
  EXPECT_NO_THROW(call({1, 2, 0}, {}));      // the third one is beyond the item's length
}

TEST(ClassTargets, OneHotIntegersGetARemedy) {
  const Tensor x = Tensor::zeros({3, 2}), one_hot = Tensor::zeros({3, 2}, DType::int64);
  const std::string message = message_of<ShapeError>([&] { F::cross_entropy(x, one_hot); });
  EXPECT_NE(message.find("holds int64 (valid: class indices [3], for example the argmax"), std::string::npos)
      << message;
}

}  // namespace
}  // namespace perdita
