// Audits of labels: the sets and scores of cleanlab in tests/data/audit_vectors.json, closed forms, resampling,
// messages.
#include "perdita/evaluate/label_audit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/label_audit_output.hpp"
#include "tests/evaluate/arrays.hpp"

namespace perdita::evaluate {
namespace {

using nlohmann::json;

struct Problem {
  NamedArray probabilities, labels;
};

template <class T = double>
Problem problem_of(const std::vector<std::vector<double>>& rows, const std::vector<std::int64_t>& labels) {
  std::vector<T> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  const Shape shape{std::ssize(rows), std::ssize(rows.at(0))};
  return {{array_of(flat, shape), "p.npy"}, {array_of(labels, {std::ssize(labels)}), "y.npy"}};
}

LabelAudit audit_of(const Problem& problem, const AuditOptions& options = {}) {
  return audit_labels(problem.probabilities, problem.labels, options);
}

std::vector<std::int64_t> rows_in_set(const LabelAudit& audit) {
  std::vector<std::int64_t> rows;
  for (std::size_t row = 0; row < audit.is_issue.size(); ++row) {
    if (audit.is_issue[row]) rows.push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

/// `noise` of the labels are wrong, and the largest probability is that of the true class in most rows.
Problem random_problem(std::uint64_t seed, std::int64_t rows, std::int64_t classes, double noise) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<std::vector<double>> logits;
  std::vector<std::int64_t> labels;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto truth = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(classes));
    std::vector<double> z(static_cast<std::size_t>(classes));
    for (double& value : z) value = normal(random);
    z[static_cast<std::size_t>(truth)] += 4;
    logits.push_back(std::move(z));
    const bool is_wrong = uniform(random) < noise;
    labels.push_back(
        is_wrong ? (truth + 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(classes - 1))) % classes
                 : truth);
  }
  return problem_of(logits, labels);
}

class Vectors : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(PERDITA_TESTS_DIR "/data/audit_vectors.json");
    ASSERT_TRUE(file);
    problems_ = json::parse(file).at("problems");
    ASSERT_GE(problems_.size(), 10u);
  }
  static Problem read(const json& from) {
    return problem_of(from.at("probabilities").get<std::vector<std::vector<double>>>(),
                      from.at("labels").get<std::vector<std::int64_t>>());
  }
  json problems_;
};

TEST_F(Vectors, SetsAreThoseOfCleanlab) {
  for (const json& wanted : problems_) {
    for (const auto& [name, rows] : wanted.at("sets").items()) {
      const LabelAudit audit = audit_of(read(wanted), {.filter = parse_issue_filter(name)});
      EXPECT_EQ(rows_in_set(audit), rows.get<std::vector<std::int64_t>>()) << name;
      EXPECT_EQ(audit.issues, std::ssize(rows_in_set(audit)));
      EXPECT_EQ(std::ssize(audit.ranking), audit.issues);
    }
  }
}

TEST_F(Vectors, JointsAreThoseOfCleanlab) {
  for (const json& wanted : problems_) {
    const json found = json::parse(to_json(audit_of(read(wanted))));
    EXPECT_EQ(found.at("confident_joint"), wanted.at("joint"));
    EXPECT_EQ(found.at("calibrated_joint"), wanted.at("calibrated"));
    EXPECT_EQ(found.at("estimated_errors"), wanted.at("errors"));
  }
}

TEST_F(Vectors, ScoresAreThoseOfCleanlab) {
  for (const json& wanted : problems_) {
    const Problem problem = read(wanted);
    for (const auto& [name, scores] : wanted.at("scores").items()) {
      const LabelAudit audit = audit_of(problem, {.score = parse_quality_score(name)});
      for (std::size_t row = 0; row < scores.size(); ++row) {
        const double score = scores[row].get<double>();
        const double largest = problem.probabilities.array.data<
            double>()[static_cast<std::int64_t>(row) * problem.probabilities.array.shape[1] + audit.predicted[row]];
        if (largest == 1 && name == "confidence_weighted_entropy") continue;  // the limit, which is 0 in cleanlab
        EXPECT_NEAR(audit.scores[row], score, 1e-12 + 1e-12 * score) << name << " row " << row;
      }
    }
  }
}

TEST(LabelAudit, HasTheNoiseRateOfAConstructedJoint) {
  // 10 rows of each class are certain. Of the labels of class 0, 5 of 20 are wrong; of class 1 none of 10.
  std::vector<std::vector<double>> rows(15, {0.9, 0.1});
  rows.resize(30, {0.1, 0.9});
  std::vector<std::int64_t> labels(20, 0);
  labels.resize(30, 1);
  const LabelAudit audit = audit_of(problem_of(rows, labels));
  EXPECT_EQ(audit.confident_joint.at(0, 1), 5);
  EXPECT_NEAR(audit.noise_rate.value, 5.0 / 30, 1e-12);
  EXPECT_NEAR(audit.classes[0].noise_rate, 0.25, 1e-12);
  EXPECT_NEAR(audit.classes[0].threshold, (15 * 0.9 + 5 * 0.1) / 20, 1e-12);
  // All rows are confident: the interval is Wilson's for 5 of 30.
  const Interval wilson = wilson_interval(5, 30);
  EXPECT_NEAR(audit.noise_rate.interval.low, wilson.low, 1e-9);
  EXPECT_NEAR(audit.noise_rate.interval.high, wilson.high, 1e-9);
  EXPECT_EQ(rows_in_set(audit), (std::vector<std::int64_t>{15, 16, 17, 18, 19}));
  ASSERT_EQ(audit.overlaps.size(), 1u);
  EXPECT_EQ(audit.overlaps[0].second_labeled_first, 5);
  EXPECT_EQ(audit.overlaps[0].first_labeled_second, 0);
  EXPECT_NEAR(noise_matrix(audit.calibrated_joint)[1], 5.0 / 15, 1e-12);
}

TEST(LabelAudit, IntervalHasTheWidthOfABootstrap) {
  const std::int64_t rows = 1500, classes = 4;
  const Problem problem = random_problem(7, rows, classes, 0.15);
  const LabelAudit audit = audit_of(problem, {.scale = Scale::logits});
  EXPECT_NEAR(audit.noise_rate.value, 0.15, 0.05);
  std::mt19937_64 random(11);
  std::vector<double> rates;
  for (int draw = 0; draw < 300; ++draw) {
    Problem resampled{{Array::empty({rows, classes}, DType::float64), "p"}, {Array::empty({rows}, DType::int64), "y"}};
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto from = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rows));
      std::copy_n(problem.probabilities.array.data<double>() + from * classes, classes,
                  resampled.probabilities.array.data<double>() + row * classes);
      resampled.labels.array.data<std::int64_t>()[row] = problem.labels.array.data<std::int64_t>()[from];
    }
    rates.push_back(audit_of(resampled, {.scale = Scale::logits}).noise_rate.value);
  }
  std::ranges::sort(rates);
  const Interval& interval = audit.noise_rate.interval;
  const double width = rates[292] - rates[7];
  EXPECT_NEAR((interval.high - interval.low) / width, 1, 0.2);
  EXPECT_LT(interval.low, audit.noise_rate.value);
  EXPECT_GT(interval.high, audit.noise_rate.value);
}

TEST(LabelAudit, FindsWrongLabels) {
  const Problem problem = random_problem(3, 4000, 5, 0.1);
  const LabelAudit audit = audit_of(problem, {.scale = Scale::logits});
  std::int64_t wrong = 0;
  for (const AuditedRow& row : audit.ranking) {
    EXPECT_NE(row.given, row.suggested);
    EXPECT_LT(row.given_probability, row.suggested_probability);
    wrong += row.score < 0.05;
  }
  EXPECT_GT(wrong, 200);
  EXPECT_TRUE(std::ranges::is_sorted(audit.ranking, {}, &AuditedRow::score));
}

TEST(LabelAudit, IsTheSameForAnyNumberOfThreads) {
  const Problem problem = random_problem(5, 12000, 6, 0.2);
  const int before = num_threads();
  std::string first;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    const std::string found = to_json(audit_of(problem, {.scale = Scale::logits, .top = 3000}));
    if (first.empty()) first = found;
    EXPECT_EQ(found, first);
  }
  set_num_threads(before);
}

TEST(LabelAudit, ReadsScales) {
  const std::vector<std::vector<double>> p{{0.8, 0.2}, {0.3, 0.7}, {0.1, 0.9}, {0.6, 0.4}};
  std::vector<std::vector<double>> logs = p, logits = p;
  for (std::size_t row = 0; row < p.size(); ++row) {
    for (std::size_t k = 0; k < 2; ++k) {
      logs[row][k] = std::log(p[row][k]);
      logits[row][k] = logs[row][k] + 100 * static_cast<double>(row);
    }
  }
  const std::vector<std::int64_t> labels{0, 1, 0, 1};
  const LabelAudit wanted = audit_of(problem_of(p, labels));
  for (const auto& [rows, scale] : {std::pair{logs, Scale::log_probabilities}, std::pair{logits, Scale::logits}}) {
    const LabelAudit found = audit_of(problem_of(rows, labels), {.scale = scale});
    EXPECT_EQ(found.is_issue, wanted.is_issue);
    for (std::size_t row = 0; row < 4; ++row) EXPECT_NEAR(found.scores[row], wanted.scores[row], 1e-12);
  }
  EXPECT_EQ(audit_of(problem_of<float>(p, labels)).is_issue, wanted.is_issue);
}

TEST(LabelAudit, RanksTiesByRowAndTheSetFirst) {
  const std::vector<std::vector<double>> p{{0.9, 0.1}, {0.2, 0.8}, {0.2, 0.8}, {0.9, 0.1}, {0.2, 0.8}, {0.9, 0.1}};
  const LabelAudit audit = audit_of(problem_of(p, {0, 0, 0, 0, 1, 0}), {.top = 5});
  std::vector<std::int64_t> rows;
  for (const AuditedRow& row : audit.ranking) rows.push_back(row.row);
  EXPECT_EQ(rows, (std::vector<std::int64_t>{1, 2, 4, 0, 3}));
  EXPECT_EQ(audit.issues, 2);
  EXPECT_EQ(to_csv(audit_of(problem_of(p, {0, 0, 0, 0, 1, 0}), {.top = 3, .class_names = {"a,b", "c"}})),
            "row,given,suggested,given_probability,suggested_probability,score,issue\n"
            "1,\"a,b\",c,0.2,0.8,0.2,1\n2,\"a,b\",c,0.2,0.8,0.2,1\n4,c,c,0.8,0.8,0.8,0\n");
}

TEST(LabelAudit, WarnsOfClassesWithoutRows) {
  const LabelAudit audit = audit_of(problem_of({{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}}, {0, 1}));
  ASSERT_EQ(audit.warnings.size(), 1u);
  EXPECT_NE(audit.warnings[0].find("no row has the label 2"), std::string::npos);
  EXPECT_TRUE(std::isnan(audit.classes[2].threshold));
}

template <class E>
std::string message_of(const Problem& problem, const AuditOptions& options = {}) {
  try {
    audit_of(problem, options);
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(LabelAudit, NamesBadInput) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of<IndexError>(problem_of({{0.5, 0.5}, {0.5, 0.5}}, {0, 2})),
            "audit: y.npy: target[1] is 2 (valid: integers 0..1)");
  EXPECT_EQ(message_of<DataError>(problem_of({{0.5, 0.5}, {0.5, nan}}, {0, 1})),
            "audit: p.npy: row 1 contains nan (valid: probabilities in [0, 1]; for logits set the scale to logits)");
  EXPECT_EQ(message_of<DataError>(problem_of({{0.5, 0.5}, {-0.5, 1.5}}, {0, 1})),
            "audit: p.npy: row 1 contains -0.5 (valid: probabilities in [0, 1]; for logits set the scale to logits)");
  EXPECT_EQ(message_of<DataError>(problem_of({{0.5, 0.6}, {0.5, 0.5}}, {0, 1})),
            "audit: p.npy: the probabilities of row 0 have sum 1.1 (valid: 1, within 0.01)");
  EXPECT_EQ(message_of<DataError>(problem_of({{0.5, 0.5}, {3, inf}}, {0, 1}), {.scale = Scale::logits}),
            "audit: p.npy: row 1 contains inf (valid: finite logits, or -inf for some classes)");
  EXPECT_EQ(message_of<DataError>(problem_of({{0.5, 0.5}}, {0}), {.scale = Scale::log_probabilities}),
            "audit: p.npy: row 0 contains 0.5 (valid: log-probabilities of at most 0)");
  EXPECT_EQ(message_of<ShapeError>(problem_of({{1}, {1}}, {0, 0})),
            "audit: p.npy has shape [2, 1] (valid: [N, classes] with 2..4096 classes)");
  EXPECT_EQ(message_of<ShapeError>(problem_of({{0.5, 0.5}}, {0, 0})),
            "audit: p.npy has 1 row(s), y.npy has 2 (valid: the same number of rows)");
  EXPECT_EQ(message_of<ValueError>(problem_of({{0.5, 0.5}}, {0}), {.class_names = {"a"}}),
            "audit: there are 1 names for 2 classes (valid: one per class, or none)");
  EXPECT_THROW(parse_issue_filter("prune"), ValueError);
  EXPECT_THROW(parse_quality_score("margin"), ValueError);
}

}  // namespace
}  // namespace perdita::evaluate
