#include "perdita/train/data_warning.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "perdita/train/evidence.hpp"
#include "perdita/train/table_notes.hpp"

namespace perdita::train {

namespace {

std::vector<std::string> missing_classes(const data::Dataset& samples) {
  std::vector<std::string> names;
  const std::vector<std::int64_t> counts = samples.class_counts();
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) names.push_back(samples.class_names[k]);
  }
  return names;
}

/// Their names, or without names their places, from 0.
std::vector<std::string> constant_inputs(const data::Dataset& samples, const std::vector<std::string>& input_names) {
  std::vector<std::string> places;
  if (samples.inputs.dtype == DType::uint8 || samples.size() < 2) return places;
  const auto columns = static_cast<std::size_t>(numel(samples.sample_shape()));
  std::vector<bool> differs(columns);
  visit_floating(samples.inputs.dtype, "constant_inputs", [&]<class T>() {
    const T* const x = samples.inputs.data<T>();
    for (std::size_t i = columns; i < static_cast<std::size_t>(samples.inputs.size()); ++i) {
      if (x[i] != x[i % columns]) differs[i % columns] = true;
    }
  });
  for (std::size_t c = 0; c < columns; ++c) {
    if (!differs[c]) places.push_back(c < input_names.size() ? input_names[c] : fmt::format("{}", c));
  }
  return places;
}

}  // namespace

std::vector<std::string> warn_of_data(const data::Dataset& train, const std::optional<data::Dataset>& validation,
                                      const std::vector<std::string>& input_names) {
  std::vector<std::string> warnings;
  const std::string sameness = sameness_of(train);
  if (!sameness.empty()) {
    warnings.push_back(
        fmt::format("{} among the {} training samples, so there is nothing to learn", sameness, train.size()));
  }
  const auto missing = missing_classes(train);
  if (!missing.empty()) {
    warnings.push_back(fmt::format("there are no training samples of {} {}, which the model therefore cannot learn",
                                   missing.size() == 1 ? "class" : "the classes", listed(missing)));
  }
  if (validation) {
    auto unseen = missing_classes(*validation);
    std::erase_if(unseen, [&](const std::string& name) { return std::ranges::find(missing, name) != missing.end(); });
    if (!unseen.empty()) {
      warnings.push_back(fmt::format("there are no validation samples of {} {}: the validation loss does not cover {}",
                                     unseen.size() == 1 ? "class" : "the classes", listed(unseen),
                                     unseen.size() == 1 ? "it" : "them"));
    }
  }
  const auto constant = constant_inputs(train, input_names);
  if (!constant.empty()) {
    warnings.push_back(fmt::format("{} of the inputs ({}{}) {} the same in every training sample", constant.size(),
                                   input_names.empty() ? "counted from 0: " : "", listed(constant),
                                   constant.size() == 1 ? "is" : "are"));
  }
  return warnings;
}

}  // namespace perdita::train
