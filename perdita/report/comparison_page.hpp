// The report of a comparison of losses.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "perdita/evaluate/comparison.hpp"
#include "perdita/evaluate/history.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {

struct ComparisonPage {
  const evaluate::ComparisonResults& results;
  std::string data;                                                ///< the source
  std::string command;                                             ///< that reproduces the comparison
  std::vector<std::pair<std::string, std::string>> configuration;  ///< the common options
  std::vector<std::vector<evaluate::Record>> histories;            ///< one run per candidate, or none
};

/// The page, self-contained.
std::string html(const ComparisonPage& page);

/// Writes report.html, and the charts results and (of classes) recall, into `folder`, each atomically. Throws
/// FileError.
void write_report(const ComparisonPage& page, const std::filesystem::path& folder, const ChartFiles& files = {});

}  // namespace perdita::report
