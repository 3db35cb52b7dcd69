// Objective: a loss, or a sum of losses, put on the targets of a dataset. It knows what the network must give, what the
// loss of a batch and of each sample is, and what the network's outputs predict.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "perdita/data/dataset.hpp"
#include "perdita/functional/nonfinite.hpp"
#include "perdita/train/head.hpp"
#include "perdita/train/output_form.hpp"

namespace perdita::train {

/// The loss that suits the targets best where nothing is known of the problem.
AnyLoss default_loss(data::Task task);

/// How samples count in a batch.
struct SampleWeighting {
  Tensor class_weights = {};  ///< float32, one for each class, or undefined
  Normalize normalize_by = Normalize::standard;
};

class Objective {
 public:
  /// Throws ValueError where the loss, or a part of it, is not for such targets, with the losses that are, and where
  /// the parts need different networks.
  Objective(const LossSum& loss, const data::Dataset& dataset, const SampleWeighting& weighting = {});

  Head head() const { return head_; }
  std::int64_t outputs() const { return outputs_; }
  /// How predictions are computed from the outputs.
  OutputForm form() const { return form_; }
  /// Of OutputForm::distance: below it the prediction is class 1.
  double threshold() const;
  /// Whether predictions are in the unit of the targets, so that scaling the outputs makes sense.
  bool scales() const;
  /// Whether the loss of a batch is divided by the sum of its class weights, and not by its samples.
  bool divides_by_weights() const {
    return normalize_by_ == Normalize::weight_sum || (normalize_by_ == Normalize::standard && of_classes_);
  }
  /// Whether the loss tells margins: of several logits the own one less the best other one, of one logit that of the
  /// own class, which is the same, for the other class's is 0.
  bool has_margins() const { return has_classes() && (head_ == Head::identity || head_ == Head::sigmoid); }
  /// What the loss multiplies logits by before their softmax, after their soft cap (infinite: none).
  double logit_scale() const;
  double softcap() const;
  /// Whether the loss of a sample cannot be below 0, as the catalogue claims.
  bool is_never_negative() const { return loss_.is_never_negative(); }
  const LossSum& sum() const { return loss_; }
  /// Whether the loss is a sum whose parts are reported.
  bool has_parts() const { return loss_.single() == nullptr; }
  bool has_classes() const { return task_ != data::Task::regression; }
  /// float32, one for each class, or undefined.
  const Tensor& class_weights() const { return class_weights_; }

  /// Throws DataError that names the first target outside the loss's domain.
  void check_targets(const data::Dataset& dataset) const;

  /// The mean over a batch, with class weights unless these are deferred: what training minimises. parts: set to the
  /// contributions of the parts.
  Tensor loss(const Tensor& outputs, const Tensor& targets, bool weighted = true, LossExtras* extras = nullptr,
              const SumState& state = {}, std::vector<PartResult>* parts = nullptr) const;
  /// The first row of a batch whose loss or derivative is not finite; nothing if all are.
  std::optional<Nonfinite> first_nonfinite(const Tensor& outputs, const Tensor& targets, bool weighted) const;
  /// One loss for each sample, of each part, without the weights of the parts.
  std::vector<Tensor> part_losses(const Tensor& outputs, const Tensor& targets, bool weighted,
                                  const SumState& state = {}) const;
  /// One loss for each sample.
  Tensor sample_losses(const Tensor& outputs, const Tensor& targets, bool weighted, const SumState& state = {}) const {
    return weighted_sum(part_losses(outputs, targets, weighted, state), state);
  }
  /// The losses of the parts times their weights, added, with the terms of learned weights.
  Tensor weighted_sum(const std::vector<Tensor>& parts, const SumState& state) const;
  /// The denominator of the mean of the weighted sample losses of a part.
  double denominator(const Tensor& targets, std::size_t part = 0) const;
  /// log p of each class, [N, K], as the outputs have it; undefined for numbers and where the outputs are no scores.
  Tensor log_probabilities(const Tensor& outputs) const;
  /// int64 [N] for classes; numbers in the shape of the targets otherwise.
  Tensor predictions(const Tensor& outputs) const;

 private:
  struct Operands {
    Tensor input, target, third, weight;  // third: a variance, or class counts
    std::vector<Tensor> tensors() const;
  };
  Operands operands(const Tensor& outputs, const Tensor& targets, bool weighted) const;
  Tensor margins(const Tensor& scores, const Tensor& labels) const;
  OutputForm find_form(bool log_input) const;
  const AnyLoss& leading() const { return loss_.leading(); }

  LossSum loss_;
  data::Task task_;
  bool of_classes_;
  Head head_ = Head::identity;
  OutputForm form_ = OutputForm::value;
  std::int64_t outputs_ = 1;
  std::int64_t median_ = 0;  // of several quantiles the output that is nearest to it: what is predicted
  Tensor class_weights_;
  Normalize normalize_by_;
  std::vector<std::optional<double>> ignored_targets_;  // of each part, if it is a loss of masks
  Tensor class_counts_;                                 // of the training samples, where the loss asks for them
};

}  // namespace perdita::train
