// Evaluations of arrays in memory.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "perdita/evaluate/evaluation.hpp"

namespace perdita::evaluate {

template <class T>
Array array_of(const std::vector<T>& values, const Shape& shape) {
  Array array = Array::empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), array.data<T>());
  return array;
}

inline Evaluation evaluate_arrays(const Array& predictions, const Array& targets, const EvaluationOptions& options,
                                  const Array* weights = nullptr) {
  const auto p = data::rows_of(predictions, "predictions"), t = data::rows_of(targets, "targets");
  const auto w = weights ? data::rows_of(*weights, "weights") : nullptr;
  return evaluate(*p, *t, w.get(), options);
}

inline EvaluationOptions with_loss(std::string_view text) { return {.loss = parse_loss(text)}; }

}  // namespace perdita::evaluate
