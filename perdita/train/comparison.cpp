#include "perdita/train/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/data/json.hpp"
#include "perdita/data/npy.hpp"
#include "perdita/report/contest_page.hpp"
#include "perdita/train/fields.hpp"
#include "perdita/train/run_report.hpp"
#include "perdita/train/yardstick.hpp"

namespace perdita::train {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using evaluate::Trial;

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

Config with_seed(const Contender& contender, std::uint64_t seed) {
  Config config = contender.config;
  config.seed = seed;
  if (config.charts.png)
    config.charts = {.svg = true, .png = false};  // PNGs of every run would take longer than short runs do
  return config;
}

Json to_json(const evaluate::Contest& contest) {
  auto results = Json::array();
  for (const evaluate::Entry& entry : contest.entries) {
    for (const Trial& trial : entry.trials) {
      Json result{{"loss", entry.name}, {"seed", trial.seed}};
      if (!trial.failure.empty()) result["failure"] = trial.failure;
      for (std::size_t m = 0; m < trial.values.size(); ++m) {
        const double value = trial.values[m];
        result[contest.metrics[m].name] = std::isfinite(value) ? Json(value) : Json();
      }
      if (!trial.recalls.empty()) result["recall"] = trial.recalls;
      results.push_back(result);
    }
  }
  return results;
}

Trial trial_from(const Fields& result, const evaluate::Contest& contest) {
  Trial trial{.seed = result.whole_unsigned("seed")};
  if (result.has("failure")) trial.failure = result.text("failure");
  if (!trial.failure.empty()) return trial;
  for (const evaluate::Metric& metric : contest.metrics) {
    const bool is_known = !result.at(metric.name.c_str()).is_null();
    trial.values.push_back(is_known ? result.number(metric.name.c_str()) : std::numeric_limits<double>::quiet_NaN());
  }
  if (result.has("recall")) trial.recalls = result.numbers("recall", contest.class_names.size());
  return trial;
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
Folder new_folder(const fs::path& path) {
  const Occupant occupant = occupant_of(path);
  check_replaceable(path, occupant, Occupant::comparison);
  Folder folder(path);
  if (occupant == Occupant::comparison) folder.stage();
  return folder;
}

/// The trials in comparison.json, in which nothing may be wrong.
void read_results(const Fields& file, const std::string& name, const ComparisonPlan& plan, evaluate::Contest& contest) {
  for (const Json& result : file.list("results")) {
    const Fields fields(result, name + ": results");
    const std::string loss = fields.text("loss");
    const auto entry = std::ranges::find(contest.entries, loss, &evaluate::Entry::name);
    if (entry == contest.entries.end()) fields.refuse("loss", "one of the losses that are compared");
    Trial trial = trial_from(fields, contest);
    if (trial.seed - plan.common.seed >= static_cast<std::uint64_t>(plan.seeds))
      fields.refuse("seed", "one of the seeds");
    if (std::ranges::find(entry->trials, trial.seed, &Trial::seed) != entry->trials.end()) {
      fail<DataError>("{}: results of {} has seed {} twice", name, loss, trial.seed);
    }
    entry->trials.push_back(std::move(trial));
  }
}

}  // namespace

Comparison::Comparison(ComparisonPlan plan, const fs::path& folder) : Comparison(std::move(plan)) {
  folder_.emplace(new_folder(folder));
  save();
}

Comparison::Comparison(ComparisonPlan plan) : plan_(std::move(plan)) {
  contenders_ = parse_contenders(plan_.losses, plan_.common);
  for (const Contender& contender : contenders_) {
    Problem problem = [&] {
      try {
        return prepare(with_seed(contender, plan_.common.seed));
      } catch (const ValueError& error) {
        fail<ValueError>("'{}': {}", contender.name, error.what());
      }
    }();
    if (!problem.test)
      fail<ValueError>("there are no test samples for the comparison (valid: a test-fraction above 0)");
    if (contest_.metrics.empty()) {
      contest_.metrics = yardstick_of(problem);
      contest_.class_names = classes_by_size(problem);
      contest_.labels = test_labels_by_size(problem);
    }
    for (const std::string& warning : problem.warnings)
      warnings_.push_back(fmt::format("'{}': {}", contender.name, warning));
    contest_.entries.push_back({contender.name, {}});
  }
}

Comparison Comparison::resume(const fs::path& path) {
  if (occupant_of(path) != Occupant::comparison) {
    fail<FileError>("the folder {} does not contain a comparison: it has no comparison.json", path.string());
  }
  Folder folder(path);
  const std::string name = file_of(path).string();
  const Json object = data::parse_json<Json>(read_file(file_of(path)), name);
  const Fields file(object, name);
  Comparison found({.losses = file.text("losses"),
                    .seeds = file.whole("seeds", 1, 1000),
                    .common = config_from_json(file.at("options").dump(-1, ' ', true), name)});
  found.folder_.emplace(std::move(folder));
  read_results(file, name, found.plan_, found.contest_);
  for (std::int64_t number = 0; found.plan_.seeds == 1 && number < found.runs(); ++number) {
    auto& trials = found.contest_.entries[static_cast<std::size_t>(number)].trials;
    const fs::path samples = samples_file(found.path_of(number));
    if (!trials.empty() && fs::exists(samples)) trials.front().samples = read_samples(samples);
  }
  return found;
}

const Contender& Comparison::contender_of(std::int64_t number) const {
  return contenders_[static_cast<std::size_t>(number % std::ssize(contenders_))];
}

std::uint64_t Comparison::seed_of(std::int64_t number) const {
  return plan_.common.seed + static_cast<std::uint64_t>(number / std::ssize(contenders_));
}

fs::path Comparison::path_of(std::int64_t number) const {
  const std::int64_t place = number % std::ssize(contenders_) + 1;
  return folder_->files() / "runs" /
         fmt::format("{}-{}-seed-{}", place, slug(contender_of(number).name), seed_of(number));
}

bool Comparison::is_done(std::int64_t number) const {
  const auto& trials = contest_.entries[static_cast<std::size_t>(number % std::ssize(contenders_))].trials;
  return std::ranges::find(trials, seed_of(number), &Trial::seed) != trials.end();
}

std::int64_t Comparison::runs_done() const {
  std::int64_t done = 0;
  for (std::int64_t number = 0; number < runs(); ++number) done += is_done(number);
  return done;
}

Run Comparison::open(std::int64_t number) const {
  Problem problem = prepare(with_seed(contender_of(number), seed_of(number)));
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
    Trial trial{.seed = seed_of(number)};
    Run run = open(number);
    if (events.on_run) events.on_run(number, run);
    const RunEvents inner{.on_step = {}, .on_epoch = events.on_epoch, .should_stop = events.should_stop};
    try {
      if (!run.train(inner)) return false;
      run.finish();
      Measurement measured = measure(run.trainer().model(), run.problem());
      trial.values = std::move(measured.values);
      trial.recalls = std::move(measured.recalls);
      trial.values.push_back(seconds_of(run));
      if (plan_.seeds == 1) {
        trial.samples = std::move(measured.samples);
        write_samples(trial.samples, samples_file(path_of(number)));
      }
    } catch (const NumericalError& error) {
      trial.failure = error.what();
    }
    contest_.entries[static_cast<std::size_t>(number % std::ssize(contenders_))].trials.push_back(trial);
    save();
    if (events.on_result) events.on_result(number, trial);
  }
  return true;
}

void Comparison::save() const {
  const Json file{{"version", version()},
                  {"losses", plan_.losses},
                  {"seeds", plan_.seeds},
                  {"options", Json::parse(train::to_json(plan_.common))},
                  {"results", to_json(contest_)}};
  write_file_atomically(file_of(folder_->files()), file.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

void Comparison::finish() const {
  write_file_atomically(folder_->path() / "comparison.csv", evaluate::contest_csv(contest_));
  report::ContestPage page{
      .contest = contest_, .data = plan_.common.data, .command = {}, .configuration = {}, .histories = {}};
  for (std::int64_t number = 0; number < std::ssize(contenders_); ++number) {  // of the first seed
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
