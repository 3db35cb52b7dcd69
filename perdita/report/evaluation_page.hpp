// report.html of an evaluation: what predictions are worth, in one file that needs no network and no manual.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "perdita/evaluate/evaluation.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {

struct EvaluationPage {
  const evaluate::Evaluation& evaluation;
  std::vector<std::string> class_names;  ///< one a class, or none: then they are numbered
  std::string predictions, targets;      ///< the files, for the text
  std::string command = {};              ///< that repeats the evaluation
};

/// The page, complete in itself.
std::string html(const EvaluationPage& page);

/// Writes report.html, and the charts distribution and (of classes) classes and calibration, into `folder`, each
/// atomically. Throws FileError.
void write_report(const EvaluationPage& page, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
