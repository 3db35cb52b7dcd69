#include "perdita/train/run.hpp"

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/diagnose/findings_json.hpp"
#include "perdita/train/comparison_metrics.hpp"
#include "perdita/train/evidence.hpp"
#include "perdita/train/run_report.hpp"
#include "perdita/train/saved_model.hpp"

namespace perdita::train {

namespace {

namespace fs = std::filesystem;
using evaluate::History;
using evaluate::Record;

Record to_record(const EpochReport& report) {
  Record record{"epoch", report.epoch, report.step, {{"train_loss", report.train_loss}}};
  if (report.val_loss) record.values.emplace_back("val_loss", *report.val_loss);
  if (report.val_accuracy) record.values.emplace_back("val_accuracy", *report.val_accuracy);
  for (const PartReport& part : report.parts) {
    record.values.emplace_back("train_loss." + part.name, part.train_loss);
    if (part.val_loss) record.values.emplace_back("val_loss." + part.name, *part.val_loss);
    record.values.emplace_back("weight." + part.name, part.weight);
  }
  for (const auto& [name, value] : report.loss_parameters) record.values.emplace_back("parameter." + name, value);
  record.values.emplace_back("lr", report.lr);
  record.values.emplace_back("seconds", report.seconds);
  return record;
}

/// The options that say how long and how fast is trained, of which both configurations have all.
struct Course {
  std::string_view name;
  double before, now;
};
std::vector<Course> changes(const Config& before, const Config& now) {
  std::vector<Course> all{{"lr", *before.lr, *now.lr},
                          {"epochs", static_cast<double>(*before.epochs), static_cast<double>(*now.epochs)},
                          {"patience", static_cast<double>(before.patience), static_cast<double>(now.patience)}};
  std::erase_if(all, [](const Course& option) { return option.before == option.now; });
  return all;
}

}  // namespace

Run::Run(Problem problem, const fs::path& folder, bool overwrite)
    : problem_(std::make_unique<Problem>(std::move(problem))),
      trainer_(*problem_),
      folder_(report::new_run_folder(folder, overwrite, to_json(problem_->config))),
      log_(History::create(folder_.history()), folder_, problem_->config.tensorboard) {}

Run::Run(Problem problem, report::Folder folder, const std::optional<Checkpoint>& checkpoint)
    : problem_(std::make_unique<Problem>(std::move(problem))),
      trainer_(*problem_),
      folder_(std::move(folder)),
      log_(resume(checkpoint), folder_, problem_->config.tensorboard) {
  write_file_atomically(folder_.config(), to_json(problem_->config));
}

/// Changes nothing in the folder before everything is checked.
History Run::resume(const std::optional<Checkpoint>& checkpoint) {
  if (!checkpoint) return History::resume(folder_.history(), 0);
  Config& config = problem_->config;
  if (checkpoint->data_checksum != problem_->checksum) {
    fail<DataError>("the data {} differ from the data that the run in {} was started with (valid: the same samples)",
                    config.data, folder_.path().string());
  }
  Config recorded = checkpoint->config;
  if (!recorded.lr) recorded.lr = config.lr;
  if (!recorded.epochs) recorded.epochs = config.epochs;
  const auto changed = changes(recorded, config);
  if (config.epochs != recorded.epochs && *config.epochs < checkpoint->epoch) {
    fail<ValueError>("epochs is {}, but {} have already been trained (valid: {} or more)", *config.epochs,
                     checkpoint->epoch, checkpoint->epoch);
  }
  try {
    trainer_.restore(*checkpoint);
  } catch (const Error& error) {
    fail<DataError>("{}: {}", folder_.checkpoint().string(), error.what());
  }
  History history = History::resume(folder_.history(), checkpoint->epoch);
  if (changed.empty()) return history;
  if (trainer_.is_finished()) {
    config.lr = recorded.lr, config.epochs = recorded.epochs, config.patience = recorded.patience;
    for (const Course& option : changed) {
      problem_->warnings.push_back(
          fmt::format("the run already finished after epoch {}; {} remains {} and the new value {} has no effect "
                      "(valid: more epochs than {})",
                      checkpoint->epoch, option.name, option.before, option.now, checkpoint->epoch));
    }
    return history;
  }
  Record record{"resume", checkpoint->epoch, checkpoint->step, {}};
  for (const Course& option : changed) {
    record.values.emplace_back(option.name, option.now);
    record.values.emplace_back(fmt::format("{}_before", option.name), option.before);
  }
  history.write(record);
  return history;
}

bool Run::train(const RunEvents& events) {
  report::StepLines steps([this](const Record& line) { log_.write(line); });
  const Events inner{.on_step =
                         [&](const StepReport& at) {
                           if (at.batch == 1) steps.begin_epoch(at.batches);
                           steps.add({at.epoch, at.step, at.loss, {{"lr", at.lr}}});
                           if (at.batch == at.batches) steps.end_epoch();
                           if (events.on_step) events.on_step(at);
                         },
                     .should_stop = events.should_stop};
  try {
    while (!trainer_.is_finished()) {
      const auto epoch = trainer_.run_epoch(inner);
      if (!epoch) return false;
      // The record first: a checkpoint is never ahead of the history, which is cut back to it.
      log_.write(to_record(*epoch));
      write_checkpoint(folder_.checkpoint(), trainer_.checkpoint());
      if (folder_.is_staged()) folder_.replace();
      if (!trainer_.is_finished()) pace_.maybe([this] { write_report(std::nullopt, true); });
      if (events.on_epoch) events.on_epoch(*epoch);
    }
  } catch (const NumericalError& error) {
    diagnose(std::nullopt);
    if (folder_.is_staged()) {
      fail<NumericalError>("{}; the earlier run in {} was kept", error.what(), folder_.path().string());
    }
    write_report(std::nullopt);
    const bool kept = trainer_.epoch() > 0;
    fail<NumericalError>(
        "{}; {}", error.what(),
        kept ? fmt::format("the checkpoint of epoch {} is kept in {}", trainer_.epoch(), folder_.checkpoint().string())
             : "there is no checkpoint yet");
  }
  return true;
}

std::optional<TestResult> Run::finish() {
  trainer_.take_best();
  write_model(folder_.model(), trainer_.model(), *problem_);
  if (const auto found = suspects()) {
    write_file_atomically(folder_.path() / "suspects.csv",
                          report::suspects_csv(*found, problem_->train.labels(), problem_->train.rows));
  }
  std::optional<TestResult> result;
  if (problem_->test) result = test();
  diagnose(result);
  write_report(result);
  return result;
}

TestResult Run::test() {
  TestResult result{
      .evaluation = evaluate_model(trainer_.model(), problem_->objective, *problem_->test, false, trainer_.sum_state()),
      .loss = {},
      .classes = {},
      .regression = {},
      .calibration = calibration_of(trainer_.model(), *problem_)};
  const ModelEvaluation& j = result.evaluation;
  result.loss = evaluate::summarize(j.losses);
  Record record{"test", trainer_.epoch(), 0, {{"loss", j.mean_loss}}};
  for (std::size_t k = 0; problem_->objective.has_parts() && k < j.part_means.size(); ++k)
    record.values.emplace_back("loss." + problem_->objective.sum().parts()[k].name, j.part_means[k]);
  if (problem_->objective.has_classes()) {
    result.classes = evaluate::score_classes(j.targets, j.predictions, j.losses, problem_->test->num_classes());
    record.values.emplace_back("accuracy", result.classes->accuracy);
  } else {
    result.regression = evaluate::score_regression(j.target_values, j.predicted_values);
    record.values.emplace_back("mse", result.regression->mse);
    record.values.emplace_back("mae", result.regression->mae);
    record.values.emplace_back("r2", result.regression->r2);
  }
  log_.write(record);
  if (log_.events() != nullptr) write_histograms(j);
  return result;
}

/// Of the test losses, all together and by class.
void Run::write_histograms(const ModelEvaluation& test) {
  report::EventFile& events = *log_.events();
  events.add_histogram("test_loss", trainer_.epoch(), test.losses);
  for (std::int64_t k = 0; k < std::ssize(problem_->train.class_names) && !test.targets.empty(); ++k) {
    std::vector<float> losses;
    for (std::size_t i = 0; i < test.targets.size(); ++i) {
      if (test.targets[i] == k) losses.push_back(test.losses[i]);
    }
    events.add_histogram("test_loss/" + problem_->train.class_names[static_cast<std::size_t>(k)], trainer_.epoch(),
                         losses);
  }
}

namespace {

/// Without the losses, which cannot be compared between epochs if the weights of their parts change; those that are not
/// finite stay.
std::vector<evaluate::Record> comparable(std::vector<evaluate::Record> history, const LossSum& loss) {
  if (!loss.changes()) return history;
  std::erase_if(history, [](const evaluate::Record& record) {
    const auto found = record.find("train_loss");
    return found && std::isfinite(*found);
  });
  return history;
}

}  // namespace

void Run::diagnose(const std::optional<TestResult>& test) {
  diagnose::Evidence evidence{
      .history = comparable(evaluate::read_history(folder_.history()), problem_->objective.sum()),
      .class_names = problem_->train.class_names};
  if (test) {
    evidence.classes = test->classes;
    evidence.calibration = test->calibration;
  }
  if (const auto found = suspects()) evidence.doubtful = found->doubtful;
  measure_contradictions(trainer_.model(), *problem_, trainer_.margin_tracker(), evidence);
  evidence.sameness = sameness_of(problem_->train);
  evidence.reference = [this] { return neighbour_reference(trainer_.model(), *problem_); };
  diagnosis_ = diagnose::diagnose(evidence);
  if (folder_.is_staged()) return;
  write_file_atomically(folder_.path() / "diagnosis.json", diagnose::diagnosis_json(diagnosis_, trainer_.epoch()));
}

void Run::write_report(const std::optional<TestResult>& test, bool is_running) const {
  const auto found = suspects();
  report::RunReport page = describe(*problem_, trainer_, test ? &*test : nullptr, found ? &*found : nullptr);
  page.history = evaluate::read_history(folder_.history());
  page.is_running = is_running;
  if (!is_running) page.diagnosis = diagnosis_;
  for (const Record& record : page.history) {
    if (record.kind != "resume") continue;
    std::string what;
    for (const auto& [name, value] : record.values) {
      if (const auto before = record.find(name + "_before")) {
        what += fmt::format("{}{} {}, {} before", what.empty() ? "" : "; ", name, value, *before);
      }
    }
    page.configuration.emplace_back(fmt::format("resumed after epoch {}", record.epoch), what);
  }
  const report::ChartFiles no_charts{.svg = false, .png = false};
  report::write_report(page, folder_.path(), is_running ? no_charts : problem_->config.charts);
}

Resumable find_run(const fs::path& path) {
  if (!fs::is_directory(path)) fail<FileError>("the folder {} does not exist", path.string());
  report::Folder folder(path);  // completes a replacement that was cut off
  if (fs::exists(folder.checkpoint())) {
    Checkpoint checkpoint = read_checkpoint(folder.checkpoint());
    Config config = checkpoint.config;
    return {std::move(folder), std::move(config), std::move(checkpoint)};
  }
  if (!fs::exists(folder.config())) {
    fail<FileError>("the folder {} does not contain a run: it has neither checkpoint.safetensors nor config.json",
                    path.string());
  }
  Config config = config_from_json(read_file(folder.config()), folder.config().string());
  return {std::move(folder), std::move(config), std::nullopt};
}

}  // namespace perdita::train
