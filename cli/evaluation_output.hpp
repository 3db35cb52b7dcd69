// What `perdita evaluate` prints.
#pragma once

#include <string>
#include <vector>

#include "perdita/evaluate/evaluation.hpp"

namespace perdita::cli {

/// For people. `class_names` is empty or has one name a class.
void print_evaluation(const evaluate::Evaluation& evaluation, const std::vector<std::string>& class_names);

}  // namespace perdita::cli
