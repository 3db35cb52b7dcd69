#include "perdita/boosting/link.hpp"

namespace perdita::boosting {

std::string_view name_of(Link link) {
  switch (link) {
    case Link::identity:
      return "identity";
    case Link::exponential:
      return "exponential";
    case Link::sigmoid:
      return "sigmoid";
    case Link::softmax:
      return "softmax";
  }
  return "unknown";
}

Link link_of(const AnyLoss& loss, bool is_one_score) {
  switch (score_kind_of(loss)) {
    case ScoreKind::log_mean:
      return Link::exponential;
    case ScoreKind::label:
      return Link::sigmoid;
    case ScoreKind::classes:
      return is_one_score ? Link::sigmoid : Link::softmax;
    case ScoreKind::value:
    case ScoreKind::sign:
    case ScoreKind::any:
      return Link::identity;
  }
  return Link::identity;
}

}  // namespace perdita::boosting
