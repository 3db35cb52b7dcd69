// report.html: what a training run did, in one file that needs no network and no manual.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "perdita/evaluate/diagnosis.hpp"
#include "perdita/evaluate/history.hpp"
#include "perdita/report/png.hpp"

namespace perdita::report {

/// What a report is made of. Everything but the history may be missing: its section is then left out.
struct RunReport {
  std::string data;   ///< "Fashion-MNIST"
  std::string model;  ///< "an MLP 784-256-10"
  std::string loss;   ///< "cross_entropy"
  std::int64_t train_samples = 0, val_samples = 0;

  /// Keys that are read: of steps train_loss; of epochs train_loss, val_loss, val_accuracy, seconds.
  std::vector<evaluate::Record> history;

  std::vector<evaluate::Verdict> diagnosis;  ///< what the run suffers from

  std::vector<float> test_losses;                  ///< one for each test sample
  std::vector<std::string> class_names;            ///< classification: one for each class
  std::vector<std::int64_t> targets, predictions;  ///< classification: one for each test sample
  std::vector<double> target_values, predicted_values;  ///< regression: one for each test sample
  std::function<Image(std::int64_t index)> picture;     ///< of a test sample, where the data are pictures

  std::vector<std::pair<std::string, std::string>> configuration;  ///< the effective options
  std::string command;                                             ///< that repeats the run
  std::string version;                                             ///< of Perdita
};

/// The page. Throws ShapeError where per-sample columns differ in length, IndexError for labels out of range.
std::string html(const RunReport& report);

/// Writes report.html, loss.svg and (with test losses) distribution.svg into `folder`, each atomically. Throws as
/// html() does, or FileError.
void write_report(const RunReport& report, const std::filesystem::path& folder);

}  // namespace perdita::report
