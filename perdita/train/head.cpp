#include "perdita/train/head.hpp"

namespace perdita::train {

std::string_view name_of(Head head) {
  switch (head) {
    case Head::identity:
      return "identity";
    case Head::sigmoid:
      return "sigmoid";
    case Head::softplus:
      return "softplus";
    case Head::log_softmax:
      return "log_softmax";
    case Head::mean_and_variance:
      return "mean_and_variance";
  }
  return "unknown";
}

}  // namespace perdita::train
