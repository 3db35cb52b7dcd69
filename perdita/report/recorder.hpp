// Recorder: the folder of a run, written from a training loop of your own.
//
//   report::Recorder recorder("runs/a", {.loss = "cross_entropy", .train_samples = train.size()});
//   for (int epoch = 0; epoch < 10; ++epoch) {
//     for (auto [inputs, labels] : loader) {
//       LossExtras extras;
//       const Tensor loss = F::cross_entropy(model(inputs), labels, {.extras = &extras});
//       recorder.step({.loss = loss.item(), .losses = extras.losses, .margins = extras.margins, .labels = labels});
//       ...
//     }
//     recorder.epoch({.outputs = model(validation.inputs), .targets = validation.labels});
//   }
//   recorder.finish();
//
// The files are those of `perdita train`, except for the model and the checkpoint:
//
//   config.json, history.jsonl, suspects.csv, diagnosis.json, report.html, charts, events.out.tfevents
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/evaluate/evaluation_plan.hpp"
#include "perdita/evaluate/sample_evaluation.hpp"
#include "perdita/report/epoch_totals.hpp"
#include "perdita/report/html.hpp"
#include "perdita/report/margin_tracker.hpp"
#include "perdita/report/report_pace.hpp"
#include "perdita/report/run_log.hpp"

namespace perdita::report {

/// How a Recorder learns that an epoch has ended.
enum class Epochs {
  automatic,  ///< when a sample comes again, or by calls of epoch() if there are any
  manual,     ///< by calls of epoch() only, as sampling with replacement requires
};

/// Options of a Recorder.
struct RecorderOptions {
  std::string data = {}, model = {};  ///< for the title and the text of the report: "Fashion-MNIST", "a ResNet-18"
  std::string loss = {};              ///< that is minimized, as parse_loss() reads it, or any description of it
  /// The loss of validation and test, as parse_loss() reads it; none: `loss` if it can be computed from outputs and
  /// targets, otherwise cross_entropy for classes and mse for numbers.
  std::string evaluation_loss = {};
  std::optional<evaluate::Scale> scale = {};  ///< of outputs that are evaluated; none: the input of the loss
  std::vector<std::string> class_names = {};  ///< one per class, or none: classes are then numbered
  std::int64_t train_samples = 0;             ///< indices are smaller than this; 0: unknown
  Epochs epochs = Epochs::automatic;
  std::int64_t epoch_samples = 0;  ///< above 0: an epoch ends after so many samples
  std::vector<std::pair<std::string, std::string>> configuration = {};  ///< options of the run, for the report
  bool overwrite = false;  ///< replace a run in the folder, after the first epoch of the new one
  bool resume = false;     ///< continue the run in the folder: load_state() has to be called first
  bool tensorboard = false;
  ChartFiles charts = {};
};

/// One step of training. `losses` and everything after it have one row per sample of the batch; rows of several
/// elements (pixels, tokens) are averaged.
struct RecordedStep {
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< that was minimized; NaN: the mean of losses
  Tensor losses = {};                                      ///< of any real type; undefined: only the loss is recorded
  Tensor margins = {};                                     ///< as of LossExtras, or undefined
  Tensor labels = {};                                      ///< class indices, or undefined
  std::span<const std::int64_t> samples = {};              ///< index of each among the training samples; empty: unknown
};

/// Outputs of the model for samples it was not trained on, and their targets; undefined: none.
struct HeldOut {
  Tensor outputs = {}, targets = {};
  /// Whether there are outputs.
  bool is_given() const { return outputs.defined(); }
};

class Recorder {
 public:
  using Values = std::vector<std::pair<std::string, double>>;
  /// State of a recorder as text and tensors, from which another process continues or merges.
  struct State {
    std::string counts;            ///< JSON
    MarginTracker::State samples;  ///< empty if no sample was recorded
  };

  /// Makes the folder, and locks it until the object is gone. An empty path makes a recorder without files, whose state
  /// is merged into that of another process. Throws FileError if the folder holds anything that would be lost or
  /// another process writes to it, ValueError for invalid options.
  explicit Recorder(const std::filesystem::path& folder, RecorderOptions options = {});
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  /// Names the loss, if the options do not; also in config.json of a new run.
  void set_loss(std::string_view loss);
  /// Throws IndexError for a sample or label out of range, ShapeError for parts that differ in length; nothing of the
  /// step is recorded then.
  void step(const RecordedStep& step);
  /// A value of the last step, such as lr or grad_norm; names that begin with "val_" belong to the epoch.
  void log(std::string_view name, double value);
  /// Ends an epoch: writes it to the history, and the report if that takes little of the time. `validation` is
  /// evaluated, unless val_loss was logged; `values` are recorded in addition. Throws ValueError if no step was
  /// recorded since the last epoch.
  void epoch(const HeldOut& validation = {}, const Values& values = {});
  /// Ends the last epoch if it is open, evaluates `test` (if not given, `validation`), and writes suspects, diagnosis
  /// and report. Nothing may be recorded afterwards.
  void finish(const HeldOut& validation = {}, const HeldOut& test = {});

  /// Issues of the run; known after finish().
  const std::vector<diagnose::Finding>& diagnosis() const { return diagnosis_; }
  const MarginTracker& tracker() const { return tracker_; }
  std::int64_t epochs() const { return epoch_; }  ///< finished
  std::int64_t steps() const { return step_; }
  /// Values of the last epoch that ended, as in the history.
  const Values& last_epoch() const { return last_epoch_; }
  bool is_finished() const { return is_finished_; }
  bool has_open_epoch() const { return open_.steps > 0; }
  /// Empty without files.
  std::filesystem::path path() const { return folder_ ? folder_->path() : std::filesystem::path(); }

  /// Everything that the recorder has to know to continue; `with_samples` is false for the counts alone.
  State state(bool with_samples = true);
  /// Continues a run: cuts the history back to the moment of state(). Throws DataError for a state of another run or
  /// version, or a history that is shorter than it was.
  void load_state(const State& state);
  /// Adds the open epoch of another process, which recorded other batches of it.
  void merge_epoch(std::string_view counts);
  /// Adds the samples of another process.
  void merge_samples(const MarginTracker::State& samples);

 private:
  void check(const RecordedStep& step, std::span<const std::int64_t> labels) const;
  void end_epoch_before(std::span<const std::int64_t> samples, std::int64_t count);
  void close_epoch(const HeldOut& validation, const Values& values);
  void flush_step();
  void write_lines();
  void begin();
  void count_classes();
  void record_labels(std::span<const std::int64_t> samples, std::span<const std::int64_t> labels);
  AnyLoss evaluation_loss(const HeldOut& held_out) const;
  evaluate::SampleEvaluation evaluate(const HeldOut& held_out, std::string_view what) const;
  void record_test(const evaluate::SampleEvaluation& test, std::string_view kind);
  std::vector<std::string> class_names(std::int64_t classes) const;
  void diagnose(const evaluate::SampleEvaluation* test);
  RunReport describe(const evaluate::SampleEvaluation* test, std::string_view what) const;
  void describe_suspects(RunReport& page) const;
  void write_running_report() const;
  void reopen_history(std::uint64_t bytes);

  RecorderOptions options_;
  std::optional<Folder> folder_;
  std::optional<RunLog> log_;
  StepLines lines_;
  std::vector<evaluate::Record> unwritten_;  // lines of steps, written together
  MarginTracker tracker_;
  std::vector<std::int32_t> labels_;  // of the training samples; -1: unknown
  std::vector<bool> seen_;            // samples of the open epoch, while epochs are automatic
  EpochTotals open_;                  // the epoch that is being recorded
  Values epoch_values_;               // logged for it
  std::optional<StepLine> pending_;   // the last step, whose values may still be logged
  Values early_values_;               // logged before the first step
  Values last_epoch_;
  std::vector<std::int64_t> class_counts_;  // samples of each class in the last complete epoch
  std::vector<diagnose::Finding> diagnosis_;
  std::int64_t epoch_ = 0, step_ = 0;
  double last_lr_ = std::numeric_limits<double>::quiet_NaN();
  bool is_manual_ = false, ended_automatically_ = false, is_finished_ = false, awaits_state_ = false;
  std::optional<std::chrono::steady_clock::time_point> epoch_start_;
  ReportPace pace_;
};

}  // namespace perdita::report
