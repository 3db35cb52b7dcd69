// Triplets that are chosen within a batch.
#include <algorithm>
#include <map>

#include "perdita/functional/embeddings.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/in_blocks.hpp"
#include "perdita/functional/unit_vectors.hpp"

namespace perdita {

namespace {

using namespace detail;
using Integers = std::vector<std::int64_t>;

constexpr double far_away = 1e300;  // distance of excluded pairs in searches for the nearest embedding

/// The embeddings of the same class.
struct Classes {
  Integers labels;
  std::map<std::int64_t, Integers> members;

  explicit Classes(Integers given) : labels(std::move(given)) {
    for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(static_cast<std::int64_t>(i));
  }
  std::int64_t count() const { return std::ssize(labels); }
  std::int64_t largest() const {
    std::int64_t size = 0;
    for (const auto& [label, of_class] : members) size = std::max(size, std::ssize(of_class));
    return size;
  }
  std::int64_t positives(std::int64_t anchor) const {
    return std::ssize(members.at(labels[static_cast<std::size_t>(anchor)])) - 1;
  }
  bool has_triplets(std::int64_t anchor) const { return positives(anchor) > 0 && positives(anchor) + 1 < count(); }
};

/// The positives of some anchors as a matrix [B, P]; indices are 0 behind the last.
struct Positives {
  Tensor indices, are_filled;

  Positives(const Classes& classes, std::int64_t begin, std::int64_t end) {
    std::int64_t longest = 1;
    for (std::int64_t a = begin; a < end; ++a) longest = std::max(longest, classes.positives(a));
    Integers places(static_cast<std::size_t>((end - begin) * longest));
    std::vector<double> filled(places.size());
    for (std::int64_t a = begin; a < end; ++a) {
      std::size_t at = static_cast<std::size_t>((a - begin) * longest);
      for (const std::int64_t other : classes.members.at(classes.labels[static_cast<std::size_t>(a)])) {
        if (other == a || !classes.has_triplets(a)) continue;
        places[at] = other;
        filled[at++] = 1;
      }
    }
    indices = Tensor::from(places, {end - begin, longest});
    are_filled = Tensor::from(filled, {end - begin, longest}) > 0.0;
  }
};

/// Distances of rows [B, D] and all embeddings [N, D], in float64.
Tensor distances(const Tensor& rows, const Tensor& all, EmbeddingDistance kind) {
  const Tensor products = matmul(rows, all.t());
  if (kind == EmbeddingDistance::cosine) return 1.0 - products;  // of unit vectors
  const Tensor sizes = sum(square(rows), 1, true) + sum(square(all), 1).unsqueeze(0);
  const Tensor squares = sizes - 2.0 * products;
  // Below, only rounding errors are left of the difference.
  const Tensor is_zero = squares <= 1e-14 * sizes;
  if (kind == EmbeddingDistance::squared) return select(is_zero, 0.0, squares);
  return select(is_zero, 0.0, sqrt(select(is_zero, 1.0, squares)));
}

Tensor at(const Tensor& d, const Tensor& indices) { return gather(d, 1, indices); }

/// The farthest or nearest column where `allowed`, the first of several, as [B, 1].
Tensor farthest(const Tensor& d, const Tensor& allowed) {
  return at(d, argmax(select(allowed, d.detach(), -far_away), 1, true));
}
Tensor nearest(const Tensor& d, const Tensor& allowed) {
  return at(d, argmax(select(allowed, -d.detach(), -far_away), 1, true));
}

class Triplets {
 public:
  Triplets(const BatchTriplet& loss, Integers labels)
      : loss_(loss), classes_(std::move(labels)), labels_(Tensor::from(classes_.labels, {classes_.count()})) {}

  std::int64_t anchors_at_a_time() const {
    const std::int64_t per_row = loss_.mining == Mining::hard ? 1 : std::max<std::int64_t>(1, classes_.largest() - 1);
    return rows_at_a_time(per_row * classes_.count(), DType::float64);
  }

  Tensor losses(std::span<const Tensor> e, std::int64_t begin, std::int64_t end) const {
    const Tensor d = distances(e[0], e[1], loss_.distance);
    const Tensor is_negative = labels_.slice(0, begin, end).unsqueeze(1) != labels_.unsqueeze(0);
    const Positives positives(classes_, begin, end);
    const Tensor to_positive = at(d, positives.indices);
    if (loss_.mining == Mining::hard) {
      const Tensor terms = term(farthest(to_positive, positives.are_filled), nearest(d, is_negative));
      return sum(select(positives.are_filled.slice(1, 0, 1), terms, 0.0), 1);
    }
    const Tensor anchor_positive = to_positive.unsqueeze(2), anchor_negative = d.unsqueeze(1);  // [B, P, 1], [B, 1, N]
    if (loss_.mining == Mining::all) {
      const Tensor counted = positives.are_filled.unsqueeze(2) & is_negative.unsqueeze(1);
      return sum(select(counted, term(anchor_positive, anchor_negative), 0.0), Dims{1, 2});
    }
    const Tensor beyond = is_negative.unsqueeze(1) & (anchor_negative.detach() > anchor_positive.detach());
    const Tensor keys = select(beyond, -anchor_negative.detach(), -far_away);
    const Tensor chosen = argmax(keys, 2);
    const Tensor found = amax(keys, 2) > -far_away;
    const Tensor to_negative = select(found, at(d, chosen), farthest(d, is_negative));
    return sum(select(positives.are_filled, term(to_positive, to_negative), 0.0), 1);
  }

  /// Contribution of each anchor to the standard denominator.
  std::vector<double> counts(const Tensor& vectors) const {
    std::vector<double> result;
    if (loss_.mining == Mining::all) return counts_above_zero(vectors);
    for (std::int64_t a = 0; a < classes_.count(); ++a) {
      const double number = loss_.mining == Mining::hard ? 1 : static_cast<double>(classes_.positives(a));
      result.push_back(classes_.has_triplets(a) ? number : 0);
    }
    return result;
  }

 private:
  Tensor term(const Tensor& to_positive, const Tensor& to_negative) const {
    const Tensor difference = to_positive - to_negative;
    return loss_.soft ? softplus(difference) : relu(difference + loss_.margin);
  }

  std::vector<double> counts_above_zero(const Tensor& vectors) const {
    const NoGrad no_grad;
    std::vector<double> result;
    for (std::int64_t begin = 0; begin < classes_.count(); begin += anchors_at_a_time()) {
      const std::int64_t end = std::min(classes_.count(), begin + anchors_at_a_time());
      const Tensor d = distances(vectors.slice(0, begin, end), vectors, loss_.distance);
      const Positives positives(classes_, begin, end);
      const Tensor is_negative = labels_.slice(0, begin, end).unsqueeze(1) != labels_.unsqueeze(0);
      const Tensor counted = positives.are_filled.unsqueeze(2) & is_negative.unsqueeze(1);
      const Tensor terms = term(at(d, positives.indices).unsqueeze(2), d.unsqueeze(1));
      const Tensor above = sum(select(counted & (terms > 0.0), 1.0, 0.0).to(DType::float64), Dims{1, 2});
      const std::vector<double> found = above.to_vector<double>();
      result.insert(result.end(), found.begin(), found.end());
    }
    return result;
  }

  BatchTriplet loss_;
  Classes classes_;
  Tensor labels_;
};

}  // namespace

Tensor detail::own_call(const char* function, const BatchTriplet& loss, GivenTensors x, const LossOptions& options) {
  check_rows(function, "input", *x[0]);
  check_parameters(loss);
  const Tensor wide = x[0]->to(DType::float64);
  const Tensor vectors = loss.distance == EmbeddingDistance::cosine ? unit_vectors(wide) : wide;
  const auto triplets = std::make_shared<const Triplets>(loss, labels_of_rows(function, *x[1], vectors.size(0)));
  const BlockedLoss blocked{.function = function,
                            .inputs = {vectors, vectors},
                            .units = vectors.size(0),
                            .units_at_a_time = triplets->anchors_at_a_time(),
                            .counts = triplets->counts(vectors.detach()),
                            .losses_of = [triplets](std::span<const Tensor> e, std::int64_t begin, std::int64_t end) {
                              return triplets->losses(e, begin, end);
                            }};
  const Tensor result = loss_in_blocks(blocked, options).to(x[0]->dtype());
  if (options.extras) options.extras->losses = options.extras->losses.to(embedding_dtype(*x[0]));
  return result;
}

}  // namespace perdita
