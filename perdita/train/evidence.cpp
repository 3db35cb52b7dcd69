#include "perdita/train/evidence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/data/loader.hpp"
#include "perdita/evaluate/statistics.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::train {

namespace {

constexpr std::size_t neighbours = 15;

/// Samples as rows of floats, columns on one scale.
struct Rows {
  std::size_t columns = 0, step = 1;  // row i is the sample i * step of the dataset
  std::vector<float> values;
  std::vector<double> targets;  // classes or numbers

  std::size_t size() const { return targets.size(); }
  const float* row(std::size_t i) const { return values.data() + i * columns; }
};

/// Every so many-th sample, at most `most`.
Rows rows_of(const data::Dataset& dataset, std::size_t most) {
  const auto size = static_cast<std::size_t>(dataset.size());
  const std::size_t step = (size + most - 1) / most;
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < size; i += step) chosen.push_back(static_cast<std::int64_t>(i));
  const data::Dataset part = dataset.select(chosen);
  Rows rows;
  rows.step = step;
  rows.columns = static_cast<std::size_t>(numel(part.sample_shape()));
  rows.values = Tensor::from(part.inputs).to(DType::float32).to_vector<float>();
  rows.targets = Tensor::from(part.targets).to(DType::float64).to_vector<double>();
  return rows;
}

/// All by the mean and deviation of the columns of the first.
void put_on_one_scale(Rows& train, const std::vector<Rows*>& others) {
  const auto n = static_cast<double>(train.size());
  for (std::size_t c = 0; c < train.columns; ++c) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < train.size(); ++i) mean += static_cast<double>(train.row(i)[c]) / n;
    for (std::size_t i = 0; i < train.size(); ++i) {
      const double d = static_cast<double>(train.row(i)[c]) - mean;
      square += d * d / n;
    }
    const double factor = square > 0 ? 1 / std::sqrt(square) : 0;
    const auto scale = [&](Rows& rows) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        float& value = rows.values[i * rows.columns + c];
        value = static_cast<float>((static_cast<double>(value) - mean) * factor);
      }
    };
    for (Rows* rows : others) scale(*rows);
    scale(train);
  }
}

float distance(const float* a, const float* b, std::size_t columns) {
  float sum = 0;
  for (std::size_t c = 0; c < columns; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

constexpr std::size_t no_sample = static_cast<std::size_t>(-1);

/// What the nearest samples, except the sample `itself`, predict for a row: the commonest class (of several the
/// smallest), or the mean.
double prediction_of_nearest(const Rows& train, const float* row, std::size_t itself, bool classes) {
  std::vector<std::pair<float, std::size_t>> found;
  for (std::size_t i = 0; i < train.size(); ++i) {
    if (i * train.step != itself) found.emplace_back(distance(train.row(i), row, train.columns), i);
  }
  const std::size_t count = std::min(neighbours, found.size());
  std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(count - 1));
  std::vector<double> predicted;
  for (std::size_t i = 0; i < count; ++i) predicted.push_back(train.targets[found[i].second]);
  if (!classes) return std::accumulate(predicted.begin(), predicted.end(), 0.0) / static_cast<double>(count);
  std::ranges::sort(predicted);
  return *std::ranges::max_element(predicted, {}, [&](double target) { return std::ranges::count(predicted, target); });
}

double error_of(double predicted, double target, bool classes) {
  if (classes) return predicted == target ? 0 : 1;
  return (predicted - target) * (predicted - target);
}

}  // namespace

std::string sameness_of(const data::Dataset& samples) {
  if (samples.task != data::Task::regression) {
    return diagnose::sameness_of(samples.class_counts(), samples.class_names);
  }
  const evaluate::Summary targets =
      evaluate::summarize(Tensor::from(samples.targets).to(DType::float64).to_vector<double>());
  const double largest = std::max(std::abs(targets.min), std::abs(targets.max));
  if (targets.max - targets.min > 1e-6 * largest) return "";
  return fmt::format("every target is {}", evaluate::format_number(targets.mean));
}

std::optional<diagnose::Reference> neighbour_reference(const Model& model, const Problem& problem) {
  const bool classes = problem.objective.has_classes();
  if (problem.train.size() < 50 || (!classes && problem.train.targets.size() != problem.train.size())) {
    return std::nullopt;
  }
  constexpr std::size_t most_work = 300'000'000;
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(numel(problem.train.sample_shape())));
  const auto side = static_cast<std::size_t>(std::sqrt(static_cast<double>(most_work / columns) / 16));
  const std::size_t most = std::clamp<std::size_t>(side, 100, 1000);
  Rows train = rows_of(problem.train, std::clamp<std::size_t>(8 * side, 100, 10'000));
  Rows left_out = rows_of(problem.train, most), held_out;
  const data::Dataset* const other = problem.test         ? &*problem.test
                                     : problem.validation ? &*problem.validation
                                                          : nullptr;
  if (other != nullptr) held_out = rows_of(*other, most);
  put_on_one_scale(train, {&left_out, &held_out});
  std::vector<double> neighbour_errors, model_errors, differences;
  const auto compare = [&](const data::Dataset& dataset, const Rows& rows, bool trained_on) {
    const ModelEvaluation evaluated = evaluate_model(model, problem.objective, dataset, false);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t sample = i * rows.step;
      const double predicted = prediction_of_nearest(train, rows.row(i), trained_on ? sample : no_sample, classes);
      const double model_prediction =
          classes ? static_cast<double>(evaluated.predictions[sample]) : evaluated.predicted_values[sample];
      neighbour_errors.push_back(error_of(predicted, rows.targets[i], classes));
      model_errors.push_back(error_of(model_prediction, rows.targets[i], classes));
      differences.push_back(model_errors.back() - neighbour_errors.back());
    }
  };
  compare(problem.train, left_out, true);
  if (other != nullptr) compare(*other, held_out, false);
  const evaluate::Summary gain = evaluate::summarize(differences);
  return diagnose::Reference{.name = classes ? fmt::format("the vote of the {} nearest other samples", neighbours)
                                             : fmt::format("the mean of the {} nearest other samples", neighbours),
                             .is_share = classes,
                             .error = evaluate::summarize(neighbour_errors).mean,
                             .of_model = evaluate::summarize(model_errors).mean,
                             .deviations = gain.standard_error > 0 ? gain.mean / gain.standard_error : 0};
}

void measure_contradictions(const Model& model, const Problem& problem, const report::MarginTracker& tracker,
                            diagnose::Evidence& evidence) {
  if (tracker.is_empty()) return;
  const NoGrad no_grad;
  model.eval();
  std::vector<double> confidence;  // log probability of the most probable class minus that of the next
  data::DataLoader loader(problem.train, {.batch_size = 1024});
  for (const auto& [inputs, targets] : loader) {
    const Tensor log_p = problem.objective.log_probabilities(model(inputs).contiguous());
    if (!log_p.defined() || log_p.size(1) < 2) return;
    const std::vector<double> values = log_p.to(DType::float64).to_vector<double>();
    const auto classes = static_cast<std::size_t>(log_p.size(1));
    for (std::size_t i = 0; i < values.size(); i += classes) {
      std::vector<double> row(values.begin() + static_cast<std::ptrdiff_t>(i),
                              values.begin() + static_cast<std::ptrdiff_t>(i + classes));
      std::ranges::partial_sort(row, row.begin() + 2, std::ranges::greater{});
      const double gap = row[0] - row[1];
      confidence.push_back(std::isnan(gap) ? 0 : gap);  // of a model that ran away
    }
  }
  std::vector<report::SampleScore> samples = tracker.ranking();
  std::ranges::sort(samples, {},
                    [&](const report::SampleScore& s) { return confidence[static_cast<std::size_t>(s.sample)]; });
  const auto share = [&](double begin, double end) {
    const auto first = static_cast<std::size_t>(begin * static_cast<double>(samples.size()));
    const auto past = static_cast<std::size_t>(end * static_cast<double>(samples.size()));
    if (past - first < 20) return std::numeric_limits<double>::quiet_NaN();
    const auto part = std::span(samples).subspan(first, past - first);
    const auto count = std::ranges::count_if(part, [](const report::SampleScore& score) { return score.aum < 0; });
    return static_cast<double>(count) / static_cast<double>(past - first);
  };
  evidence.contradicted_surest = share(0.8, 1);
  evidence.contradicted_middle = share(0.4, 0.6);
}

}  // namespace perdita::train
