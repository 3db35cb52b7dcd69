#include "perdita/train/class_weights.hpp"

#include <charconv>
#include <cmath>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"

namespace perdita::train {

namespace {

std::vector<float> balanced(const data::Dataset& dataset) {
  std::vector<float> weights;
  const double per_class = static_cast<double>(dataset.size()) / static_cast<double>(dataset.num_classes());
  for (std::int64_t count : dataset.class_counts()) {
    weights.push_back(count == 0 ? 0.0f : static_cast<float>(per_class / static_cast<double>(count)));
  }
  return weights;
}

std::vector<float> read_weights(std::string_view path) {
  const std::string text = read_file(path);
  std::vector<float> weights;
  std::int64_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    constexpr std::string_view separators = " ,\t\r\n";
    if (separators.find(text[at]) != std::string_view::npos) {
      line += text[at++] == '\n';
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    float weight = 0;
    const auto [stopped, error] = std::from_chars(text.data() + at, text.data() + end, weight);
    if (error != std::errc{} || stopped != text.data() + end || !std::isfinite(weight) || weight < 0) {
      fail<DataError>("{}:{}: got '{}' (valid: one number a class, 0 or more)", path, line,
                      std::string_view(text).substr(at, std::min<std::size_t>(end - at, 40)));
    }
    weights.push_back(weight);
    at = end;
  }
  return weights;
}

}  // namespace

Tensor class_weights(std::string_view spec, const data::Dataset& dataset) {
  if (spec == "none") return {};
  if (dataset.task == data::Task::regression) {
    fail<ValueError>("class weights are '{}', but the targets are numbers (valid: none)", spec);
  }
  if (spec == "balanced") return Tensor::from(balanced(dataset));
  const std::vector<float> weights = read_weights(spec);
  if (static_cast<std::int64_t>(weights.size()) != dataset.num_classes()) {
    fail<DataError>("{}: holds {} numbers (valid: {}, one for each class)", spec, weights.size(),
                    dataset.num_classes());
  }
  return Tensor::from(weights);
}

}  // namespace perdita::train
