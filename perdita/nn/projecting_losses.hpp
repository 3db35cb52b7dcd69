// Losses that include a linear layer, for very many classes.
//
//     const nn::LinearCrossEntropyLoss criterion(768, 50257);
//     criterion(hidden, next_token).backward();  // the logits [N, 50257] are never stored completely
#pragma once

#include <cstdint>
#include <vector>

#include "perdita/functional/functional.hpp"
#include "perdita/nn/layers.hpp"

namespace perdita::nn {

/// functional::linear_cross_entropy with a layer `linear` that is trained with the model.
class LinearCrossEntropyLoss : public Module {
 public:
  /// The linear layer: shape of the logits, bias, memory.
  struct Layer {
    Shape places = {};  ///< d1, ..., dK of logits [N, C, d1, ..., dK]
    bool bias = false;
    std::int64_t chunk_rows = 0;  ///< rows whose logits are stored at a time; 0: as many as fit in 9 MB
  };
  /// Throws ValueError unless sizes are positive and options valid, ShapeError unless options.weight is [num_classes].
  LinearCrossEntropyLoss(std::int64_t in_features, std::int64_t num_classes, const ClassOptions& options = {});
  LinearCrossEntropyLoss(std::int64_t in_features, std::int64_t num_classes, const ClassOptions& options,
                         const Layer& layer);
  /// input: [F] or [N, F]; target: as for cross_entropy of the logits.
  Tensor operator()(const Tensor& input, const Tensor& target) const;

  Linear linear;

 private:
  ClassOptions options_;
  Shape outputs_;  // [C, d1, ..., dK]
  std::int64_t chunk_rows_;
};

/// A softmax in two steps, for many classes of which few are frequent (Grave, Joulin, Cisse, Grangier and Jegou,
/// Efficient softmax approximation for GPUs, ICML 2017, section 4). Classes below cutoffs[0] are in the head; the
/// others in clusters, cluster i of the classes cutoffs[i] to cutoffs[i + 1], each of which has one place in the head.
/// Sort the labels by decreasing frequency. Cluster i is projected to in_features / div_value^(i + 1) features.
class AdaptiveLogSoftmaxWithLoss : public Module {
 public:
  /// Sizes of the clusters, and whether the head has a bias.
  struct Layout {
    double div_value = 4;
    bool head_bias = false;
  };
  /// What a call returns.
  struct Result {
    Tensor output;  ///< the log-probability of each label, [N] or []
    Tensor loss;    ///< minus their mean
  };
  /// Throws ValueError unless cutoffs ascend within 1..classes - 1, and every cluster has a feature.
  AdaptiveLogSoftmaxWithLoss(std::int64_t in_features, std::int64_t classes, std::vector<std::int64_t> cutoffs);
  AdaptiveLogSoftmaxWithLoss(std::int64_t in_features, std::int64_t classes, std::vector<std::int64_t> cutoffs,
                             const Layout& layout);
  /// input: [N, F] or [F]; target: class indices [N] or []. Throws ShapeError, DTypeError, and IndexError for a label
  /// out of range.
  Result operator()(const Tensor& input, const Tensor& target) const;
  /// Log-probabilities [N, classes] of input [N, F].
  Tensor log_prob(const Tensor& input) const;
  /// The most probable class of each row, int64 [N].
  Tensor predict(const Tensor& input) const { return argmax(log_prob(input), 1); }

  Linear head;
  std::vector<Sequential> tail;

 private:
  std::vector<std::int64_t> cutoffs_;  // and the number of classes
};

}  // namespace perdita::nn
