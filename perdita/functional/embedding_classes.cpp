// Losses of the cosines of labelled embeddings, with each other or with vectors of the classes.
#include <cmath>
#include <unordered_map>

#include "perdita/functional/embeddings.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/in_blocks.hpp"
#include "perdita/functional/unit_vectors.hpp"

namespace perdita {

namespace {

using namespace detail;
using Labels = std::vector<std::int64_t>;

/// Number of embeddings with the same class as each embedding, itself included.
std::vector<double> class_sizes(const Labels& labels) {
  std::unordered_map<std::int64_t, double> sizes;
  for (const std::int64_t label : labels) ++sizes[label];
  std::vector<double> result;
  for (const std::int64_t label : labels) result.push_back(sizes[label]);
  return result;
}

/// For the rows [begin, end) of the matrix of all pairs: the others of the class, and those of other classes.
struct PairMasks {
  Tensor positive, negative;

  PairMasks(const Tensor& labels, std::int64_t begin, std::int64_t end) {
    const Tensor alike = labels.slice(0, begin, end).unsqueeze(1) == labels.unsqueeze(0);
    const Tensor own = Tensor::arange(end - begin) + begin;
    positive = alike & (own.unsqueeze(1) != Tensor::arange(labels.numel()).unsqueeze(0));
    negative = !alike;
  }
};

/// A loss of the cosines of each embedding with all embeddings: formula(cosines [B, N], masks, begin, end) gives [B].
template <class Formula>
Tensor batch_loss(const char* function, GivenTensors x, const LossOptions& options, const Labels& labels,
                  const std::vector<double>& counts, const Formula& formula) {
  const DType dtype = embedding_dtype(*x[0]);
  const Tensor vectors = unit_vectors(x[0]->to(dtype));
  const std::int64_t count = vectors.size(0);
  const BlockedLoss blocked{.function = function,
                            .inputs = {vectors, vectors},
                            .units = count,
                            .units_at_a_time = rows_at_a_time(count, dtype),
                            .counts = counts,
                            .losses_of = [formula, classes = Tensor::from(labels, {count})](
                                             std::span<const Tensor> e, std::int64_t begin, std::int64_t end) {
                              return formula(matmul(e[0], e[1].t()), PairMasks(classes, begin, end), begin, end);
                            }};
  return loss_in_blocks(blocked, options).to(x[0]->dtype());
}

Labels labels_of(const char* function, GivenTensors x) {
  check_rows(function, "input", *x[0]);
  return labels_of_rows(function, *x[1], x[0]->size(0));
}

}  // namespace

Tensor detail::own_call(const char* function, const SupCon& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  const Labels labels = labels_of(function, x);
  const std::vector<double> sizes = class_sizes(labels);
  std::vector<double> counts, shares;  // 1 / the number of others of the class
  for (const double size : sizes) {
    counts.push_back(size > 1 ? 1 : 0);
    shares.push_back(size > 1 ? 1 / (size - 1) : 0);
  }
  const Tensor all_shares = Tensor::from(shares, {x[0]->size(0)}), is_counted = Tensor::from(counts, {x[0]->size(0)});
  return batch_loss(function, x, options, labels, counts,
                    [=, temperature = loss.temperature](const Tensor& cosines, const PairMasks& is, std::int64_t begin,
                                                        std::int64_t end) {
                      const Tensor logits = cosines / temperature;
                      const Tensor others = logsumexp(select(is.positive | is.negative, logits, absent), 1);
                      const Tensor share = all_shares.slice(0, begin, end).to(logits.dtype());
                      const Tensor own = sum(select(is.positive, logits, 0.0), 1) * share;
                      return select(is_counted.slice(0, begin, end) > 0.0, others - own, 0.0);
                    });
}

Tensor detail::own_call(const char* function, const MultiSimilarity& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  return batch_loss(function, x, options, labels_of(function, x), {},
                    [loss](const Tensor& cosines, const PairMasks& is, std::int64_t, std::int64_t) {
                      const Tensor distance = cosines - loss.base;
                      // log(1 + sum exp) is softplus of log sum exp.
                      const Tensor far = logsumexp(select(is.positive, -loss.alpha * distance, absent), 1);
                      const Tensor near = logsumexp(select(is.negative, loss.beta * distance, absent), 1);
                      return softplus(far) / loss.alpha + softplus(near) / loss.beta;
                    });
}

Tensor detail::own_call(const char* function, const Circle& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  const Labels labels = labels_of(function, x);
  std::vector<double> counts;
  for (const double size : class_sizes(labels)) counts.push_back(size > 1 && size < static_cast<double>(labels.size()));
  return batch_loss(function, x, options, labels, counts,
                    [loss](const Tensor& cosines, const PairMasks& is, std::int64_t, std::int64_t) {
                      const Tensor s = cosines.detach();
                      const Tensor of_positive =
                          -loss.gamma * relu(1.0 + loss.margin - s) * (cosines - (1.0 - loss.margin));
                      const Tensor of_negative = loss.gamma * relu(s + loss.margin) * (cosines - loss.margin);
                      return softplus(logsumexp(select(is.positive, of_positive, absent), 1) +
                                      logsumexp(select(is.negative, of_negative, absent), 1));
                    });
}

namespace {

/// Cross-entropy of scaled cosines with class vectors, of which that of the true class is changed by `margin`.
template <class Margin>
Tensor margin_loss(const char* function, GivenTensors x, const LossOptions& options, double scale,
                   const Margin& margin) {
  check_rows(function, "input", *x[0]);
  check_rows(function, "class_vectors", *x[1]);
  if (x[0]->size(1) != x[1]->size(1)) {
    fail<ShapeError>("{}: class_vectors has shape {}, but input has {} (valid: [C, {}])", function, x[1]->shape(),
                     x[0]->shape(), x[0]->size(1));
  }
  const DType dtype = embedding_dtype(*x[0], *x[1]);
  const Tensor vectors = unit_vectors(x[0]->to(dtype)), of_classes = unit_vectors(x[1]->to(dtype));
  const std::int64_t count = vectors.size(0), classes = of_classes.size(0);
  const Tensor labels = Tensor::from(labels_of_rows(function, *x[2], count, classes), {count});
  const auto losses_of = [=](std::span<const Tensor> e, std::int64_t begin, std::int64_t end) {
    const Tensor cosines = matmul(e[0], e[1].t());
    const Tensor label = labels.slice(0, begin, end).unsqueeze(1);
    const Tensor own = margin(gather(cosines, 1, label));
    const Tensor logits = scale * select(label == Tensor::arange(classes).unsqueeze(0), own, cosines);
    return logsumexp(logits, 1) - scale * own.squeeze(1);
  };
  const BlockedLoss blocked{.function = function,
                            .inputs = {vectors, of_classes},
                            .units = count,
                            .units_at_a_time = rows_at_a_time(classes, dtype),
                            .losses_of = losses_of};
  return loss_in_blocks(blocked, options).to(promote(x[0]->dtype(), x[1]->dtype()));
}

}  // namespace

Tensor detail::own_call(const char* function, const ArcFace& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  const double cosine = std::cos(loss.margin), sine = std::sin(loss.margin);
  return margin_loss(function, x, options, loss.scale, [=, margin = loss.margin](const Tensor& c) {
    // cos(a + m) without an inverse function; the derivative of the sine of a is infinite at 0.
    const Tensor root = sqrt(max(1.0 - square(c), 1e-12));
    return select(c >= -cosine, c * cosine - root * sine, c - margin * sine);
  });
}

Tensor detail::own_call(const char* function, const CosFace& loss, GivenTensors x, const LossOptions& options) {
  check_parameters(loss);
  return margin_loss(function, x, options, loss.scale, [margin = loss.margin](const Tensor& c) { return c - margin; });
}

}  // namespace perdita
