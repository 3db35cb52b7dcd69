// The report of a comparison of losses.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "perdita/evaluate/contest.hpp"

namespace perdita::report {

struct ContestPage {
  const evaluate::Contest& contest;
  std::string data;                                                ///< the source
  std::string command;                                             ///< that repeats the comparison
  std::vector<std::pair<std::string, std::string>> configuration;  ///< the common options
};

/// The page, complete in itself.
std::string html(const ContestPage& page);

}  // namespace perdita::report
