// report.html of an evaluation: what predictions are worth, in one file that needs no network and no manual.
#pragma once

#include <string>
#include <vector>

#include "perdita/evaluate/evaluation.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::report {

struct EvaluationPage {
  const evaluate::Evaluation& evaluation;
  std::vector<std::string> class_names;  ///< one a class, or none: then they are numbered
  std::string predictions, targets;      ///< the files, for the text
};

std::string html(const EvaluationPage& page);

/// Accuracy over confidence, a point for each bin with samples, beside the diagonal of perfect calibration.
LineChart reliability_chart(const evaluate::Calibration& calibration);

}  // namespace perdita::report
