// Run: a training run and the folder that it lives in.
//
//   config.json             the effective configuration
//   history.jsonl           a line for each step and epoch, and one for the test
//   checkpoint.safetensors  what --resume goes on from, replaced after each epoch
//   model.safetensors       the trained model
//   suspects.csv            the training samples, those first whose labels are most probably wrong
//   diagnosis.json          the issues of the run
//   report.html             and as the option charts says, loss, gap, steps, distribution, classes and calibration,
//   each
//                           as .svg and .png
//   events.out.tfevents     for TensorBoard, with the option tensorboard
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/evaluate/calibration.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/history.hpp"
#include "perdita/evaluate/statistics.hpp"
#include "perdita/report/folder.hpp"
#include "perdita/report/report_pace.hpp"
#include "perdita/report/run_log.hpp"
#include "perdita/train/evaluate_model.hpp"
#include "perdita/train/suspects.hpp"
#include "perdita/train/trainer.hpp"

namespace perdita::train {

struct RunEvents {
  std::function<void(const StepReport&)> on_step = {};
  std::function<void(const EpochReport&)> on_epoch = {};
  std::function<bool()> should_stop = {};
};

/// How good the model is on the test set.
struct TestResult {
  ModelEvaluation evaluation;
  evaluate::Summary loss;
  std::optional<evaluate::ClassificationScore> classes;
  std::optional<evaluate::RegressionScore> regression;
  std::optional<evaluate::Calibration> calibration;  ///< of classes, where the outputs give probabilities
};

class Run {
 public:
  /// A new run in `folder`, which is made here. `overwrite` replaces a run that is there, once the first epoch of the
  /// new one is on the disk; until then the old one stays as it was. Throws FileError when the folder holds anything
  /// else or cannot be written.
  Run(Problem problem, const std::filesystem::path& folder, bool overwrite);
  /// Goes on with the run in `folder` from its last whole epoch. Where the problem's configuration leaves nothing to
  /// train, the recorded one stays, and a warning says so; what else changed is noted in the history. Throws DataError
  /// when the data are not those that it was started with, ValueError for fewer epochs than are done.
  Run(Problem problem, report::Folder folder, const std::optional<Checkpoint>& checkpoint);

  /// Trains to the end; false if should_stop() ended it. Throws as Trainer::run_epoch() does, after noting the loss in
  /// the history.
  bool train(const RunEvents& events);
  /// Tests the model, writes it, the suspects and the report. Nothing without a test set.
  std::optional<TestResult> finish();

  /// What the run suffers from: known after finish(), or once train() has thrown NumericalError.
  const std::vector<diagnose::Finding>& diagnosis() const { return diagnosis_; }
  /// Nothing where the loss tells no margins. Ranks anew with each call.
  std::optional<report::Suspects> suspects() const { return find_suspects(*problem_, trainer_.margin_tracker()); }
  const Problem& problem() const { return *problem_; }
  const Trainer& trainer() const { return trainer_; }
  const std::filesystem::path& path() const { return folder_.path(); }
  /// Whether the folder still holds the run that this one is to replace.
  bool keeps_old_run() const { return folder_.is_staged(); }

 private:
  void write_histograms(const ModelEvaluation& test);
  void diagnose(const std::optional<TestResult>& test);
  void write_report(const std::optional<TestResult>& test, bool is_running = false) const;
  TestResult test();

  evaluate::History resume(const std::optional<Checkpoint>& checkpoint);

  std::unique_ptr<Problem> problem_;  // where the trainer's reference stays valid
  Trainer trainer_;
  report::Folder folder_;
  report::RunLog log_;
  report::ReportPace pace_;
  std::vector<diagnose::Finding> diagnosis_;
};

/// What `folder` holds to resume from: the configuration of its checkpoint, or where no epoch was finished, of its
/// config.json.
struct Resumable {
  report::Folder folder;
  Config config;
  std::optional<Checkpoint> checkpoint;
};
/// Throws FileError when there is no run, DataError when it is damaged.
Resumable find_run(const std::filesystem::path& folder);

}  // namespace perdita::train
