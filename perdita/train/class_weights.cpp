#include "perdita/train/class_weights.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/train/optimizer.hpp"
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

/// A pos_weight that is made from the counts: balanced, or nothing.
std::optional<double> cap_of_balanced(std::string_view text) {
  if (!data::names_weight_scheme(text)) return std::nullopt;
  const data::WeightScheme scheme = data::parse_weight_scheme(text);
  if (scheme.kind != data::Weighting::balanced) {
    fail<ValueError>("got '{}' (valid: none, balanced, balanced,cap=R, or a positive number)", text);
  }
  return scheme.cap;
}

double pos_weight(std::string_view text, const Counts& counts) {
  const auto cap = cap_of_balanced(text);
  return cap ? data::pos_weights(std::span(counts).first(1), std::span(counts).last(1), *cap)[0]
             : parse_number(text, positive);
}

/// One for each class; empty for none.
Weights weights_of(const Config& config, const data::Dataset& dataset) {
  if (config.class_weights == "none" && config.pos_weight == "none") return {};
  if (config.class_weights != "none" && config.pos_weight != "none") {
    fail<ValueError>("class weights are '{}' and pos-weight is '{}' (valid: one of them)", config.class_weights,
                     config.pos_weight);
  }
  if (config.pos_weight != "none") {
    if (dataset.task != data::Task::binary) {
      fail<ValueError>("pos-weight is '{}', but the data do not have two classes (valid: none)", config.pos_weight);
    }
    return {1.0, pos_weight(config.pos_weight, dataset.class_counts())};
  }
  if (dataset.task == data::Task::regression) {
    fail<ValueError>("class weights are '{}', but the targets are numbers (valid: none)", config.class_weights);
  }
  if (!data::names_weight_scheme(config.class_weights)) {
    return weights_of_file(config.class_weights, dataset.num_classes());
  }
  return data::class_weights(dataset.class_counts(), data::parse_weight_scheme(config.class_weights));
}

}  // namespace

std::string check_class_weights(std::string_view text) {
  if (text.empty()) fail<ValueError>("got '' (valid: none, balanced or another scheme, or a file)");
  return data::names_weight_scheme(text) ? to_string(data::parse_weight_scheme(text)) : std::string(text);
}

std::string check_pos_weight(std::string_view text) {
  if (text == "none") return "none";
  if (cap_of_balanced(text)) return to_string(data::parse_weight_scheme(text));
  return fmt::format("{}", parse_number(text, positive));
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
  const bool is_pos_weight = config.pos_weight != "none";
  const Counts counts = dataset.class_counts();
  const WeightsInForce in_force{.option = is_pos_weight ? "--pos-weight" : "--class-weights",
                                .text = is_pos_weight ? config.pos_weight : config.class_weights,
                                .weights = weights,
                                .counts = counts};
  return warn_of_weights(in_force, step);
}

}  // namespace perdita::train
