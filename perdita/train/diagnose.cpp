#include "perdita/train/diagnose.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "perdita/evaluate/text.hpp"

namespace perdita::train {

namespace {

using evaluate::format_number;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  std::int64_t bad = 0;  // NaN or infinite

  void add(const Tensor& tensor) {
    for (double x : tensor.to_vector<double>()) {
      if (!std::isfinite(x)) {
        ++bad;
        continue;
      }
      low = std::min(low, x);
      high = std::max(high, x);
    }
  }
  double largest() const { return low > high ? 0 : std::max(std::abs(low), std::abs(high)); }
  std::string text() const {
    const std::string finite = low > high ? "" : fmt::format("{}..{}", format_number(low), format_number(high));
    if (bad == 0) return finite;
    return finite.empty() ? "none finite" : fmt::format("{}, {} not finite", finite, bad);
  }
};

struct Findings {
  Range inputs, targets, parameters, outputs;
};

std::string likely_cause(const Findings& f, const Config& config) {
  constexpr double huge = 1e6, large_parameter = 1e3;
  if (f.inputs.bad > 0) return "the inputs of this batch are not finite";
  if (f.targets.bad > 0) return "the targets of this batch are not finite";
  if (f.inputs.largest() > huge && !*config.standardize) {
    return fmt::format("the inputs are as large as {} and are not standardized (try --standardize yes)",
                       format_number(f.inputs.largest()));
  }
  if (f.targets.largest() > huge && !*config.standardize) {
    return fmt::format("the targets are as large as {} and are not standardized (try --standardize yes)",
                       format_number(f.targets.largest()));
  }
  if (f.parameters.bad > 0 || f.parameters.largest() > large_parameter || f.outputs.bad > 0) {
    return fmt::format("the learning rate {} is too large and the parameters have diverged (try --lr {})",
                       format_number(*config.lr), format_number(*config.lr / 10));
  }
  return fmt::format(
      "the loss {} is not finite for such outputs and targets (try a smaller learning rate than {}, or "
      "another loss)",
      to_string(*config.loss), format_number(*config.lr));
}

}  // namespace

bool all_finite(const Tensor& tensor) {
  const auto values = tensor.to_vector<double>();
  return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
}

std::string diagnose(const Model& model, const Problem& problem, const data::Batch& batch) {
  const NoGrad no_grad;
  model.eval();
  Findings found;
  found.inputs.add(batch.inputs);
  found.targets.add(batch.targets);
  for (const Tensor& parameter : model.parameters()) found.parameters.add(parameter);
  found.outputs.add(model(batch.inputs));
  return fmt::format(
      "ranges of the inputs of the batch: {}, of its targets: {}, of the parameters: {}, of the outputs: {}; likely "
      "cause: {}",
      found.inputs.text(), found.targets.text(), found.parameters.text(), found.outputs.text(),
      likely_cause(found, problem.config));
}

}  // namespace perdita::train
