// Why a training loss may have left the finite numbers.
#pragma once

#include <string>

#include "perdita/data/loader.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::train {

/// Whether every element is finite.
bool all_finite(const Tensor& tensor);

/// Looks at the inputs, targets and outputs of a batch and at the parameters; says what it saw and the likely cause.
std::string diagnose(const Model& model, const Problem& problem, const data::Batch& batch);

}  // namespace perdita::train
