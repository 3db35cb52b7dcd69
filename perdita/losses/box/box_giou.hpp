#pragma once

#include <array>

#include "perdita/losses/box/overlap_of_boxes.hpp"

namespace perdita {

/// Generalized intersection over union: boxes that are apart are drawn together.
struct BoxGiou {
  static constexpr LossInfo info{
      .name = "box_giou",
      .torch_name = "",
      .family = Family::box,
      .operands = box_operands,
      .unit = Unit::vector,
      .summary = "1 - iou, plus the share of the enclosing box that neither box covers.",
      .variables =
          "input, target: boxes, in the order of format; iou: area of the intersection, divided by that of the union "
          "plus eps",
      .broadcasts = false,
      .traits = Trait::none,
      .use_when = "boxes are regressed that may not overlap the true box",
      .avoid_when = "boxes may be nested, where it is box_iou (see box_diou, box_ciou)",
      .source = "Rezatofighi et al., Generalized intersection over union, CVPR 2019, algorithm 2",
      .differences = "torchvision.ops.generalized_box_iou_loss: the same"};
  static constexpr auto parameters() {
    return std::array{
        choice<&BoxGiou::format>("format", "meaning of the four numbers of a box", box_format_names),
        parameter<&BoxGiou::eps>("eps", "added to areas and squared distances that are denominators", non_negative)};
  }

  BoxFormat format = BoxFormat::xyxy;
  double eps = 1e-7;

  template <class P, class T>
  auto operator()(const std::array<P, 4>& box, const std::array<T, 4>& truth) const {
    const auto both = overlap_of(format, eps, box, truth);
    const auto enclosing = both.enclosing_width() * both.enclosing_height();
    return (1.0 - both.iou()) + (enclosing - both.union_area()) / (enclosing + eps);
  }
};

}  // namespace perdita
