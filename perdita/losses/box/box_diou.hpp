#pragma once

#include <array>

#include "perdita/losses/box/overlap_of_boxes.hpp"

namespace perdita {

/// Distance intersection over union: centers are drawn together.
struct BoxDiou {
  static constexpr LossInfo info{
      .name = "box_diou",
      .torch_name = "",
      .family = Family::box,
      .operands = box_operands,
      .unit = Unit::vector,
      .summary =
          "1 - iou, plus the squared distance of the centers divided by the squared diagonal of the enclosing box.",
      .variables =
          "input, target: boxes, in the order of format; iou: area of the intersection, divided by that of the union "
          "plus eps",
      .broadcasts = false,
      .traits = Trait::none,
      .use_when = "boxes are regressed that may not overlap the true box, and fast convergence matters",
      .avoid_when = "the aspect ratio of the boxes matters (see box_ciou)",
      .source = "Zheng et al., Distance-IoU loss, AAAI 2020, eq. 7",
      .differences =
          "torchvision.ops.distance_box_iou_loss: the same; detectron2 and ultralytics add eps inside of the union"};
  static constexpr auto parameters() {
    return std::array{
        choice<&BoxDiou::format>("format", "meaning of the four numbers of a box", box_format_names),
        parameter<&BoxDiou::eps>("eps", "added to areas and squared distances that are denominators", non_negative)};
  }

  BoxFormat format = BoxFormat::xyxy;
  double eps = 1e-7;

  template <class P, class T>
  auto operator()(const std::array<P, 4>& box, const std::array<T, 4>& truth) const {
    const auto both = overlap_of(format, eps, box, truth);
    return (1.0 - both.iou()) + both.center_distance();
  }
};

}  // namespace perdita
