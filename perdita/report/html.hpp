// report.html of a training run, a single self-contained file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/evaluate/history.hpp"
#include "perdita/report/class_sections.hpp"
#include "perdita/report/png.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {

/// A training sample whose label is probably wrong.
struct Suspect {
  std::int64_t row = 0;  ///< in the source, from 0
  std::string label;
  double aum = 0, mean_loss = 0;  ///< area under the margin: mean of the logit of the label minus the largest other one
  Image picture = {};             ///< empty if the data are not images
};

/// Contents of a report. All members except the history are optional; sections without data are omitted.
struct RunReport {
  std::string data;   ///< "Fashion-MNIST"
  std::string model;  ///< "an MLP 784-256-10"
  std::string loss;   ///< "cross_entropy"
  bool loss_is_never_negative = false;
  bool loss_changes = false;           ///< whether weights of its parts change: losses of epochs cannot be compared
  bool is_recorded = false;            ///< by a Recorder in a program of the user; otherwise Perdita trained the model
  bool is_running = false;             ///< more epochs follow: the page loads itself again
  std::string_view held_out = "test";  ///< the samples of test_losses: "test" or "validation"
  std::int64_t train_samples = 0, val_samples = 0;

  /// Keys that are read: of steps train_loss; of epochs train_loss, val_loss, val_accuracy, seconds, and the losses of
  /// classes, train_loss/NAME; of the parts of a sum of losses train_loss.NAME, val_loss.NAME, weight.NAME.
  std::vector<evaluate::Record> history;

  /// Issues found by diagnose::diagnose(); empty if there are none, nullopt if the run was not diagnosed.
  std::optional<std::vector<diagnose::Finding>> diagnosis;

  std::vector<float> test_losses;                       ///< one per test sample
  std::vector<std::int64_t> test_rows;                  ///< row of each test sample in the source; empty: as here
  std::vector<std::string> class_names;                 ///< classification: one per class
  std::vector<std::int64_t> targets, predictions;       ///< classification: one per test sample
  std::vector<double> target_values, predicted_values;  ///< regression: one per test sample
  std::function<Image(std::int64_t index)> picture;     ///< picture of a test sample, if the data are images
  std::optional<evaluate::Calibration> calibration;     ///< classification: of the test samples

  ClassWeights class_weights;      ///< classification: one entry per class, or none
  std::vector<Suspect> suspects;   ///< in order of increasing area under the margin
  std::int64_t contradicted = -1;  ///< number of samples with a negative mean margin; -1: unknown

  std::vector<std::pair<std::string, std::string>> configuration;  ///< the effective options
  std::string command;                                             ///< that reproduces the run
  std::string version;                                             ///< of Perdita
};

/// The page. Throws ShapeError where per-sample columns differ in length, IndexError for labels out of range.
std::string html(const RunReport& report);

/// The names of the charts that write_report() may write, without extension.
std::span<const std::string_view> run_chart_names();

/// Writes report.html and the charts for which there are data into `folder`, each atomically. PNGs require librsvg
/// (can_rasterise()) and are skipped without it. Throws like html(), or FileError.
void write_report(const RunReport& report, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
