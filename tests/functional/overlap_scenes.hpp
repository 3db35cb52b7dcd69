// What losses of masks are tried on, as tensors and as loops see it.
#pragma once

#include <limits>
#include <random>
#include <string>

#include "functional/overlap_truth.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::overlap {

using truth::Row;
using truth::Scene;

enum class Mode { one_mask, mask_an_item, multilabel, softmax };
inline constexpr Mode modes[] = {Mode::one_mask, Mode::mask_an_item, Mode::multilabel, Mode::softmax};

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A scene of random logits whose targets are 0 or 1 (or, soft, between), with some pixels ignored.
inline Scene scene_of(Mode mode, std::size_t items, std::size_t classes, std::size_t pixels, bool soft, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, 2);
  std::uniform_real_distribution<double> unit(0, 1);
  if (mode == Mode::one_mask) items = 1;
  if (mode == Mode::one_mask || mode == Mode::mask_an_item) classes = 1;
  Scene scene{items, classes, pixels, {}, {}, mode == Mode::softmax, false, false};
  for (std::size_t i = 0; i < items * classes * pixels; ++i) scene.logits.push_back(normal(random));
  const std::size_t targets = mode == Mode::softmax ? items * pixels : scene.logits.size();
  for (std::size_t i = 0; i < targets; ++i) {
    const double x = unit(random);
    const double label = std::floor(x * static_cast<double>(classes)), hard = x < 0.4;
    scene.targets.push_back(unit(random) < 0.1 ? -100 : scene.softmax ? label : soft ? x : hard);
  }
  return scene;
}

inline Shape shape_of(Mode mode, const Scene& s) {
  const auto n = static_cast<std::int64_t>(s.items), c = static_cast<std::int64_t>(s.classes),
             p = static_cast<std::int64_t>(s.pixels);
  if (mode == Mode::one_mask) return {p};
  return mode == Mode::mask_an_item ? Shape{n, p} : Shape{n, c, p};
}
inline Tensor logits_of(Mode mode, const Scene& scene, DType dtype) {
  return Tensor::from(scene.logits, shape_of(mode, scene)).to(dtype).clone().detach().set_requires_grad();
}
inline Tensor targets_of(Mode mode, const Scene& scene, DType dtype) {
  Shape shape = shape_of(mode, scene);
  if (!scene.softmax) return Tensor::from(scene.targets, shape).to(dtype);
  shape.erase(1);
  return Tensor::from(std::vector<std::int64_t>(scene.targets.begin(), scene.targets.end()), shape);
}

template <class Loss>
Loss with_mode(Loss loss, Mode mode, bool batch) {
  loss.batch = batch;
  loss.multilabel = mode == Mode::multilabel;
  loss.present_only = false;
  return loss;
}

}  // namespace perdita::overlap
