#include "perdita/train/output_form.hpp"

namespace perdita::train {

std::string_view name_of(OutputForm form) {
  switch (form) {
    case OutputForm::class_scores:
      return "class_scores";
    case OutputForm::logit:
      return "logit";
    case OutputForm::probability:
      return "probability";
    case OutputForm::distance:
      return "distance";
    case OutputForm::value:
      return "value";
    case OutputForm::sigmoid:
      return "sigmoid";
    case OutputForm::exp:
      return "exp";
    case OutputForm::softmax:
      return "softmax";
    case OutputForm::quantiles:
      return "quantiles";
    case OutputForm::mean_and_variance:
      return "mean_and_variance";
  }
  return "unknown";
}

}  // namespace perdita::train
