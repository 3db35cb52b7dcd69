#include "perdita/train/run_report.hpp"

#include <algorithm>
#include <functional>

#include "perdita/core/version.hpp"

namespace perdita::train {

namespace {

/// What makes pictures of the samples, where they were grey pictures once; nothing otherwise.
std::function<report::Image(std::int64_t)> pictures_of(const data::Dataset& samples, const Shape& shape) {
  if (samples.inputs.dtype != DType::uint8 || shape.rank() != 2 || std::max(shape[0], shape[1]) > 256) return nullptr;
  return [samples, height = shape[0], width = shape[1]](std::int64_t index) {
    const std::int64_t size = height * width;
    const std::uint8_t* pixels = samples.inputs.data<std::uint8_t>() + index * size;
    return report::Image{.width = static_cast<int>(width),
                         .height = static_cast<int>(height),
                         .channels = 1,
                         .pixels = std::vector<std::uint8_t>(pixels, pixels + size)};
  };
}

void describe_test(report::RunReport& page, const Problem& problem, const TestResult& test) {
  const ModelEvaluation& evaluation = test.evaluation;
  page.test_losses = evaluation.losses;
  page.test_rows = problem.test->rows;
  page.targets = evaluation.targets;
  page.predictions = evaluation.predictions;
  page.calibration = test.calibration;
  if (evaluation.target_values.size() == evaluation.losses.size()) {  // one number a sample
    page.target_values = evaluation.target_values;
    page.predicted_values = evaluation.predicted_values;
  }
  page.picture = pictures_of(*problem.test, problem.sample_shape);
}

void describe_suspects(report::RunReport& page, const Problem& problem, const report::Suspects& suspects) {
  constexpr std::int64_t most = 20;
  page.contradicted = suspects.contradicted;
  const auto picture = pictures_of(problem.train, problem.sample_shape);
  const auto labels = problem.train.labels();
  for (std::int64_t rank = 0; rank < std::min(most, suspects.contradicted); ++rank) {
    const report::SampleScore& score = suspects.ranking[static_cast<std::size_t>(rank)];
    const auto at = static_cast<std::size_t>(score.sample);
    page.suspects.push_back({.row = problem.train.rows.empty() ? score.sample : problem.train.rows[at],
                             .label = problem.train.class_names[static_cast<std::size_t>(labels[at])],
                             .aum = score.aum,
                             .mean_loss = score.mean_loss,
                             .picture = picture ? picture(score.sample) : report::Image{}});
  }
}

/// Weights, and what else makes classes count more or less.
report::ClassWeights weights_of(const Problem& problem) {
  const Config& config = problem.config;
  report::ClassWeights weights{
      .how = to_string(config.class_weights), .samples = problem.train.class_counts(), .weights = {}, .note = {}};
  if (!config.pos_weight.is_none()) weights.how = "pos-weight " + to_string(config.pos_weight);
  if (const Tensor& values = problem.objective.class_weights(); values.defined()) {
    for (float value : values.to_vector<float>()) weights.weights.push_back(static_cast<double>(value));
    if (config.defer_weights > 0) {
      weights.note =
          fmt::format("The weights apply after {:.0f} % of the run; before that, all samples have the same weight.",
                      100 * config.defer_weights);
    }
  }
  if (config.sampling != Sampling::shuffle) {
    weights.note += fmt::format("{}The sampling ({}) also changes how often each class is seen.",
                                weights.note.empty() ? "" : " ", name_of(config.sampling));
  }
  return weights;
}

}  // namespace

report::RunReport describe(const Problem& problem, const Trainer& trainer, const TestResult* test,
                           const report::Suspects* suspects) {
  report::RunReport page;
  page.data = problem.train.name;
  const ModelDescription model = trainer.model().description();
  page.model = fmt::format("{} {} {}", model.article, model.title, model.sizes);
  page.loss = to_string(*problem.config.loss);
  page.loss_changes = problem.objective.sum().changes();
  page.loss_is_never_negative = problem.objective.is_never_negative();
  page.train_samples = problem.train.size();
  page.val_samples = problem.validation ? problem.validation->size() : 0;
  page.class_names = problem.train.class_names;
  if (problem.objective.has_classes()) page.class_weights = weights_of(problem);
  if (test != nullptr) describe_test(page, problem, *test);
  if (suspects != nullptr) describe_suspects(page, problem, *suspects);
  for (const Option& option : options()) {
    if (option.get == nullptr) continue;
    if (std::string value = option.get(problem.config); !value.empty()) {
      page.configuration.emplace_back(option.name, std::move(value));
    }
  }
  page.command = command_line(problem.config);
  page.version = version();
  return page;
}

}  // namespace perdita::train
