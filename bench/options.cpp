// Losses with the options that people use, through tensors: forward and backward, with gradients by the input.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

namespace F = functional;

/// What a loss is called with. `other` is a weight, or undefined.
struct Operands {
  Tensor input, target, other;
};
using Make = std::function<Operands()>;
using Compute = std::function<Tensor(const Operands&)>;

Tensor leaf(const Shape& shape, DType dtype = DType::float32) {
  return Tensor::randn(shape, 1).to(dtype).detach().contiguous().set_requires_grad();
}
Tensor probabilities(const Shape& shape) { return Tensor::rand(shape, 2); }
/// Labels of rows with `classes` scores; the shape is that of the rows.
Tensor labels(const Shape& shape, std::int64_t classes) {
  return argmax(Tensor::rand({numel(shape), std::min<std::int64_t>(classes, 64)}, 3), 1).reshape(shape);
}

/// The floor is the larger time: of moving `bytes`, or of `exps` exponentials.
void add_option(const std::string& name, std::int64_t size, double bytes, double exps, double target, const Make& make,
                const Compute& compute) {
  const auto operands = std::make_shared<Operands>();
  const auto floor = [=](const Times& times) {
    return std::max(seconds_to_move(times, bytes), seconds_of_exp(times) * exps / num_threads());
  };
  add_case({"options/" + name, static_cast<double>(size), floor, target, exps > 0 ? "bytes or exp" : "bytes"}, [=] {
    if (!operands->input.defined()) *operands = make();  // those of losses that are left out cost nothing
    compute(*operands).backward();
    operands->input.set_grad({});
  });
}

constexpr std::int64_t n = 4'000'000;

void add_mse(const std::string& name, double bytes, const Make& make, const Compute& compute) {
  add_option("mse " + name, n, bytes * static_cast<double>(n), 0, 1.5, make, compute);
}

void add_mean_squared_errors() {
  const auto plain = [] { return Operands{leaf({n}), probabilities({n}), {}}; };
  const auto weighted = [] { return Operands{leaf({n}), probabilities({n}), probabilities({n})}; };
  const auto mse = [](const Operands& o) { return F::mse_loss(o.input, o.target, {}, {.weight = o.other}); };
  // Losses are written, then both operands are read again for the gradient.
  add_mse("none, sum", 28, plain,
          [](const Operands& o) { return sum(F::mse_loss(o.input, o.target, {}, {.reduction = Reduction::none})); });
  add_mse("weight", 16, weighted, mse);
  add_mse(
      "broadcast target", 8,
      [] {
        return Operands{leaf({n / 100, 100}), probabilities({n / 100, 1}), {}};
      },
      mse);
  add_mse("times 0.5", 12, plain, [=](const Operands& o) { return mse(o) * 0.5; });
  for (const DType dtype : {DType::bfloat16, DType::float16})
    add_mse(
        std::string(name_of(dtype)), 6,
        [=] {
          return Operands{leaf({n}, dtype), probabilities({n}).to(dtype), {}};
        },
        mse);
}

void add_positive_weights() {
  const auto bce = [](const Operands& o) {
    return F::binary_cross_entropy_with_logits(o.input, o.target, {}, {.pos_weight = o.other});
  };
  const auto with_weights_of = [](const Shape& shape) {
    return [=] { return Operands{leaf({n / 100, 100}), probabilities({n / 100, 100}), probabilities(shape)}; };
  };
  const double size = static_cast<double>(n);
  add_option("bce pos_weight", n, 12 * size, 2 * size, 1.5, with_weights_of({}), bce);
  add_option("bce pos_weight of classes", n, 12 * size, 2 * size, 1.5, with_weights_of({100}), bce);
}

void add_classes(const std::string& name, const Shape& shape, double bytes, double target, const Make& make,
                 const Compute& compute) {
  const double size = static_cast<double>(numel(shape));
  add_option("cross_entropy " + name, numel(shape), bytes * size, size, target, make, compute);
}

void add_cross_entropies() {
  const Shape rows{4096, 1000}, vocabulary{1024, 50257}, image{4, 150, 128, 128};
  const auto scores = [](const Shape& shape, DType dtype = DType::float32) {
    return [=] { return Operands{leaf(shape, dtype), labels({shape[0]}, shape[1]), {}}; };
  };
  const auto cross_entropy = [](const ClassOptions& options) {
    return [=](const Operands& o) {
      ClassOptions given = options;
      given.weight = o.other;
      return F::cross_entropy(o.input, o.target, {}, given);
    };
  };
  add_classes("none, mean", rows, 8, 1.6, scores(rows),
              [=](const Operands& o) { return mean(cross_entropy({.reduction = Reduction::none})(o)); });
  add_classes(
      "probabilities", rows, 12, 1.6,
      [=] {
        return Operands{leaf(rows), softmax(Tensor::randn(rows, 4), 1), {}};
      },
      cross_entropy({}));
  add_classes("label_smoothing", rows, 8, 1.6, scores(rows), cross_entropy({.label_smoothing = 0.1}));
  add_classes(
      "weight, label_smoothing", rows, 8, 1.6,
      [=] {
        return Operands{leaf(rows), labels({rows[0]}, rows[1]), probabilities({rows[1]})};
      },
      cross_entropy({.label_smoothing = 0.1}));
  add_classes("times 0.5", rows, 8, 1.6, scores(rows), [=](const Operands& o) { return cross_entropy({})(o) * 0.5; });
  for (const DType dtype : {DType::bfloat16, DType::float16}) {
    add_classes(std::string(name_of(dtype)), rows, 4, 1.6, scores(rows, dtype), cross_entropy({}));
    add_classes(fmt::format("1024x50257 {}", name_of(dtype)), vocabulary, 4, 1.6, scores(vocabulary, dtype),
                cross_entropy({}));
  }
  const auto pixels = [=] { return labels({4, 128, 128}, 150); };
  add_classes(
      "4x150x128x128", image, 8, 1.6,
      [=] {
        return Operands{leaf(image), pixels(), {}};
      },
      cross_entropy({}));
  add_classes(
      "4x150x128x128, channels last", image, 8, 1.6,
      [=] {
        const Tensor stored = Tensor::randn({4, 128, 128, 150}, 1);
        return Operands{stored.permute({0, 3, 1, 2}).set_requires_grad(), pixels(), {}};
      },
      cross_entropy({}));
}

}  // namespace

void add_options() {
  add_mean_squared_errors();
  add_positive_weights();
  add_cross_entropies();
}

}  // namespace perdita::bench
