// Losses that compare, through tensors: forward and backward, with gradients by all that can have one.
#include <memory>
#include <vector>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

namespace F = functional;

/// `count` leaves of scores around 0.
std::vector<Tensor> leaves(std::size_t count, const Shape& shape) {
  std::vector<Tensor> all;
  for (std::size_t k = 0; k < count; ++k) all.push_back(Tensor::randn(shape, k + 1).set_requires_grad());
  return all;
}

/// Tensors are made when the benchmark first runs, so that those left out cost nothing. loss(leaves, target).
template <class MakeTarget, class Loss>
void add_loss(const std::string& name, std::size_t leaf_count, const Shape& shape, double bytes_of_element,
              double target, const MakeTarget& make_target, const Loss& loss) {
  struct Operands {
    std::vector<Tensor> leaves;
    Tensor target;
  };
  const auto operands = std::make_shared<Operands>();
  const double size = static_cast<double>(numel(shape));
  const auto floor = [=](const Times& times) { return seconds_to_move(times, bytes_of_element * size); };
  add_case({fmt::format("comparing/{}/{}x{}", name, shape[0], shape[1]), size, floor, target, "bytes"}, [=] {
    if (operands->leaves.empty()) *operands = {leaves(leaf_count, shape), make_target()};
    loss(operands->leaves, operands->target).backward();
    for (const Tensor& leaf : operands->leaves) leaf.set_grad({});
  });
}

/// 1 and -1.
Tensor signs(const Shape& shape) {
  return select(Tensor::randn(shape, 9) > 0.0, 1.0, Tensor::full(shape, -1, DType::float32)).contiguous();
}

void add_vectors(const Shape& shape) {
  const auto none = [] { return Tensor(); };
  const auto pairs = [shape] { return signs({shape[0]}); };
  const auto triplet = [](const std::vector<Tensor>& x, const Tensor&) {
    return F::triplet_margin_loss(x[0], x[1], x[2]);
  };
  const auto cosine = [](const std::vector<Tensor>& x, const Tensor& t) {
    return F::cosine_embedding_loss(x[0], x[1], t);
  };
  add_loss("triplet_margin", 3, shape, 24, 1.5, none, triplet);
  add_loss("cosine_embedding", 2, shape, 16, 1.5, pairs, cosine);
}

void add_scores(const Shape& shape, double target) {
  const std::int64_t rows = shape[0], classes = shape[1];
  const auto labels = [=] {
    std::vector<std::int64_t> all(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i) * 31 % classes;
    return Tensor::from(all);
  };
  const auto lists = [=] {  // three classes a row
    std::vector<std::int64_t> all(static_cast<std::size_t>(rows * classes), -1);
    for (std::int64_t i = 0; i < 3 * rows; ++i)
      all[static_cast<std::size_t>(i / 3 * classes + i % 3)] = (i / 3 * 31 + i % 3 * 7) % classes;
    return Tensor::from(all, {rows, classes});
  };
  const auto multi_margin = [](const std::vector<Tensor>& x, const Tensor& t) { return F::multi_margin_loss(x[0], t); };
  const auto multilabel_margin = [](const std::vector<Tensor>& x, const Tensor& t) {
    return F::multilabel_margin_loss(x[0], t);
  };
  add_loss("multi_margin", 1, shape, 8, target, labels, multi_margin);
  add_loss("multilabel_margin", 1, shape, 8, 3 * target, lists, multilabel_margin);
}

void add_elements(const Shape& shape) {
  const auto sign = [shape] { return signs(shape); };
  const auto is_true = [shape] { return (signs(shape) > 0.0).to(DType::float32); };
  const auto ranking = [](const std::vector<Tensor>& x, const Tensor& t) {
    return F::margin_ranking_loss(x[0], x[1], t, {.margin = 0.1});
  };
  const auto soft_margin = [](const std::vector<Tensor>& x, const Tensor& t) {
    return F::multilabel_soft_margin_loss(x[0], t);
  };
  add_loss("margin_ranking", 2, shape, 20, 1.5, sign, ranking);
  add_loss("multilabel_soft_margin", 1, shape, 12, 1.5, is_true, soft_margin);
}

}  // namespace

void add_comparing() {
  add_vectors({65536, 128});
  add_vectors({250000, 32});
  add_scores({4096, 1000}, 1.5);
  add_scores({1048576, 10}, 4);
  add_elements({65536, 128});
}

}  // namespace perdita::bench
