// From a block of predictions and targets to the loss of each and what a model meant by them.
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/evaluate/block_stream.hpp"
#include "perdita/evaluate/evaluation_plan.hpp"

namespace perdita::evaluate {

/// The columns of a block; every vector has `units` entries, or none where the kind does not have it.
template <class T>
struct EvaluatedBlock {
  std::int64_t units = 0;
  std::vector<T> losses, confidences;
  std::vector<std::int32_t> labels, predicted;  ///< -1: the row is ignored; nothing is predicted
  std::vector<T> inputs, targets;               ///< classes: logits, if they had to be made; else one of each a unit
  const T* logits = nullptr;                    ///< of classes [units, columns]; of binary the logit of 1 [units]
  const T* scores = nullptr;                    ///< of binary: the predictions as given, which rank the units
  std::vector<T> made_logits;
  std::vector<std::vector<T>> parts = {};  ///< losses of the parts of a sum
};

/// Fills `out`, whose memory is used again. Throws IndexError for a label out of range and DataError for a target or a
/// probability outside its domain; both name the first row.
template <class T>
void evaluate_block(const EvaluationPlan& how, const RawBlock& block, EvaluatedBlock<T>& out);

}  // namespace perdita::evaluate
