// How predictions are computed from the outputs of a network.
#include "perdita/train/objective.hpp"

namespace perdita::train {

namespace {

/// Below this distance a pair is predicted to be similar: half of the margin that dissimilar pairs should reach.
double threshold_of_distances(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (meaning_of_prediction(Loss::info) == Meaning::distance && requires { loss.margin; })
          return loss.margin / 2;
        else
          return 0.0;
      },
      any.loss);
}

}  // namespace

OutputForm Objective::find_form(bool log_input) const {
  const Meaning meaning = meaning_of_prediction(info_of(leading()));
  if (has_classes()) {
    if (of_classes_) return OutputForm::class_scores;
    if (meaning == Meaning::distance) return OutputForm::distance;
    return head_ == Head::identity ? OutputForm::logit : OutputForm::probability;
  }
  if (of_classes_) return OutputForm::softmax;
  if (head_ == Head::log_softmax) return OutputForm::exp;
  if (head_ == Head::mean_and_variance) return OutputForm::mean_and_variance;
  if (meaning == Meaning::quantiles) return OutputForm::quantiles;
  if (log_input) return OutputForm::exp;
  return meaning == Meaning::logit ? OutputForm::sigmoid : OutputForm::value;
}

double Objective::threshold() const { return threshold_of_distances(leading()); }

Tensor Objective::log_probabilities(const Tensor& outputs) const {
  switch (form_) {
    case OutputForm::class_scores:
      return log_softmax(functional::softcap(outputs, softcap()) * logit_scale(), 1);
    case OutputForm::logit:
      return cat({-softplus(outputs), -softplus(-outputs)}, 1);
    case OutputForm::probability:
      return cat({log(1 - outputs), log(outputs)}, 1);
    default:
      return {};
  }
}

Tensor Objective::predictions(const Tensor& outputs) const {
  switch (form_) {
    case OutputForm::class_scores:
      return argmax(outputs, 1);
    case OutputForm::logit:
      return (outputs.squeeze(1) > 0.0).to(DType::int64);
    case OutputForm::probability:
      return (outputs.squeeze(1) > 0.5).to(DType::int64);
    case OutputForm::distance:  // near means alike, and alike is class 1
      return (outputs.squeeze(1) < threshold()).to(DType::int64);
    case OutputForm::value:
      return outputs;
    case OutputForm::sigmoid:
      return sigmoid(outputs);
    case OutputForm::exp:
      return exp(outputs);
    case OutputForm::softmax:
      return softmax(functional::softcap(outputs, softcap()), 1);
    case OutputForm::quantiles:
      return outputs.slice(1, median_, median_ + 1);
    case OutputForm::mean_and_variance:
      return outputs.slice(1, 0, outputs_);
  }
  return outputs;
}

}  // namespace perdita::train
