#include <gtest/gtest.h>

#include <limits>
#include <regex>

#include "perdita/core/error.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/run_sections.hpp"

namespace perdita::report {
namespace {
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
using Texts = std::vector<std::string>;

/// The text of all elements of this name, without their tags.
Texts texts(const std::string& html, const std::string& element) {
  Texts found;
  const std::regex whole("<" + element + "(?: [^>]*)?>([\\s\\S]*?)</" + element + ">"), tags("<[^>]*>");
  for (std::sregex_iterator at(html.begin(), html.end(), whole), end; at != end; ++at) {
    found.push_back(std::regex_replace((*at)[1].str(), tags, " "));
  }
  return found;
}

std::vector<std::string> numbered(std::size_t n) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < n; ++k) names.push_back("class " + std::to_string(k));
  return names;
}

TEST(GapChart, IsValidationMinusTraining) {
  RunReport r;
  r.history = {{"epoch", 1, 0, {{"train_loss", 2.0}, {"val_loss", 1.5}}},
               {"epoch", 2, 0, {{"train_loss", 5.0}}},
               {"step", 3, 9, {{"train_loss", 1.0}, {"val_loss", 9.0}}},
               {"epoch", 3, 0, {{"train_loss", 0.5}, {"val_loss", 1.75}}}};
  const LineChart chart = gap_chart(r);
  ASSERT_EQ(chart.series.size(), 1u);
  EXPECT_EQ(chart.series[0].x, (std::vector<double>{1, 3}));
  EXPECT_EQ(chart.series[0].y, (std::vector<double>{-0.5, 1.25}));
  EXPECT_EQ(chart.marker_x, 1.0);  // the lowest validation loss
  r.history.resize(2), r.history.erase(r.history.begin());
  EXPECT_TRUE(gap_chart(r).series.empty());
}

TEST(WeightsSection, SharesByDefinition) {
  const std::string html = weights_section(
      {.how = "balanced<", .samples = {30, 10}, .weights = {0.5, 1.5}, .note = "And so on."}, {"a", "b&"});
  EXPECT_NE(html.find("<code>balanced&lt;</code>"), html.npos);
  EXPECT_NE(html.find("And so on."), html.npos);
  EXPECT_EQ(texts(html, "td"), (Texts{"30", "0.5", "75.00 %", "50.00 %", "10", "1.5", "25.00 %", "50.00 %"}));
}

TEST(WeightsSection, WithoutWeights) {
  const std::string alike = weights_section({.how = "none", .samples = {7, 7}, .weights = {}, .note = {}}, {"a", "b"});
  EXPECT_NE(alike.find("all training samples have the same weight"), alike.npos);
  EXPECT_NE(alike.find("Each class has 7 training samples"), alike.npos);
  const std::string unlike = weights_section({.how = "none", .samples = {3, 1}, .weights = {}, .note = {}}, {"a", "b"});
  EXPECT_EQ(texts(unlike, "td"), (Texts{"3", "1", "75.00 %", "75.00 %", "1", "1", "25.00 %", "25.00 %"}));
}

TEST(WeightsSection, OfManyClassesShowsBothEnds) {
  ClassWeights weights{.how = "none", .samples = {}, .weights = {}, .note = {}};
  for (std::int64_t k = 0; k < 1000; ++k) weights.samples.push_back(1000 - k);
  const Texts names = texts(weights_section(weights, numbered(1000)), "th");
  ASSERT_EQ(names.size(), 5u + 20u);
  EXPECT_EQ(names[5], "class 0");
  EXPECT_EQ(names.back(), "class 999");
}

TEST(ClassTable, OfManyClassesBeginsWithTheWorst) {
  std::vector<evaluate::ClassScore> scores(50);
  for (std::size_t k = 0; k < scores.size(); ++k) {
    scores[k] = {.support = 100,
                 .predicted = 100,
                 .correct = static_cast<std::int64_t>(k == 37 ? 1 : 50 + k / 2),
                 .mean_loss = static_cast<double>(k)};
  }
  const std::string html = report::class_table(evaluate::score_counts(scores, {}), numbered(50));
  const Texts names = texts(html, "th");
  EXPECT_EQ(names[6], "class 37");
  EXPECT_EQ(names[7], "class 0");
  EXPECT_NE(html.find("All 50 classes"), html.npos);
  EXPECT_NE(html.find("<th scope=\"row\">mean of the classes</th><td>5,000</td><td>24.5000</td>"), html.npos) << html;
  EXPECT_EQ(texts(html, "tr").size(), 1u + 20u + 1u + 1u + 50u);  // both heads, the worst, all, every class
}

TEST(ConfusionSection, OfFewClassesIsTheMatrix) {
  const std::vector<std::int64_t> truth{0, 0, 0, 1}, guess{0, 0, 1, 1};
  const std::string html = confusion_section(evaluate::score_classes(truth, guess, {}, 2), {"a", "b\""});
  EXPECT_EQ(texts(html, "td"), (Texts{"", "2", "1", "0", "1"}));
  EXPECT_NE(html.find("title=\"a predicted as b&quot;: 1 of 3 (33.3 %)\""), html.npos);
}

TEST(ConfusionSection, OfManyClassesTellsTheMistakesMadeMostOften) {
  std::vector<std::int64_t> truth, guess;
  const auto add = [&](std::int64_t t, std::int64_t g, int times) {
    truth.insert(truth.end(), static_cast<std::size_t>(times), t);
    guess.insert(guess.end(), static_cast<std::size_t>(times), g);
  };
  add(3, 3, 90), add(3, 17, 10), add(29, 2, 30), add(29, 29, 10);
  const std::string html = confusion_section(evaluate::score_classes(truth, guess, {}, 30), numbered(30));
  EXPECT_EQ(texts(html, "td"), (Texts{"class 2", "30", "75.0 %", "class 17", "10", "10.0 %"}));
  EXPECT_EQ(confusion_section(evaluate::score_classes(truth, truth, {}, 30), numbered(30)), "");
}

TEST(CalibrationSection, SaysWhatIsClaimedAndWhatIsKept) {
  evaluate::CalibrationCounts counts(2);
  for (bool is_right : {true, false, false, false}) counts.add(0.75, is_right);  // claims 75 %, keeps 25 %
  for (bool is_right : {true, true, false, false}) counts.add(0.25, is_right);   // claims 25 %, keeps 50 %
  const evaluate::Calibration calibration = counts.result();
  const std::string html = calibration_section(calibration, nullptr);
  EXPECT_NE(html.find("confidence of the model is <strong>50.0 %</strong>, its accuracy <strong>37.5 %</strong>"),
            html.npos);
  EXPECT_NE(html.find("the model is overconfident"), html.npos);
  EXPECT_NE(html.find("differ by 37.5 percentage points"), html.npos);  // (4 * 0.5 + 4 * 0.25) / 8
  EXPECT_NE(html.find("the largest difference is 50.0 points"), html.npos);
  EXPECT_EQ(html.find("temperature"), html.npos);
  const LineChart chart = reliability_chart(calibration);
  EXPECT_EQ(chart.series[0].x, (std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(chart.series[0].y, (std::vector<double>{0.5, 0.25}));
}

TEST(ClassDistributions, AreOfTheClassesOnOneAxis) {
  RunReport r;
  r.class_names = {"a", "empty", "b"};
  for (int i = 0; i < 100; ++i) {
    r.test_losses.push_back(static_cast<float>(1 + i)), r.targets.push_back(i % 2 == 0 ? 0 : 2);
  }
  const auto charts = class_distributions(r.test_losses, r.targets, r.class_names, evaluate::summarize(r.test_losses));
  ASSERT_EQ(charts.size(), 2u);
  EXPECT_EQ(charts[0].title, "a");
  EXPECT_EQ(charts[1].title, "b");
  EXPECT_EQ(charts[0].histogram.edges.front(), charts[1].histogram.edges.front());
  EXPECT_EQ(charts[0].histogram.edges.back(), charts[1].histogram.edges.back());
  EXPECT_EQ(charts[0].markers[0].first, 50);  // the median of 1, 3, ..., 99
  for (const DistributionChart& chart : charts) {
    std::int64_t counted = chart.histogram.below + chart.histogram.above;
    for (std::int64_t count : chart.histogram.counts) counted += count;
    EXPECT_EQ(counted, 50);
    EXPECT_FALSE(chart.density.x.empty());
  }
}

TEST(ClassDistributions, OfManyClassesAreThoseThatCostMost) {
  RunReport r;
  r.class_names = numbered(100);
  for (std::int64_t k = 0; k < 100; ++k) {
    for (int i = 0; i < 3; ++i) r.test_losses.push_back(static_cast<float>(k * 7 % 100 + i)), r.targets.push_back(k);
  }
  const auto charts = class_distributions(r.test_losses, r.targets, r.class_names, evaluate::summarize(r.test_losses));
  ASSERT_EQ(charts.size(), 12u);
  EXPECT_EQ(charts[0].title, "class 57");  // 57 * 7 = 399: the largest remainder
}

TEST(HardestSection, BeginsWithWhatIsNoNumber) {
  RunReport r;
  r.test_losses = {1, 5, nan, 5, 2};
  const Texts cards = texts(hardest_section(r), "li");
  ASSERT_EQ(cards.size(), 5u);
  EXPECT_EQ(cards[0], " loss nan  row 2");
  EXPECT_EQ(cards[1], " loss 5  row 1");
  EXPECT_EQ(cards[2], " loss 5  row 3");
  r.test_rows = {70, 60, 50, 40, 30};  // in the file from which the test samples were drawn
  EXPECT_EQ(texts(hardest_section(r), "li")[1], " loss 5  row 60");
}

TEST(SuspectsSection, ShowsLabelsAndPictures) {
  RunReport r;
  EXPECT_EQ(suspects_section(r), "");
  r.contradicted = 0, r.train_samples = 1000;
  EXPECT_NE(suspects_section(r).find("<strong>0</strong> of 1,000 training samples"), std::string::npos);
  r.contradicted = 2;
  r.suspects = {{.row = 17, .label = "<cat>", .aum = -3.5, .mean_loss = 4, .picture = {}},
                {.row = 3, .label = "dog", .aum = -1, .mean_loss = 2, .picture = {2, 1, 1, {0, 255}}}};
  const std::string html = suspects_section(r);
  const Texts cards = texts(html, "li");
  ASSERT_EQ(cards.size(), 2u);
  EXPECT_EQ(cards[0], " &lt;cat&gt;?  row 17 margin -3.5 mean loss 4");
  EXPECT_NE(html.find("<img alt=\"training sample 3\" width=\"2\" height=\"1\""), std::string::npos);
}

TEST(Diagnosis, IsAtTheHeadAndSaysWhatItRestsOn) {
  RunReport r;
  r.history = {{"epoch", 1, 0, {{"train_loss", 2.0}, {"val_loss", 1.5}}}};
  EXPECT_EQ(html(r).find("Diagnosis"), std::string::npos);  // the run was not diagnosed
  r.diagnosis.emplace();
  EXPECT_NE(html(r).find("1 epoch is too few"), std::string::npos);
  for (std::int64_t epoch : {2, 3}) {
    r.history.push_back({"epoch", epoch, 0, {{"train_loss", 1.0}, {"val_loss", 1.25}}});
  }
  std::string page = html(r);
  EXPECT_NE(page.find("No issue found.</b> The training loss decreased from 2 to 1; the validation loss ended at 1.25"),
            std::string::npos);
  EXPECT_LT(page.find("Diagnosis"), page.find("class=\"lead\""));
  r.diagnosis->push_back({diagnose::Issue::overfitting, "it rose from 1 to <2>", "stop earlier"});
  page = html(r);
  EXPECT_NE(page.find("<b>overfitting</b>: it rose from 1 to &lt;2&gt;. "), std::string::npos);
  EXPECT_EQ(page.find("No issue found"), std::string::npos);
}

TEST(Html, RefusesWeightsOfOtherClasses) {
  RunReport r;
  r.class_names = {"a", "b"}, r.targets = {0}, r.predictions = {0}, r.test_losses = {1};
  r.class_weights.samples = {1, 2, 3};
  EXPECT_THROW(html(r), ShapeError);
}

}  // namespace
}  // namespace perdita::report
