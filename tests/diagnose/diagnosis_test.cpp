// Issues in histories that are made up, each by what defines it. Of real runs: bench/diagnosis.py.
#include "perdita/diagnose/diagnosis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

namespace perdita::diagnose {
namespace {

using Function = std::function<double(double)>;  // of the share of the run

struct Shape {
  Function train;
  Function val = {};
  Function lr = [](double) { return 0.1; };
};

/// 40 epochs of 10 steps.
std::vector<evaluate::Record> history(const Shape& shape) {
  constexpr int epochs = 40, steps = 10;
  std::vector<evaluate::Record> records;
  for (int e = 0; e < epochs; ++e) {
    double sum = 0;
    for (int s = 0; s < steps; ++s) {
      const double at = (e + static_cast<double>(s) / steps) / epochs, loss = shape.train(at);
      records.push_back({"step", e + 1, e * steps + s + 1, {{"train_loss", loss}}});
      sum += loss / steps;
    }
    const double at = static_cast<double>(e) / epochs;
    evaluate::Record epoch{"epoch", e + 1, 0, {{"train_loss", sum}, {"lr", shape.lr(at)}}};
    if (shape.val) epoch.values.emplace_back("val_loss", shape.val(at));
    records.push_back(epoch);
  }
  return records;
}

std::vector<std::string_view> issues(const Evidence& evidence) {
  std::vector<std::string_view> names;
  for (const Finding& finding : diagnose(evidence)) names.push_back(name_of(finding.issue));
  return names;
}
std::vector<std::string_view> issues(const Shape& shape) { return issues(Evidence{.history = history(shape)}); }

using Names = std::vector<std::string_view>;
const Function quick = [](double x) { return 0.1 + 2.2 * std::exp(-20 * x); };

TEST(Diagnosis, AHealthyRunHasNone) {
  EXPECT_EQ(issues({quick, quick}), Names{});
  EXPECT_EQ(issues({quick, [](double x) { return 0.15 + 2.2 * std::exp(-20 * x); }}), Names{});
  EXPECT_EQ(issues(Evidence{}), Names{});
}

TEST(Diagnosis, NamesWhatCurvesShow) {
  EXPECT_EQ(issues({[](double x) { return 1 + 30 * x; }}), Names{"divergence"});
  EXPECT_EQ(issues({[](double x) { return x < 0.5 ? 1 - x : std::nan(""); }}), Names{"divergence"});
  EXPECT_EQ(issues({[](double x) { return x == 0 ? 2.3 : 1 + 0.6 * std::sin(200 * x); }}), Names{"lr_too_large"});
  EXPECT_EQ(issues({[](double x) { return 2.3 * std::exp(-x); }}), Names{"lr_too_small"});
  EXPECT_EQ(issues({[](double x) { return 0.4 + std::max(0.0, 1.9 - 10 * x); },
                    {},
                    [](double x) { return x < 0.2 ? 0.1 : 0.001; }}),
            Names{"plateau"});  // lowered too early
  EXPECT_EQ(issues({[](double x) { return 2.3 * std::exp(-10 * x); },
                    [](double x) { return 1.5 * std::exp(-10 * x) + 0.5 + x; }}),
            Names{"overfitting"});
  EXPECT_EQ(issues({[](double x) { return 2.3 * std::exp(-10 * x); }, [](double) { return 2.4; }}),
            Names{"overfitting"});
}

/// Standing still is an issue only where the data hold more.
TEST(Diagnosis, TakesNoiseOfTheDataForNoIllness) {
  const Function still = [](double x) { return 2.3 - 0.2 * std::min(5 * x, 1.0); };
  const Function floor = [](double x) { return std::max(1.0, 2.3 - 10 * x); };
  int asked = 0;
  const auto with = [&asked](const Function& train, double error, double deviations) {
    Evidence evidence{.history = history({train})};
    evidence.reference = [=, &asked] {
      ++asked;
      return Reference{.name = "the vote", .is_share = true, .error = error, .of_model = 0.4, .deviations = deviations};
    };
    return issues(evidence);
  };
  EXPECT_EQ(issues({still}), Names{});
  EXPECT_EQ(issues({floor}), Names{});
  EXPECT_EQ(with(still, 0.2, 8), Names{"underfitting"});
  EXPECT_EQ(with(floor, 0.2, 8), Names{"plateau"});
  for (const Function& train : {still, floor}) {
    EXPECT_EQ(with(train, 0.45, -3), Names{});
    EXPECT_EQ(with(train, 0.2, 2), Names{});   // may be chance
    EXPECT_EQ(with(train, 0.39, 8), Names{});  // hardly better
  }
  EXPECT_EQ(asked, 8);
  EXPECT_EQ(with(quick, 0.2, 8), Names{});
  EXPECT_EQ(asked, 8);  // the curves are sufficient, so the evidence is not computed
}

TEST(Diagnosis, AsksForNoMoreEpochsWhereTheValidationLossIsBestEarly) {
  const Function falls = [](double x) { return 2.3 * std::exp(-x); };
  EXPECT_EQ(issues({falls, [](double x) { return 2.3 * std::exp(-x) + 0.1; }}), Names{"lr_too_small"});
  EXPECT_EQ(issues({falls, [](double x) { return 2.0 + 0.1 * std::abs(x - 0.1); }}), Names{});
}

TEST(Diagnosis, TellsOfTargetsThatAreAllTheSame) {
  const Evidence evidence{.history = history({quick}), .sameness = "every label is cat"};
  const std::vector<Finding> findings = diagnose(evidence);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(name_of(findings[0].issue), "nothing_to_learn");
  EXPECT_NE(findings[0].text.find("every label is cat"), std::string::npos);
}

TEST(Diagnosis, TellsTheNumbers) {
  const Evidence evidence{.history = history({[](double x) { return 2.3 * std::exp(-10 * x); },
                                              [](double x) { return std::abs(x - 0.25) + 0.5; }})};
  const Finding finding = diagnose(evidence).at(0);
  EXPECT_EQ(finding.issue, Issue::overfitting);
  EXPECT_NE(finding.text.find("lowest in epoch 11 (0.5)"), std::string::npos) << finding.text;
  EXPECT_NE(finding.text.find("early stopping would have saved 29 epochs"), std::string::npos) << finding.text;
}

TEST(Diagnosis, NamesClassesThatAreNotLearned) {
  Evidence evidence{.history = history({quick}), .class_names = {"cat", "dog", "owl"}};
  evidence.classes = evaluate::score_counts(
      {{100, 90, 90, 0.1, 1, 0.9, 0.9}, {100, 150, 95, 0.1, 1, 0.95, 0.9}, {100, 60, 5, 2, 1, 0.05, 0.1}},
      {90, 10, 0, 5, 95, 0, 15, 80, 5});
  const std::vector<Finding> findings = diagnose(evidence);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].issue, Issue::class_not_learned);
  EXPECT_NE(findings[0].text.find("class owl is predicted correctly for 5 of 100 samples"), std::string::npos);
  EXPECT_NE(findings[0].text.find("predicted as dog"), std::string::npos);
}

TEST(Diagnosis, NamesConfidencesThatAreWrong) {
  for (const double confidence : {0.99, 0.4}) {
    Evidence evidence{.history = history({quick})};
    evaluate::CalibrationCounts counts(15);
    for (int i = 0; i < 1000; ++i) counts.add(confidence, i % 10 < 7);
    evidence.calibration = counts.result();
    evidence.classes = evaluate::score_counts({{500, 500, 350, 0, 0.7, 0.7, 0.7}, {500, 500, 350, 0, 0.7, 0.7, 0.7}},
                                              {350, 150, 150, 350});
    const std::vector<Finding> findings = diagnose(evidence);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].issue, Issue::miscalibration);
    EXPECT_NE(findings[0].text.find(confidence > 0.7 ? "overconfident" : "underconfident"), std::string::npos);
  }
}

TEST(Diagnosis, NamesWrongLabels) {
  const auto with = [](double doubtful, double surest, double middle) {
    return issues(Evidence{.history = history({quick}),
                           .doubtful = doubtful,
                           .contradicted_surest = surest,
                           .contradicted_middle = middle});
  };
  EXPECT_EQ(with(0.1, 0.1, 0.12), Names{"wrong_labels"});
  EXPECT_EQ(with(0.01, 0.01, 0.01), Names{});
  EXPECT_EQ(with(0.45, 0.4, 0.45), Names{});  // agrees on nothing
  EXPECT_EQ(with(0.24, 0.12, 0.4), Names{});  // logits of a standard normal distribution: rarer where they are large
  EXPECT_EQ(with(0.1, 0.01, 0.12), Names{});
  EXPECT_EQ(issues(Evidence{.history = history({quick}), .doubtful = 0.1}), Names{});  // their confidence is unknown
}

}  // namespace
}  // namespace perdita::diagnose
