#include "perdita/train/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/data/json.hpp"
#include "perdita/data/npy.hpp"
#include "perdita/report/comparison_page.hpp"
#include "perdita/train/comparison_metrics.hpp"
#include "perdita/train/fields.hpp"
#include "perdita/train/run_report.hpp"

namespace perdita::train {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using evaluate::RunResult;

fs::path file_of(const fs::path& folder) { return folder / "comparison.json"; }

/// The option's text as it was written, where a folder can be named so.
std::string slug(std::string_view text) {
  std::string name;
  for (char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (plain) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  return name.substr(0, 60);
}

Config with_seed(const Candidate& candidate, std::uint64_t seed) {
  Config config = candidate.config;
  config.seed = seed;
  if (config.charts.png)
    config.charts = {.svg = true, .png = false};  // PNGs of every run would take longer than short runs do
  return config;
}

Json to_json(const evaluate::ComparisonResults& results) {
  auto list = Json::array();
  for (const evaluate::CandidateResults& candidate : results.candidates) {
    for (const RunResult& run : candidate.runs) {
      Json result{{"loss", candidate.name}, {"seed", run.seed}};
      if (!run.failure.empty()) result["failure"] = run.failure;
      for (std::size_t m = 0; m < run.values.size(); ++m) {
        const double value = run.values[m];
        result[results.metrics[m].name] = std::isfinite(value) ? Json(value) : Json();
      }
      if (!run.recalls.empty()) result["recall"] = run.recalls;
      list.push_back(result);
    }
  }
  return list;
}

RunResult run_result_from(const Fields& result, const evaluate::ComparisonResults& results) {
  RunResult run{.seed = result.whole_unsigned("seed")};
  if (result.has("failure")) run.failure = result.text("failure");
  if (!run.failure.empty()) return run;
  for (const evaluate::Metric& metric : results.metrics) {
    const bool is_known = !result.at(metric.name.c_str()).is_null();
    run.values.push_back(is_known ? result.number(metric.name.c_str()) : std::numeric_limits<double>::quiet_NaN());
  }
  if (result.has("recall")) run.recalls = result.numbers("recall", results.class_names.size());
  return run;
}

fs::path samples_file(const fs::path& run) { return run / "test_samples.npy"; }

/// [columns, samples].
void write_samples(const std::vector<std::vector<float>>& columns, const fs::path& file) {
  std::vector<Tensor> rows;
  for (const std::vector<float>& column : columns) rows.push_back(Tensor::from(column));
  data::write_npy(file, stack(rows).to_array());
}

std::vector<std::vector<float>> read_samples(const fs::path& file) {
  const Tensor columns = Tensor::from(data::read_npy(file));
  if (columns.rank() != 2 || columns.dtype() != DType::float32) {
    fail<DataError>("{}: got {} of shape {} (valid: float32, [columns, samples])", file.string(),
                    name_of(columns.dtype()), columns.shape());
  }
  std::vector<std::vector<float>> all;
  for (std::int64_t c = 0; c < columns.size(0); ++c) all.push_back(columns.select(0, c).to_vector<float>());
  return all;
}

/// Of all epochs, those before an interruption too.
double seconds_of(const Run& run) {
  double seconds = 0;
  for (const evaluate::Record& record : evaluate::read_history(run.path() / "history.jsonl")) {
    if (record.kind == "epoch") seconds += record.find("seconds").value_or(0);
  }
  return seconds;
}

/// Where an old comparison stays until the new one has proved itself.
report::Folder new_folder(const fs::path& path) {
  const report::Occupant occupant = report::occupant_of(path);
  report::check_replaceable(path, occupant, report::Occupant::comparison);
  report::Folder folder(path);
  if (occupant == report::Occupant::comparison) folder.stage();
  return folder;
}

/// The runs in comparison.json, in which nothing may be wrong.
void read_results(const Fields& file, const std::string& name, const ComparisonPlan& plan,
                  evaluate::ComparisonResults& results) {
  for (const Json& result : file.list("results")) {
    const Fields fields(result, name + ": results");
    const std::string loss = fields.text("loss");
    const auto candidate = std::ranges::find(results.candidates, loss, &evaluate::CandidateResults::name);
    if (candidate == results.candidates.end()) fields.refuse("loss", "one of the losses that are compared");
    RunResult run = run_result_from(fields, results);
    if (run.seed - plan.common.seed >= static_cast<std::uint64_t>(plan.seeds))
      fields.refuse("seed", "one of the seeds");
    if (std::ranges::find(candidate->runs, run.seed, &RunResult::seed) != candidate->runs.end()) {
      fail<DataError>("{}: results of {} has seed {} twice", name, loss, run.seed);
    }
    candidate->runs.push_back(std::move(run));
  }
}

}  // namespace

Comparison::Comparison(ComparisonPlan plan, const fs::path& folder) : Comparison(std::move(plan)) {
  folder_.emplace(new_folder(folder));
  save();
}

Comparison::Comparison(ComparisonPlan plan) : plan_(std::move(plan)) {
  candidates_ = parse_candidates(plan_.losses, plan_.common);
  for (const Candidate& candidate : candidates_) {
    Problem problem = [&] {
      try {
        return prepare(with_seed(candidate, plan_.common.seed));
      } catch (const ValueError& error) {
        fail<ValueError>("'{}': {}", candidate.name, error.what());
      }
    }();
    if (!problem.test)
      fail<ValueError>("there are no test samples for the comparison (valid: a test-fraction above 0)");
    if (results_.metrics.empty()) {
      results_.metrics = comparison_metrics(problem);
      results_.class_names = classes_by_size(problem);
      results_.labels = test_labels_by_size(problem);
      notes_ = problem.notes;
    }
    for (const std::string& warning : problem.warnings)
      warnings_.push_back(fmt::format("'{}': {}", candidate.name, warning));
    results_.candidates.push_back({candidate.name, {}});
  }
}

Comparison Comparison::resume(const fs::path& path) {
  if (report::occupant_of(path) != report::Occupant::comparison) {
    fail<FileError>("the folder {} does not contain a comparison: it has no comparison.json", path.string());
  }
  report::Folder folder(path);
  const std::string name = file_of(path).string();
  const Json object = data::parse_json<Json>(read_file(file_of(path)), name);
  const Fields file(object, name);
  Comparison found({.losses = file.text("losses"),
                    .seeds = file.whole("seeds", 1, 1000),
                    .common = config_from_json(file.at("options").dump(-1, ' ', true), name)});
  found.folder_.emplace(std::move(folder));
  read_results(file, name, found.plan_, found.results_);
  for (std::int64_t number = 0; found.plan_.seeds == 1 && number < found.runs(); ++number) {
    auto& runs = found.results_.candidates[static_cast<std::size_t>(number)].runs;
    const fs::path samples = samples_file(found.path_of(number));
    if (!runs.empty() && fs::exists(samples)) runs.front().samples = read_samples(samples);
  }
  return found;
}

const Candidate& Comparison::candidate_of(std::int64_t number) const {
  return candidates_[static_cast<std::size_t>(number % std::ssize(candidates_))];
}

std::uint64_t Comparison::seed_of(std::int64_t number) const {
  return plan_.common.seed + static_cast<std::uint64_t>(number / std::ssize(candidates_));
}

fs::path Comparison::path_of(std::int64_t number) const {
  const std::int64_t place = number % std::ssize(candidates_) + 1;
  return folder_->files() / "runs" /
         fmt::format("{}-{}-seed-{}", place, slug(candidate_of(number).name), seed_of(number));
}

bool Comparison::is_done(std::int64_t number) const {
  const auto& runs = results_.candidates[static_cast<std::size_t>(number % std::ssize(candidates_))].runs;
  return std::ranges::find(runs, seed_of(number), &RunResult::seed) != runs.end();
}

std::int64_t Comparison::runs_done() const {
  std::int64_t done = 0;
  for (std::int64_t number = 0; number < runs(); ++number) done += is_done(number);
  return done;
}

Run Comparison::open(std::int64_t number) const {
  Problem problem = prepare(with_seed(candidate_of(number), seed_of(number)));
  const fs::path path = path_of(number);
  if (!fs::exists(path / "config.json")) return Run(std::move(problem), path, true);
  Resumable found = find_run(path);
  return Run(std::move(problem), std::move(found.folder), found.checkpoint);
}

/// The first epoch of a run, and then the old comparison gives way. False if should_stop() ended it before.
bool Comparison::replace_old(std::int64_t number, const ComparisonEvents& events) {
  bool has_begun = false;
  {
    Run run = open(number);
    if (events.on_run) events.on_run(number, run);
    const RunEvents inner{.on_step = {},
                          .on_epoch =
                              [&](const EpochReport& report) {
                                has_begun = true;
                                if (events.on_epoch) events.on_epoch(report);
                              },
                          .should_stop = [&] { return has_begun || (events.should_stop && events.should_stop()); }};
    try {
      run.train(inner);
    } catch (const NumericalError&) {  // a result, which the run will have again
      has_begun = true;
    }
  }
  if (has_begun) folder_->replace();
  return has_begun;
}

bool Comparison::run(const ComparisonEvents& events) {
  for (std::int64_t number = 0; number < runs(); ++number) {
    if (is_done(number)) continue;
    if (folder_->is_staged() && !replace_old(number, events)) return false;
    RunResult outcome{.seed = seed_of(number)};
    Run run = open(number);
    if (events.on_run) events.on_run(number, run);
    const RunEvents inner{.on_step = {}, .on_epoch = events.on_epoch, .should_stop = events.should_stop};
    try {
      if (!run.train(inner)) return false;
      run.finish();
      Measurement measured = measure(run.trainer().model(), run.problem());
      outcome.values = std::move(measured.values);
      outcome.recalls = std::move(measured.recalls);
      outcome.values.push_back(seconds_of(run));
      if (plan_.seeds == 1) {
        outcome.samples = std::move(measured.samples);
        write_samples(outcome.samples, samples_file(path_of(number)));
      }
    } catch (const NumericalError& error) {
      outcome.failure = error.what();
    }
    results_.candidates[static_cast<std::size_t>(number % std::ssize(candidates_))].runs.push_back(outcome);
    save();
    if (events.on_result) events.on_result(number, outcome);
  }
  return true;
}

void Comparison::save() const {
  const Json file{{"version", version()},
                  {"losses", plan_.losses},
                  {"seeds", plan_.seeds},
                  {"options", Json::parse(train::to_json(plan_.common))},
                  {"results", to_json(results_)}};
  write_file_atomically(file_of(folder_->files()), file.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void Comparison::finish() const {
  write_file_atomically(folder_->path() / "comparison.csv", evaluate::comparison_csv(results_));
  report::ComparisonPage page{
      .results = results_, .data = plan_.common.data, .command = {}, .configuration = {}, .histories = {}};
  for (std::int64_t number = 0; number < std::ssize(candidates_); ++number) {  // of the first seed
    const fs::path history = path_of(number) / "history.jsonl";
    page.histories.push_back(fs::exists(history) ? evaluate::read_history(history) : std::vector<evaluate::Record>());
  }
  for (const Option& option : options()) {
    if (option.get == nullptr || option.name == "loss") continue;
    if (std::string value = option.get(plan_.common); !value.empty()) {
      page.command += fmt::format(" --{} {}", option.name, quote_for_shell(value));
      page.configuration.emplace_back(option.name, std::move(value));
    }
  }
  page.command =
      fmt::format("perdita compare --losses {} --seeds {}{}", quote_for_shell(plan_.losses), plan_.seeds, page.command);
  report::write_report(page, folder_->path(), plan_.common.charts);
}

}  // namespace perdita::train
