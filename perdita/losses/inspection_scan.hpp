// A formula at many inputs, and the runs of inputs that have something in common. For inspection.cpp only.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "perdita/kernels/evaluate_program.hpp"

namespace perdita {

/// Several expressions of (input, target) at many inputs and one target, in double or float.
template <class T, std::size_t n>
std::array<std::vector<double>, n> values_at(const Program& program, const std::vector<double>& inputs, double target) {
  const auto count = static_cast<std::int64_t>(inputs.size());
  const std::vector<T> in(inputs.begin(), inputs.end());
  std::array<std::vector<T>, n> out;
  std::vector<Result> results;
  for (std::vector<T>& values : out) {
    values.resize(inputs.size());
    results.push_back({values.data(), nullptr});
  }
  const std::array operands{Operand{in.data(), dtype_of<T>(), {1}}, Operand{&target, DType::float64, {0}}};
  evaluate(program, dtype_of<T>(), {count}, operands, results);
  std::array<std::vector<double>, n> wide;
  for (std::size_t k = 0; k < n; ++k) wide[k].assign(out[k].begin(), out[k].end());
  return wide;
}

struct Range {
  double first, last;
};

/// The runs of inputs where holds(i).
template <class Holds>
std::vector<Range> runs_of(const std::vector<double>& inputs, const Holds& holds) {
  std::vector<Range> runs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!holds(i)) continue;
    const std::size_t begin = i;
    while (i + 1 < inputs.size() && holds(i + 1)) ++i;
    runs.push_back({inputs[begin], inputs[i]});
  }
  return runs;
}

template <class Holds>
std::optional<Range> first_run(const std::vector<double>& inputs, const Holds& holds) {
  const std::vector<Range> runs = runs_of(inputs, holds);
  return runs.empty() ? std::nullopt : std::optional(runs[0]);
}

}  // namespace perdita
