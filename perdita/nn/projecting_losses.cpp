#include "perdita/nn/projecting_losses.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace perdita::nn {

namespace {

Shape with_classes(std::int64_t classes, const Shape& places) {
  Shape outputs = places;
  outputs.insert(0, classes);
  return outputs;
}

constexpr const char* adaptive = "AdaptiveLogSoftmaxWithLoss";

std::int64_t checked_head_size(std::int64_t classes, const std::vector<std::int64_t>& cutoffs) {
  bool ascends = !cutoffs.empty() && cutoffs.front() > 0 && cutoffs.back() < classes;
  for (std::size_t i = 1; i < cutoffs.size(); ++i) ascends = ascends && cutoffs[i - 1] < cutoffs[i];
  if (!ascends) {
    fail<ValueError>("{}: cutoffs is [{}] (valid: ascending integers in 1..{})", adaptive, fmt::join(cutoffs, ", "),
                     classes - 1);
  }
  return cutoffs.front() + static_cast<std::int64_t>(cutoffs.size());
}

/// The rows whose class lies in [low, high), and their classes counted from low.
struct Chosen {
  std::vector<std::int64_t> rows, classes;
};
Chosen choose(const std::vector<std::int64_t>& labels, std::int64_t low, std::int64_t high) {
  Chosen chosen;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (labels[row] < low || labels[row] >= high) continue;
    chosen.rows.push_back(static_cast<std::int64_t>(row));
    chosen.classes.push_back(labels[row] - low);
  }
  return chosen;
}

struct Tail : Module {
  explicit Tail(const std::vector<Sequential>& clusters) {
    for (std::size_t i = 0; i < clusters.size(); ++i) register_module(std::to_string(i), clusters[i]);
  }
};

}  // namespace

LinearCrossEntropyLoss::LinearCrossEntropyLoss(std::int64_t in_features, std::int64_t num_classes,
                                               const ClassOptions& options)
    : LinearCrossEntropyLoss(in_features, num_classes, options, Layer{}) {}

LinearCrossEntropyLoss::LinearCrossEntropyLoss(std::int64_t in_features, std::int64_t num_classes,
                                               const ClassOptions& options, const Layer& layer)
    : linear(in_features, num_classes * numel(layer.places), layer.bias),
      options_(options),
      outputs_(with_classes(num_classes, layer.places)),
      chunk_rows_(layer.chunk_rows) {
  constexpr const char* name = "LinearCrossEntropyLoss";
  check_options(name, options);
  if (chunk_rows_ < 0) fail<ValueError>("{}: chunk_rows is {} (valid: 0 or more)", name, chunk_rows_);
  register_module("linear", linear);
  if (!options.weight.defined()) return;
  if (options.weight.shape() != Shape{num_classes}) {
    fail<ShapeError>("{}: weight has shape {}, but there are {} classes (valid: [{}])", name, options.weight.shape(),
                     num_classes, num_classes);
  }
  register_buffer("weight", options.weight);
}

Tensor LinearCrossEntropyLoss::operator()(const Tensor& input, const Tensor& target) const {
  Shape shape = outputs_;
  shape.push_back(linear.weight.size(1));
  const Tensor bias = linear.bias.defined() ? linear.bias.reshape(outputs_) : Tensor();
  return functional::linear_cross_entropy(input, linear.weight.reshape(shape), target,
                                          {.linear_bias = bias,
                                           .weight = options_.weight,
                                           .ignore_index = options_.ignore_index,
                                           .label_smoothing = options_.label_smoothing,
                                           .reduction = options_.reduction,
                                           .normalize_by = options_.normalize_by,
                                           .extras = options_.extras,
                                           .validate = options_.validate,
                                           .chunk_rows = chunk_rows_});
}

AdaptiveLogSoftmaxWithLoss::AdaptiveLogSoftmaxWithLoss(std::int64_t in_features, std::int64_t classes,
                                                       std::vector<std::int64_t> cutoffs)
    : AdaptiveLogSoftmaxWithLoss(in_features, classes, std::move(cutoffs), Layout{}) {}

AdaptiveLogSoftmaxWithLoss::AdaptiveLogSoftmaxWithLoss(std::int64_t in_features, std::int64_t classes,
                                                       std::vector<std::int64_t> cutoffs, const Layout& layout)
    : head(in_features, checked_head_size(classes, cutoffs), layout.head_bias), cutoffs_(std::move(cutoffs)) {
  cutoffs_.push_back(classes);
  if (!(layout.div_value > 0)) fail<ValueError>("{}: div_value is {} (valid: above 0)", adaptive, layout.div_value);
  for (std::size_t i = 0; i + 1 < cutoffs_.size(); ++i) {
    const double features = static_cast<double>(in_features) / std::pow(layout.div_value, static_cast<double>(i + 1));
    if (features < 1) {
      fail<ValueError>(
          "{}: the projection of cluster {} would have {:.2g} features (valid: 1 or more; use a smaller div_value)",
          adaptive, i, features);
    }
    const auto hidden = static_cast<std::int64_t>(features);
    tail.emplace_back(Linear(in_features, hidden, false), Linear(hidden, cutoffs_[i + 1] - cutoffs_[i], false));
  }
  register_module("head", head);
  register_module("tail", Tail(tail));
}

AdaptiveLogSoftmaxWithLoss::Result AdaptiveLogSoftmaxWithLoss::operator()(const Tensor& input,
                                                                          const Tensor& target) const {
  const bool is_single = input.rank() == 1;
  if (target.rank() > 1 || target.rank() + 1 != input.rank() || (!is_single && target.size(0) != input.size(0))) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: [N] for [N, F], [] for [F])", adaptive,
                     target.shape(), input.shape());
  }
  if (is_floating(target.dtype()) || target.dtype() == DType::boolean) {
    fail<DTypeError>("{}: target holds {} (valid: class indices as int64, int32 or uint8)", adaptive,
                     name_of(target.dtype()));
  }
  const Tensor rows = is_single ? input.unsqueeze(0) : input;
  const std::vector<std::int64_t> labels = target.to_vector<std::int64_t>();
  std::vector<std::int64_t> places(labels.size());
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (labels[row] < 0 || labels[row] >= cutoffs_.back()) {
      fail<IndexError>("{}: target[{}] is {} (valid: 0..{})", adaptive, row, labels[row], cutoffs_.back() - 1);
    }
    const auto cluster = std::upper_bound(cutoffs_.begin(), cutoffs_.end(), labels[row]) - cutoffs_.begin();
    places[row] = cluster == 0 ? labels[row] : cutoffs_[0] + cluster - 1;
  }
  const ClassOptions each{.reduction = Reduction::none};
  Tensor losses = functional::cross_entropy(head(rows), Tensor::from(places), each);
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const Chosen chosen = choose(labels, cutoffs_[i], cutoffs_[i + 1]);
    if (chosen.rows.empty()) continue;
    const Tensor index = Tensor::from(chosen.rows);
    const Tensor within =
        functional::cross_entropy(tail[i](index_select(rows, 0, index)), Tensor::from(chosen.classes), each);
    losses = losses + detail::index_add(losses.shape(), 0, index, within);
  }
  return {is_single ? -losses.squeeze(0) : -losses, mean(losses)};
}

Tensor AdaptiveLogSoftmaxWithLoss::log_prob(const Tensor& input) const {
  if (input.rank() != 2) fail<ShapeError>("{}: input has shape {} (valid: [N, F])", adaptive, input.shape());
  const Tensor of_head = log_softmax(head(input), 1);
  std::vector<Tensor> parts{of_head.slice(1, 0, cutoffs_[0])};
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const std::int64_t place = cutoffs_[0] + static_cast<std::int64_t>(i);
    parts.push_back(log_softmax(tail[i](input), 1) + of_head.slice(1, place, place + 1));
  }
  return cat(parts, 1);
}

}  // namespace perdita::nn
