#include "perdita/train/class_weights.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/train/config.hpp"
#include "perdita/train/parse.hpp"
#include "perdita/train/weight_warning.hpp"

namespace perdita::train {

namespace {

using Counts = std::vector<std::int64_t>;
using Weights = std::vector<double>;

Weights read_weights(std::string_view path) {
  const std::string text = read_file(path);
  Weights weights;
  std::int64_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    constexpr std::string_view separators = " ,\t\r\n";
    if (separators.find(text[at]) != std::string_view::npos) {
      line += text[at++] == '\n';
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    double weight = 0;
    const auto [stopped, error] = std::from_chars(text.data() + at, text.data() + end, weight);
    if (error != std::errc{} || stopped != text.data() + end || !std::isfinite(static_cast<float>(weight)) ||
        weight < 0) {
      fail<DataError>("{}:{}: got '{}' (valid: one number per class, 0 or more)", path, line,
                      std::string_view(text).substr(at, std::min<std::size_t>(end - at, 40)));
    }
    weights.push_back(weight);
    at = end;
  }
  return weights;
}

Weights weights_of_file(std::string_view path, std::int64_t num_classes) {
  Weights weights = read_weights(path);
  if (std::ssize(weights) != num_classes) {
    fail<DataError>("{}: contains {} numbers (valid: {}, one per class)", path, weights.size(), num_classes);
  }
  return weights;
}

double pos_weight(const PosWeighting& weighting, const Counts& counts) {
  if (const auto* const number = std::get_if<double>(&weighting.source)) return *number;
  const double cap = std::get<data::WeightScheme>(weighting.source).cap;
  return data::pos_weights(std::span(counts).first(1), std::span(counts).last(1), cap)[0];
}

/// One for each class; empty for none.
Weights weights_of(const Config& config, const data::Dataset& dataset) {
  const ClassWeighting& weighting = config.class_weights;
  if (weighting.is_none() && config.pos_weight.is_none()) return {};
  if (!weighting.is_none() && !config.pos_weight.is_none()) {
    fail<ValueError>("class weights are '{}' and pos-weight is '{}' (valid: one of them)", to_string(weighting),
                     to_string(config.pos_weight));
  }
  if (!config.pos_weight.is_none()) {
    if (dataset.task != data::Task::binary) {
      fail<ValueError>("pos-weight is '{}', but the data do not have two classes (valid: none)",
                       to_string(config.pos_weight));
    }
    return {1.0, pos_weight(config.pos_weight, dataset.class_counts())};
  }
  if (dataset.task == data::Task::regression) {
    fail<ValueError>("class weights are '{}', but the targets are numbers (valid: none)", to_string(weighting));
  }
  if (const auto* const file = std::get_if<WeightFile>(&weighting.source)) {
    return weights_of_file(file->path, dataset.num_classes());
  }
  return data::class_weights(dataset.class_counts(), std::get<data::WeightScheme>(weighting.source));
}

}  // namespace

ClassWeighting parse_class_weights(std::string_view text) {
  if (text.empty()) fail<ValueError>("got '' (valid: none, balanced or another scheme, or a file)");
  if (text == "none") return {};
  if (data::names_weight_scheme(text)) return {data::parse_weight_scheme(text)};
  return {WeightFile{std::string(text)}};
}

std::string to_string(const ClassWeighting& weighting) {
  if (const auto* const scheme = std::get_if<data::WeightScheme>(&weighting.source)) return data::to_string(*scheme);
  const auto* const file = std::get_if<WeightFile>(&weighting.source);
  return file != nullptr ? file->path : "none";
}

PosWeighting parse_pos_weight(std::string_view text) {
  if (text == "none") return {};
  if (!data::names_weight_scheme(text)) return {parse_number(text, positive)};
  const data::WeightScheme scheme = data::parse_weight_scheme(text);
  if (scheme.kind != data::Weighting::balanced) {
    fail<ValueError>("got '{}' (valid: none, balanced, balanced,cap=R, or a positive number)", text);
  }
  return {scheme};
}

std::string to_string(const PosWeighting& weighting) {
  if (const auto* const scheme = std::get_if<data::WeightScheme>(&weighting.source)) return data::to_string(*scheme);
  const auto* const number = std::get_if<double>(&weighting.source);
  return number != nullptr ? fmt::format("{}", *number) : "none";
}

Tensor class_weights(const Config& config, const data::Dataset& dataset) {
  const Weights weights = weights_of(config, dataset);
  return weights.empty() ? Tensor() : Tensor::from(std::vector<float>(weights.begin(), weights.end()));
}

std::optional<std::string> warn_of_class_weights(const Config& config, const data::Dataset& dataset,
                                                 bool divides_by_weights) {
  const Weights weights = weights_of(config, dataset);
  if (weights.empty()) return std::nullopt;
  const StepSize step{.optimizer = config.optimizer,
                      .lr = *config.lr,
                      .batch_size = *config.batch_size,
                      .divides_by_weights = divides_by_weights};
  const bool is_pos_weight = !config.pos_weight.is_none();
  const Counts counts = dataset.class_counts();
  const auto* const scheme = is_pos_weight ? std::get_if<data::WeightScheme>(&config.pos_weight.source)
                                           : std::get_if<data::WeightScheme>(&config.class_weights.source);
  const WeightsInForce in_force{.is_pos_weight = is_pos_weight,
                                .text = is_pos_weight ? to_string(config.pos_weight) : to_string(config.class_weights),
                                .scheme = scheme != nullptr ? std::optional(*scheme) : std::nullopt,
                                .weights = weights,
                                .counts = counts};
  return warn_of_weights(in_force, step);
}

}  // namespace perdita::train
