#pragma once

#include <array>

#include "perdita/losses/box/overlap_of_boxes.hpp"

namespace perdita {

/// The function of the intersection over union.
enum class BoxIouMode { linear, log, square };
inline constexpr std::string_view box_iou_mode_names[] = {"linear", "log", "square"};

/// One minus the intersection over union of two boxes.
struct BoxIou {
  static constexpr LossInfo info{
      .name = "box_iou",
      .torch_name = "",
      .family = Family::box,
      .operands = box_operands,
      .unit = Unit::vector,
      .summary = "1 - iou; with mode=log -log iou (iou at least 1e-6), with mode=square 1 - iou^2.",
      .variables =
          "input, target: boxes, in the order of format; iou: area of the intersection, divided by that of the union "
          "plus eps",
      .broadcasts = false,
      .traits = Trait::none,
      .use_when = "boxes are regressed whose prediction overlaps the true box already",
      .avoid_when = "boxes may be apart, where the gradient is 0 (see box_giou, box_diou, box_ciou)",
      .source = "Yu et al., UnitBox: An advanced object detection network, ACM MM 2016 (mode=log)",
      .differences = "mmdet iou_loss has mode=log by default; torchvision has no such loss"};
  static constexpr auto parameters() {
    return std::array{
        choice<&BoxIou::format>("format", "meaning of the four numbers of a box", box_format_names),
        choice<&BoxIou::mode>("mode", "function of the intersection over union", box_iou_mode_names),
        parameter<&BoxIou::eps>("eps", "added to areas and squared distances that are denominators", non_negative)};
  }

  BoxFormat format = BoxFormat::xyxy;
  BoxIouMode mode = BoxIouMode::linear;
  double eps = 1e-7;

  template <class P, class T>
  auto operator()(const std::array<P, 4>& box, const std::array<T, 4>& truth) const {
    const auto iou = overlap_of(format, eps, box, truth).iou();
    if (mode == BoxIouMode::log) return -log(clamp_min(iou, 1e-6));
    if (mode == BoxIouMode::square) return 1.0 - iou * iou;
    return 1.0 - iou;
  }
};

}  // namespace perdita
