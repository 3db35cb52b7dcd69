// report.html of an evaluation: what predictions are worth, in one file that needs no network and no manual.
#pragma once

#include <filesystem>
#include <string>

#include "perdita/evaluate/evaluation.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::report {

struct EvaluationPage {
  const evaluate::Evaluation& evaluation;
  std::string predictions, targets;  ///< the files, for the text
};

std::string html(const EvaluationPage& page);

/// evaluation.json and report.html, in a folder that is made if it is not there. Throws FileError.
void write_evaluation(const EvaluationPage& page, const std::filesystem::path& folder);

/// Accuracy over confidence, a point for each bin with samples, beside the diagonal of perfect calibration.
LineChart reliability_chart(const evaluate::Calibration& calibration);

}  // namespace perdita::report
