#include "perdita/train/comparison_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "perdita/data/loader.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/train/evaluate_model.hpp"

namespace perdita::train {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr int bins = 15;

/// Of the classes, those with most samples in training first.
std::vector<std::size_t> by_size(const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  return order;
}

bool has_groups(const Problem& problem) {
  const std::vector<std::int64_t> counts = problem.train.class_counts();
  return counts.size() >= 3 && std::ranges::max(counts) > 1.1 * static_cast<double>(std::ranges::min(counts));
}

/// Mean recall of head, middle and tail.
std::vector<double> recall_of_groups(const Problem& problem, const evaluate::ClassificationScore& score) {
  const std::vector<std::size_t> order = by_size(problem.train.class_counts());
  const std::size_t third = order.size() / 3;
  const auto mean_recall = [&](std::size_t begin, std::size_t end) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += score.classes[order[i]].recall;
    return sum / static_cast<double>(end - begin);
  };
  return {mean_recall(0, third), mean_recall(third, order.size() - third),
          mean_recall(order.size() - third, order.size())};
}

/// Mean of -log p of the true class, and how right confidences are.
struct ProbabilityScore {
  double loss = 0;
  std::vector<float> losses;
  evaluate::Calibration calibration;
};

std::optional<ProbabilityScore> probability_score(const Model& model, const Problem& problem) {
  const NoGrad no_grad;
  model.eval();
  evaluate::CalibrationCounts calibration(bins);
  double total = 0;
  std::vector<float> losses;
  for (const auto& [inputs, targets] : data::DataLoader(*problem.test, {.batch_size = 1024})) {
    const Tensor log_p = problem.objective.log_probabilities(model(inputs));
    if (!log_p.defined()) return std::nullopt;
    const std::vector<double> values = log_p.to(DType::float64).to_vector<double>();
    const std::vector<std::int64_t> labels = targets.to_vector<std::int64_t>();
    const auto classes = static_cast<std::size_t>(log_p.size(1));
    for (std::size_t row = 0; row < labels.size(); ++row) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(row * classes);
      const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
      total -= first[labels[row]];
      losses.push_back(static_cast<float>(-first[labels[row]]));
      calibration.add(std::min(std::exp(*best), 1.0), best - first == labels[row]);
    }
  }
  return ProbabilityScore{total / static_cast<double>(problem.test->size()), std::move(losses), calibration.result()};
}

}  // namespace

std::vector<evaluate::Metric> comparison_metrics(const Problem& problem) {
  const evaluate::Metric seconds{.name = "seconds", .title = "seconds", .is_cost = true};
  if (!problem.objective.has_classes()) {
    return {{.name = "rmse", .title = "RMSE", .column = 0},
            {.name = "mae", .title = "MAE", .column = 1},
            {.name = "r2", .title = "R²", .more_is_better = true, .column = 0},
            seconds};
  }
  const auto share = [](const char* name, const char* title, std::vector<std::int64_t> classes = {}) {
    return evaluate::Metric{.name = name,
                            .title = title,
                            .is_share = true,
                            .more_is_better = true,
                            .column = 0,
                            .classes = std::move(classes)};
  };
  const auto places = [](std::size_t begin, std::size_t end) {
    std::vector<std::int64_t> classes(end - begin);
    std::iota(classes.begin(), classes.end(), static_cast<std::int64_t>(begin));
    return classes;
  };
  const std::size_t classes = problem.train.class_names.size(), third = classes / 3;
  std::vector<evaluate::Metric> metrics{share("accuracy", "accuracy"),
                                        share("balanced_accuracy", "balanced acc.", places(0, classes))};
  if (has_groups(problem)) {
    metrics.push_back(share("head_recall", "head", places(0, third)));
    metrics.push_back(share("middle_recall", "middle", places(third, classes - third)));
    metrics.push_back(share("tail_recall", "tail", places(classes - third, classes)));
  }
  metrics.push_back({.name = "test_cross_entropy", .title = "test loss", .column = 1});
  metrics.push_back({.name = "ece", .title = "ECE"});
  metrics.push_back(seconds);
  return metrics;
}

std::vector<std::string> classes_by_size(const Problem& problem) {
  std::vector<std::string> names;
  for (std::size_t k : by_size(problem.train.class_counts())) names.push_back(problem.train.class_names[k]);
  return names;
}

std::vector<std::int64_t> test_labels_by_size(const Problem& problem) {
  if (!problem.objective.has_classes()) return {};
  const std::vector<std::size_t> order = by_size(problem.train.class_counts());
  std::vector<std::int64_t> place(order.size()), labels;
  for (std::size_t k = 0; k < order.size(); ++k) place[order[k]] = static_cast<std::int64_t>(k);
  for (std::int64_t label : problem.test->labels()) labels.push_back(place[static_cast<std::size_t>(label)]);
  return labels;
}

namespace {

Measurement measure_numbers(const ModelEvaluation& evaluated) {
  const auto score = evaluate::score_regression(evaluated.target_values, evaluated.predicted_values);
  Measurement result{.values = {score.rmse, score.mae, score.r2}, .recalls = {}, .samples = {{}, {}}};
  const std::size_t rows = evaluated.losses.size(), columns = evaluated.target_values.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    double square = 0, size = 0;
    for (std::size_t i = row * columns; i < (row + 1) * columns; ++i) {
      const double error = evaluated.predicted_values[i] - evaluated.target_values[i];
      square += error * error / static_cast<double>(columns);
      size += std::abs(error) / static_cast<double>(columns);
    }
    result.samples[0].push_back(static_cast<float>(square));
    result.samples[1].push_back(static_cast<float>(size));
  }
  return result;
}

}  // namespace

Measurement measure(const Model& model, const Problem& problem) {
  const ModelEvaluation evaluated = evaluate_model(model, problem.objective, *problem.test, false);
  if (!problem.objective.has_classes()) return measure_numbers(evaluated);
  const auto score = evaluate::score_classes(evaluated.targets, evaluated.predictions, {}, problem.test->num_classes());
  Measurement result{.values = {score.accuracy, score.balanced_accuracy}, .recalls = {}, .samples = {{}}};
  for (std::size_t k : by_size(problem.train.class_counts())) result.recalls.push_back(score.classes[k].recall);
  if (has_groups(problem)) {
    for (double recall : recall_of_groups(problem, score)) result.values.push_back(recall);
  }
  for (std::size_t i = 0; i < evaluated.targets.size(); ++i)
    result.samples[0].push_back(evaluated.targets[i] == evaluated.predictions[i] ? 1.0f : 0.0f);
  auto probabilities = probability_score(model, problem);
  result.values.push_back(probabilities ? probabilities->loss : unknown);
  result.values.push_back(probabilities ? probabilities->calibration.ece : unknown);
  if (probabilities) result.samples.push_back(std::move(probabilities->losses));
  return result;
}

std::optional<evaluate::Calibration> calibration_of(const Model& model, const Problem& problem) {
  if (!problem.objective.has_classes() || !problem.test) return std::nullopt;
  const auto probabilities = probability_score(model, problem);
  return probabilities ? std::optional(probabilities->calibration) : std::nullopt;
}

}  // namespace perdita::train
