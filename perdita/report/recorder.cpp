#include "perdita/report/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/version.hpp"
#include "perdita/diagnose/findings_json.hpp"
#include "perdita/report/suspects.hpp"

namespace perdita::report {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// A call of the system for each step would be a large part of what a small step costs.
constexpr std::size_t most_unwritten = 64;
constexpr std::int64_t most_labels = std::int64_t{1} << 20;

std::string config_of(const RecorderOptions& options) {
  Json object{{"recorder", version()}, {"data", options.data}, {"model", options.model}, {"loss", options.loss}};
  for (const auto& [name, value] : options.configuration) object[name] = value;
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Folder folder_of(const fs::path& path, const RecorderOptions& options) {
  if (!options.resume) return new_run_folder(path, options.overwrite, config_of(options));
  if (options.overwrite) fail<ValueError>("Recorder: resume and overwrite are both given (valid: one of them)");
  if (!fs::exists(path / "history.jsonl")) {
    fail<FileError>("Recorder: the folder {} does not contain a run to resume: it has no history.jsonl", path.string());
  }
  return Folder(path);
}

/// Throws ValueError for the names of the fields of a record.
void check_name(std::string_view name) {
  if (name.empty() || name == "kind" || name == "epoch" || name == "step" || name == "nonfinite")
    fail<ValueError>("Recorder: a value cannot be named '{}', which the history uses itself", name);
}

/// Adds a value, or replaces that of the same name.
void set(Recorder::Values& values, std::string_view name, double value) {
  const auto found = std::ranges::find(values, name, [](const auto& entry) { return std::string_view(entry.first); });
  if (found == values.end())
    values.emplace_back(name, value);
  else
    found->second = value;
}

/// Elements of a tensor of any real type.
std::vector<double> numbers(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor wide = is_narrow(tensor.dtype()) ? tensor.to(DType::float32) : tensor;
  return wide.detach().contiguous().to_vector<double>();
}

std::vector<std::int64_t> integers(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  if (is_real(tensor.dtype()))
    fail<DTypeError>("Recorder: labels have type {} (valid: class indices, integers)", name_of(tensor.dtype()));
  return tensor.contiguous().to_vector<std::int64_t>();
}

/// Means over the elements of each row; those that are NaN are ignored, unless all are.
std::vector<double> row_means(std::vector<double> elements, std::size_t rows) {
  if (elements.empty() || elements.size() == rows) return elements;
  const std::size_t columns = elements.size() / rows;
  std::vector<double> means(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t k = 0; k < columns; ++k) {
      const double value = elements[row * columns + k];
      if (std::isnan(value)) continue;
      sum += value, ++count;
    }
    means[row] = sum / static_cast<double>(count);
  }
  return means;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// The batch size of a step.
std::size_t rows_of(const RecordedStep& step) {
  if (step.losses.defined() && step.losses.rank() > 0) return static_cast<std::size_t>(step.losses.size(0));
  return std::max<std::size_t>(1, step.samples.size());
}

bool is_integer(DType dtype) {
  return dtype == DType::int64 || dtype == DType::int32 || dtype == DType::uint8 || dtype == DType::boolean;
}

/// The loss that suits outputs and targets of which nothing else is known.
AnyLoss default_loss(const HeldOut& held_out) {
  const bool has_classes = is_integer(held_out.targets.dtype());
  const bool has_rows = held_out.outputs.rank() == 2 && held_out.outputs.size(1) > 1;
  if (has_classes && has_rows) return {.loss = CrossEntropy{}};
  if (has_classes) return {.loss = BinaryCrossEntropyWithLogits{}};
  return {.loss = Mse{}};
}

/// The loss of this text, if it can be computed from outputs and targets alone.
std::optional<AnyLoss> computable_loss(std::string_view text) {
  if (text.empty()) return std::nullopt;
  try {
    AnyLoss loss = parse_loss(text);
    evaluate::kind_of(loss);
    return loss;
  } catch (const ValueError&) {
    return std::nullopt;
  }
}

}  // namespace

Recorder::Recorder(const fs::path& path, RecorderOptions options)
    : options_(std::move(options)),
      lines_([this](const evaluate::Record& line) {
        if (log_) unwritten_.push_back(line);
        if (unwritten_.size() >= most_unwritten) write_lines();
      }),
      tracker_(options_.train_samples > 0 ? MarginTracker(options_.train_samples) : MarginTracker::growing()) {
  if (options_.train_samples < 0 || options_.epoch_samples < 0) {
    fail<ValueError>("Recorder: train_samples is {} and epoch_samples {} (valid: 0 or more)", options_.train_samples,
                     options_.epoch_samples);
  }
  if (!options_.evaluation_loss.empty()) evaluate::kind_of(parse_loss(options_.evaluation_loss));
  is_manual_ = options_.epochs == Epochs::manual;
  if (path.empty()) return;
  folder_.emplace(folder_of(path, options_));
  awaits_state_ = options_.resume;
  if (!options_.resume) log_.emplace(evaluate::History::create(folder_->history()), *folder_, options_.tensorboard);
}

Recorder::~Recorder() {
  try {
    flush_step();
    lines_.end_epoch();
    write_lines();
  } catch (const Error&) {  // the steps since the last epoch are lost, as in a process that is killed
    return;
  }
}

void Recorder::check(const RecordedStep& step, std::span<const std::int64_t> labels) const {
  if (is_finished_) fail<ValueError>("Recorder: finish() was called (valid: a new Recorder)");
  if (awaits_state_) fail<ValueError>("Recorder: the run is to be resumed (valid: load_state() before the first step)");
  const std::size_t rows = rows_of(step);
  if (!step.samples.empty() && step.samples.size() != rows) {
    fail<ShapeError>("Recorder: index has {} entries, but losses has {} rows (valid: one index per sample)",
                     step.samples.size(), rows);
  }
  const std::int64_t elements = step.losses.defined() ? step.losses.numel() : 0;
  for (const auto& [name, tensor] : {std::pair{"margins", &step.margins}, std::pair{"labels", &step.labels}}) {
    if (!tensor->defined() || tensor->numel() == elements) continue;
    fail<ShapeError>("Recorder: {} has shape {}, but losses {} (valid: the same)", name, tensor->shape(),
                     step.losses.defined() ? fmt::format("{}", step.losses.shape()) : "is missing");
  }
  const std::int64_t classes = options_.class_names.empty() ? most_labels : std::ssize(options_.class_names);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < classes) continue;
    fail<IndexError>("Recorder: label[{}] is {} (valid: 0..{}{})", i, labels[i], classes - 1,
                     options_.class_names.empty() ? "" : ", one per class name");
  }
}

/// In automatic epochs, ends the open one if a step of these samples begins another.
void Recorder::end_epoch_before(std::span<const std::int64_t> samples, std::int64_t count) {
  if (options_.epoch_samples > 0) {
    if (open_.samples >= options_.epoch_samples) close_epoch({}, {}), ended_automatically_ = true;
    return;
  }
  if (is_manual_ || samples.empty()) return;
  const auto is_seen = [this](std::int64_t sample) {
    return static_cast<std::size_t>(sample) < seen_.size() && seen_[static_cast<std::size_t>(sample)];
  };
  const auto again = std::ranges::find_if(samples, is_seen);
  if (again != samples.end()) {
    // All samples come once in an epoch, or all but an incomplete last batch; otherwise they are drawn in another way.
    const auto known = static_cast<double>(std::max(tracker_.samples(), options_.train_samples));
    if (static_cast<double>(open_.samples + count) < 0.9 * known) {
      fail<ValueError>(
          "Recorder: sample {} came again after {} of {} samples, so that the epochs are unclear (valid: epochs "
          "\"manual\" and epoch() after each, or epoch_samples)",
          *again, open_.samples, known);
    }
    close_epoch({}, {});
    ended_automatically_ = true;
    seen_.clear();
  }
  for (const std::int64_t sample : samples) {
    const auto at = static_cast<std::size_t>(sample);
    if (at >= seen_.size()) seen_.resize(std::max(at + 1, static_cast<std::size_t>(tracker_.samples())));
    seen_[at] = true;
  }
}

void Recorder::set_loss(std::string_view loss) {
  if (!options_.loss.empty()) return;
  options_.loss = loss;
  if (folder_ && !options_.resume) write_file_atomically(folder_->config(), config_of(options_));
}

void Recorder::begin() {
  // Also within an epoch that another process began, whose state was loaded.
  if (!epoch_start_) epoch_start_ = std::chrono::steady_clock::now();
  if (open_.steps == 0) lines_.begin_epoch();
}

void Recorder::step(const RecordedStep& step) {
  const std::vector<std::int64_t> labels = integers(step.labels);
  check(step, labels);
  const std::size_t rows = rows_of(step);
  const std::vector<double> losses = numbers(step.losses), margins = numbers(step.margins);
  tracker_.check(step.samples);
  end_epoch_before(step.samples, static_cast<std::int64_t>(rows));
  flush_step();
  begin();
  const double loss = std::isnan(step.loss) && !losses.empty() ? mean_of(losses) : step.loss;
  open_.add_batch(loss, static_cast<std::int64_t>(rows));
  const bool has_rows = step.losses.defined() && step.losses.rank() > 0;
  if (has_rows) open_.add_samples(losses, margins, labels);
  if (has_rows && !step.samples.empty()) {
    if (labels.size() == rows) record_labels(step.samples, labels);
    tracker_.add(step.samples, row_means(margins, rows), row_means(losses, rows));
  }
  pending_ = StepLine{epoch_ + 1, ++step_, loss, std::move(early_values_)};
  early_values_.clear();
}

void Recorder::record_labels(std::span<const std::int64_t> samples, std::span<const std::int64_t> labels) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto at = static_cast<std::size_t>(samples[i]);
    if (at >= labels_.size()) labels_.resize(at + 1, -1);
    labels_[at] = static_cast<std::int32_t>(std::max<std::int64_t>(-1, labels[i]));
  }
}

void Recorder::log(std::string_view name, double value) {
  check_name(name);
  if (name == "lr") last_lr_ = value;
  set(name.starts_with("val_") ? epoch_values_ : pending_ ? pending_->values : early_values_, name, value);
}

void Recorder::flush_step() {
  if (pending_) lines_.add(*pending_);
  pending_.reset();
}

void Recorder::write_lines() {
  if (log_) log_->write_steps(unwritten_);
  unwritten_.clear();
}

void Recorder::epoch(const HeldOut& validation, const Values& values) {
  if (ended_automatically_ && options_.epoch_samples == 0) {
    fail<ValueError>(
        "Recorder: epoch() was called, but epochs have ended automatically before, when samples came again (valid: "
        "epochs \"manual\", or no calls of epoch())");
  }
  if (open_.steps == 0) fail<ValueError>("Recorder: epoch() was called, but no step was recorded since the last epoch");
  for (const auto& [name, value] : values) check_name(name);
  if (options_.epoch_samples == 0) is_manual_ = true;
  close_epoch(validation, values);
}

void Recorder::close_epoch(const HeldOut& validation, const Values& values) {
  const auto logged = [this](std::string_view name) {
    return std::ranges::find(epoch_values_, name, &Values::value_type::first) != epoch_values_.end();
  };
  if (validation.is_given() && !logged("val_loss")) {
    const evaluate::SampleEvaluation evaluation = evaluate(validation, "validation");
    // Another loss than the one that is trained is not comparable with the training loss.
    const AnyLoss loss = evaluation_loss(validation);
    const auto trained = computable_loss(options_.loss);
    const bool is_trained = trained && to_string(*trained) == to_string(loss);
    epoch_values_.emplace_back(is_trained ? "val_loss" : fmt::format("val_{}", info_of(loss).name),
                               evaluation.mean_loss);
    if (evaluation.classes > 0 && !logged("val_accuracy")) {
      epoch_values_.emplace_back("val_accuracy", evaluation.accuracy);
    }
  }
  flush_step();
  lines_.end_epoch();
  write_lines();
  evaluate::Record record{"epoch", ++epoch_, step_, {}};
  Values totals = open_.values(options_.class_names);
  const auto of_classes =
      std::ranges::find_if(totals, [](const auto& entry) { return entry.first.starts_with("train_loss/"); });
  record.values.assign(totals.begin(), of_classes);
  for (const auto& [name, value] : epoch_values_) set(record.values, name, value);
  if (!std::isnan(last_lr_)) set(record.values, "lr", last_lr_);
  const auto now = std::chrono::steady_clock::now();
  set(record.values, "seconds", std::chrono::duration<double>(now - epoch_start_.value_or(now)).count());
  for (const auto& [name, value] : values) set(record.values, name, value);  // those of the caller come last
  record.values.insert(record.values.end(), of_classes, totals.end());
  count_classes();
  epoch_start_ = now;
  last_epoch_ = record.values;
  open_ = {};
  epoch_values_.clear();
  if (!log_) return;
  log_->write(record);
  if (folder_->is_staged()) folder_->replace();
  pace_.maybe([this] { write_running_report(); });
}

AnyLoss Recorder::evaluation_loss(const HeldOut& held_out) const {
  if (!options_.evaluation_loss.empty()) return parse_loss(options_.evaluation_loss);
  if (const auto trained = computable_loss(options_.loss)) return *trained;
  return default_loss(held_out);
}

evaluate::SampleEvaluation Recorder::evaluate(const HeldOut& held_out, std::string_view what) const {
  if (!held_out.targets.defined()) fail<ValueError>("Recorder: {} has outputs, but no targets", what);
  const AnyLoss loss = evaluation_loss(held_out);
  return evaluate::evaluate_samples(loss, options_.scale.value_or(evaluate::default_scale(loss)),
                                    held_out.outputs.detach().contiguous().to_array(),
                                    held_out.targets.contiguous().to_array(), what);
}

void Recorder::finish(const HeldOut& validation, const HeldOut& test) {
  if (is_finished_) fail<ValueError>("Recorder: finish() was called before");
  if (step_ == 0) fail<ValueError>("Recorder: no step was recorded");
  // Everything that may fail comes first: the run can still be finished in another way.
  const HeldOut& last = test.is_given() ? test : validation;
  const std::string_view what = test.is_given() ? "test" : "validation";
  std::optional<evaluate::SampleEvaluation> evaluation;
  if (last.is_given()) evaluation = evaluate(last, what);
  if (open_.steps > 0) close_epoch(validation, {});
  is_finished_ = true;
  if (!log_) return;
  if (evaluation) record_test(*evaluation, what);
  if (const auto suspects = find_suspects(tracker_)) {
    const std::vector<std::int64_t> labels(labels_.begin(), labels_.end());
    write_file_atomically(folder_->path() / "suspects.csv", suspects_csv(*suspects, labels));
  }
  diagnose(evaluation ? &*evaluation : nullptr);
  RunReport page = describe(evaluation ? &*evaluation : nullptr, what);
  page.diagnosis = diagnosis_;
  write_file_atomically(folder_->path() / "diagnosis.json", diagnose::diagnosis_json(diagnosis_, epoch_));
  write_report(page, folder_->path(), options_.charts);
}

void Recorder::record_test(const evaluate::SampleEvaluation& test, std::string_view kind) {
  evaluate::Record record{std::string(kind), epoch_, 0, {{"loss", test.mean_loss}}};
  if (test.classes > 0) record.values.emplace_back("accuracy", test.accuracy);
  if (!test.target_values.empty()) {
    const auto score = evaluate::score_regression(test.target_values, test.predicted_values);
    record.values.emplace_back("mse", score.mse);
    record.values.emplace_back("mae", score.mae);
    record.values.emplace_back("r2", score.r2);
  }
  log_->write(record);
  if (EventFile* const events = log_->events())
    events->add_histogram(fmt::format("{}_loss", kind), epoch_, test.losses);
}

RunReport Recorder::describe(const evaluate::SampleEvaluation* test, std::string_view what) const {
  RunReport page;
  page.is_recorded = true;
  page.data = options_.data, page.model = options_.model, page.loss = options_.loss;
  page.held_out = what;
  page.train_samples = std::max(tracker_.samples(), options_.train_samples);
  page.history = evaluate::read_history(folder_->history());
  page.configuration = options_.configuration;
  page.version = version();
  const std::int64_t classes = std::max<std::int64_t>(test != nullptr ? test->classes : 0, std::ssize(class_counts_));
  page.class_names = class_names(classes);
  if (const auto loss = computable_loss(options_.loss)) {
    page.loss_is_never_negative = has(info_of(*loss).traits, Trait::never_negative);
  }
  if (test != nullptr) {
    page.test_losses = test->losses, page.test_rows = test->rows;
    page.targets = test->targets, page.predictions = test->predictions;
    page.target_values = test->target_values, page.predicted_values = test->predicted_values;
    page.calibration = test->calibration;
  }
  describe_suspects(page);
  return page;
}

}  // namespace perdita::report
