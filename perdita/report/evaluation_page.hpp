// report.html of an evaluation, a single self-contained file.
#pragma once

#include <filesystem>
#include <string>

#include "perdita/evaluate/evaluation.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {

struct EvaluationPage {
  const evaluate::Evaluation& evaluation;
  std::string predictions, targets;  ///< the files, for the text
  std::string command = {};          ///< that reproduces the evaluation
};

/// The page, self-contained.
std::string html(const EvaluationPage& page);

/// Writes evaluation.json, report.html, and the charts distribution and (of classes) classes and calibration, each
/// atomically, into `folder`, which is created if it does not exist. Throws FileError.
void write_evaluation(const EvaluationPage& page, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
