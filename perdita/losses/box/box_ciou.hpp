#pragma once

#include <array>

#include "perdita/losses/box/overlap_of_boxes.hpp"
#include "perdita/math/arctangent.hpp"

namespace perdita {

/// Complete intersection over union: centers are drawn together and aspect ratios aligned.
struct BoxCiou {
  static constexpr LossInfo info{.name = "box_ciou",
                                 .torch_name = "",
                                 .family = Family::box,
                                 .operands = box_operands,
                                 .unit = Unit::vector,
                                 .summary =
                                     "box_diou plus a v with v = (4 / pi^2) (difference of the angles atan(w / h))^2 "
                                     "and a = v / (1 - iou + v + eps), which is a constant for the gradient.",
                                 .variables =
                                     "input, target: boxes, in the order of format; iou: area of the intersection, "
                                     "divided by that of the union plus eps",
                                 .broadcasts = false,
                                 .traits = Trait::none,
                                 .use_when = "boxes are regressed, as in most detectors since 2020",
                                 .avoid_when = "boxes may have a width and height of 0",
                                 .source = "Zheng et al., Distance-IoU loss, AAAI 2020, eq. 8 to 11",
                                 .differences =
                                     "torchvision.ops.complete_box_iou_loss: the same, except that it is nan for boxes "
                                     "without width and height; mmdet sets a to 0 where iou is at most 0.5"};
  static constexpr auto parameters() {
    return std::array{
        choice<&BoxCiou::format>("format", "meaning of the four numbers of a box", box_format_names),
        parameter<&BoxCiou::eps>("eps", "added to areas and squared distances that are denominators", non_negative)};
  }

  BoxFormat format = BoxFormat::xyxy;
  double eps = 1e-7;

  // The difference of two angles is the angle of one quotient.
  template <class P, class T>
  auto operator()(const std::array<P, 4>& box, const std::array<T, 4>& truth) const {
    const auto both = overlap_of(format, eps, box, truth);
    const auto w = both.p.width(), h = both.p.height();
    const auto true_w = both.t.width(), true_h = both.t.height();
    const auto along = w * true_w + h * true_h;
    const auto angle = arctangent((true_w * h - w * true_h) / select(along == 0.0, 1.0, along));
    const auto v = 0.40528473456935109 * (angle * angle);  // 4 / pi^2
    const auto rest = 1.0 - both.iou();
    return (rest + both.center_distance()) + held_constant(v / (rest + v + eps)) * v;
  }
};

}  // namespace perdita
