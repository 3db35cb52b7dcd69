// report.html of an evaluation: what predictions are worth, in one file that needs no network and no manual.
#pragma once

#include <filesystem>
#include <string>

#include "perdita/evaluate/evaluation.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {

struct EvaluationPage {
  const evaluate::Evaluation& evaluation;
  std::string predictions, targets;  ///< the files, for the text
  std::string command = {};          ///< that repeats the evaluation
};

/// The page, complete in itself.
std::string html(const EvaluationPage& page);

/// Writes evaluation.json, report.html, and the charts distribution and (of classes) classes and calibration, each
/// atomically, into `folder`, which is made if it is not there. Throws FileError.
void write_evaluation(const EvaluationPage& page, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
