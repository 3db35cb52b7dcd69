// report.html: what a training run did, in one file that needs no network and no manual.
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

/// A training sample whose label the model contradicted.
struct Suspect {
  std::int64_t row = 0;  ///< in the source, from 0
  std::string label;
  double aum = 0, mean_loss = 0;  ///< area under the margin: the mean of own logit minus best other one
  Image picture = {};             ///< empty where the data are no pictures
};

/// What a report is made of. Everything but the history may be missing: its section is then left out.
struct RunReport {
  std::string data;   ///< "Fashion-MNIST"
  std::string model;  ///< "an MLP 784-256-10"
  std::string loss;   ///< "cross_entropy"
  bool loss_is_never_negative = false;
  std::int64_t train_samples = 0, val_samples = 0;

  /// Keys that are read: of steps train_loss; of epochs train_loss, val_loss, val_accuracy, seconds.
  std::vector<evaluate::Record> history;

  /// What the run suffers from: nothing for a healthy one, and nullopt where nobody looked (diagnose::diagnose()).
  std::optional<std::vector<diagnose::Finding>> diagnosis;

  std::vector<float> test_losses;                       ///< one for each test sample
  std::vector<std::int64_t> test_rows;                  ///< where each stood in the source; empty: where it stands here
  std::vector<std::string> class_names;                 ///< classification: one for each class
  std::vector<std::int64_t> targets, predictions;       ///< classification: one for each test sample
  std::vector<double> target_values, predicted_values;  ///< regression: one for each test sample
  std::function<Image(std::int64_t index)> picture;     ///< of a test sample, where the data are pictures
  std::optional<evaluate::Calibration> calibration;     ///< classification: of the test samples

  ClassWeights class_weights;      ///< classification: one entry a class, or none
  std::vector<Suspect> suspects;   ///< the most suspicious first
  std::int64_t contradicted = -1;  ///< how many samples' margins were negative in the mean; -1: not known

  std::vector<std::pair<std::string, std::string>> configuration;  ///< the effective options
  std::string command;                                             ///< that repeats the run
  std::string version;                                             ///< of Perdita
};

/// The page. Throws ShapeError where per-sample columns differ in length, IndexError for labels out of range.
std::string html(const RunReport& report);

/// The names of the charts that write_report() may write, without their ending.
std::span<const std::string_view> run_chart_names();

/// Writes report.html and the charts that there are data for into `folder`, each atomically. PNGs take librsvg
/// (can_rasterise()); where it is missing there are none. Throws as html() does, or FileError.
void write_report(const RunReport& report, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
