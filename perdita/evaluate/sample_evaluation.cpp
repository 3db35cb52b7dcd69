#include "perdita/evaluate/sample_evaluation.hpp"

#include <fmt/format.h>

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/evaluated_block.hpp"

namespace perdita::evaluate {

namespace {

constexpr std::int64_t block_rows = 4096;
constexpr int bins = 15;

/// Gathers blocks.
class Samples {
 public:
  explicit Samples(const EvaluationPlan& how) : how_(how) {
    if (how.kind == Kind::classes) result_.classes = how.columns;
    if (how.kind == Kind::binary && how.units_per_row == 1) result_.classes = 2;
  }

  template <class T>
  void add(const RawBlock& block, const EvaluatedBlock<T>& evaluated) {
    for (std::int64_t row = 0; row < block.count; ++row) {
      const auto at = static_cast<std::size_t>(row);
      if (result_.classes > 0 && evaluated.labels[at] < 0) continue;  // ignored
      places_.push_back(block.first + row);
      add_loss(row, evaluated);
      if (result_.classes > 0)
        add_class(at, evaluated);
      else if (how_.kind == Kind::regression && how_.units_per_row == 1 && how_.columns == 1)
        add_number(at, evaluated);
    }
  }

  SampleEvaluation finish(std::int64_t rows) {
    if (places_.empty()) {
      fail<DataError>("{}: there is no sample to evaluate: {} of {} have the ignored label", how_.predictions_name,
                      rows, rows);
    }
    const auto count = static_cast<double>(places_.size());
    result_.mean_loss = sum_ / count;
    if (result_.classes > 0) {
      result_.accuracy = static_cast<double>(correct_) / count;
      result_.calibration = confidences_.result();
    }
    if (std::ssize(places_) < rows) result_.rows = std::move(places_);
    return std::move(result_);
  }

 private:
  template <class T>
  void add_loss(std::int64_t row, const EvaluatedBlock<T>& evaluated) {
    double loss = 0;
    for (std::int64_t unit = 0; unit < how_.units_per_row; ++unit) {
      loss += static_cast<double>(evaluated.losses[static_cast<std::size_t>(row * how_.units_per_row + unit)]);
    }
    loss /= static_cast<double>(how_.units_per_row);
    sum_ += loss;
    result_.losses.push_back(static_cast<float>(loss));
  }
  template <class T>
  void add_class(std::size_t at, const EvaluatedBlock<T>& evaluated) {
    const std::int64_t label = evaluated.labels[at], predicted = evaluated.predicted[at];
    result_.targets.push_back(label);
    result_.predictions.push_back(predicted);
    correct_ += label == predicted;
    auto confidence = static_cast<double>(evaluated.confidences[at]);
    if (how_.kind == Kind::binary && predicted == 0) confidence = 1 - confidence;  // that of a 1 so far
    if (predicted >= 0 && confidence >= 0 && confidence <= 1) confidences_.add(confidence, label == predicted);
  }
  template <class T>
  void add_number(std::size_t at, const EvaluatedBlock<T>& evaluated) {
    result_.target_values.push_back(static_cast<double>(evaluated.targets[at]));
    result_.predicted_values.push_back(static_cast<double>(evaluated.inputs[at]));
  }

  const EvaluationPlan& how_;
  SampleEvaluation result_;
  std::vector<std::int64_t> places_;
  CalibrationCounts confidences_{bins};
  double sum_ = 0;
  std::int64_t correct_ = 0;
};

template <class T>
SampleEvaluation evaluate_blocks(const EvaluationPlan& how, const Array& outputs, const Array& targets) {
  const auto bytes_of_row = [](const Array& array, std::int64_t elements) {
    return elements * static_cast<std::int64_t>(size_of(array.dtype));
  };
  const std::int64_t rows = outputs.shape[0], target_elements = targets.size() / std::max<std::int64_t>(1, rows);
  Samples samples(how);
  EvaluatedBlock<T> evaluated;
  for (std::int64_t first = 0; first < rows; first += block_rows) {
    const RawBlock block{
        .first = first,
        .count = std::min(block_rows, rows - first),
        .predictions = static_cast<const char*>(outputs.buffer.data()) + first * bytes_of_row(outputs, how.columns),
        .targets = static_cast<const char*>(targets.buffer.data()) + first * bytes_of_row(targets, target_elements)};
    evaluate_block(how, block, evaluated);
    samples.add(block, evaluated);
  }
  return samples.finish(rows);
}

}  // namespace

SampleEvaluation evaluate_samples(const AnyLoss& loss, Scale scale, const Array& outputs, const Array& targets,
                                  std::string_view what) {
  for (const auto& [name, array] : {std::pair{"outputs", &outputs}, std::pair{"targets", &targets}}) {
    if (array->shape.rank() > 0) continue;
    fail<ShapeError>("{}: {} has shape [] (valid: [N, ...], one row per sample)", what, name);
  }
  if (outputs.shape[0] != targets.shape[0]) {
    fail<ShapeError>("{}: outputs has {} rows and targets {} (valid: the same number)", what, outputs.shape[0],
                     targets.shape[0]);
  }
  const auto predicted = data::rows_of(outputs, fmt::format("{} outputs", what));
  const auto truth = data::rows_of(targets, fmt::format("{} targets", what));
  const EvaluationPlan how = plan_evaluation(loss, scale, *predicted, *truth);
  return is_computed_in_float(how) ? evaluate_blocks<float>(how, outputs, targets)
                                   : evaluate_blocks<double>(how, outputs, targets);
}

}  // namespace perdita::evaluate
