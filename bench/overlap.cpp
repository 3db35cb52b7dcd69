// Losses of masks, through tensors: forward and backward.
#include <algorithm>
#include <memory>
#include <vector>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

namespace F = functional;

/// Logits [8, classes, 512, 512] and labels, or 0 and 1 for each logit.
struct Scene {
  Tensor logits, target;
};

Tensor labels_of(std::int64_t classes) {
  std::vector<std::int64_t> all(8 * 512 * 512);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i / 1000) % classes;
  return Tensor::from(all, {8, 512, 512});
}

/// Two passes: one reads the logits and targets, the next as well, and writes the gradient. `exps` a logit.
template <class Loss>
void add_loss(const std::string& name, std::int64_t classes, double target_bytes, double exps, double target,
              const Loss& loss) {
  const Shape shape = classes == 1 ? Shape{8, 512, 512} : Shape{8, classes, 512, 512};
  const double size = static_cast<double>(numel(shape)), pixels = size / static_cast<double>(classes);
  const auto floor = [=](const Times& times) {
    return std::max(seconds_to_move(times, 12 * size + 2 * target_bytes * pixels),
                    exps * size * seconds_of_exp(times) / num_threads());
  };
  const auto scene = std::make_shared<Scene>();
  add_case({fmt::format("overlap/{}/8x{}x512x512", name, classes), size, floor, target, "bytes of two passes"}, [=] {
    if (!scene->logits.defined()) {
      scene->logits = Tensor::randn(shape, 1).set_requires_grad();
      scene->target =
          classes == 1 ? (Tensor::rand(shape, 2) < 0.2).to(DType::float32).contiguous() : labels_of(classes);
    }
    loss(scene->logits, scene->target).backward();
    scene->logits.set_grad({});
  });
}

}  // namespace

void add_overlap() {
  const auto dice = [](const Tensor& y, const Tensor& t) { return F::dice_loss(y, t); };
  const auto focal_tversky = [](const Tensor& y, const Tensor& t) { return F::focal_tversky_loss(y, t); };
  const auto lovasz = [](const Tensor& y, const Tensor& t) { return F::lovasz_loss(y, t); };
  add_loss("dice", 1, 4, 2, 1.5, dice);
  add_loss("focal_tversky", 1, 4, 2, 1.5, focal_tversky);
  add_loss("dice", 4, 8, 2, 2, dice);
  add_loss("dice", 20, 8, 2, 2, dice);
  add_loss("lovasz", 1, 4, 2, 20, lovasz);
  add_loss("lovasz", 4, 8, 2, 20, lovasz);
}

}  // namespace perdita::bench
