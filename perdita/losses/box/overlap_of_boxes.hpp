// Common parts of the losses of boxes: formats, the overlap of two boxes, and the box that encloses both.
#pragma once

#include <array>
#include <string_view>

#include "perdita/losses/info.hpp"
#include "perdita/math/dual.hpp"

namespace perdita {

/// Meaning of the four numbers of a box.
enum class BoxFormat { xyxy, xywh, cxcywh };
inline constexpr std::string_view box_format_names[] = {"xyxy", "xywh", "cxcywh"};

inline constexpr Operands box_operands{prediction(Meaning::box).of_shape("[..., 4]"),
                                       target(Meaning::box).of_shape("[..., 4]"),
                                       element_weight_operand.not_deciding_dtype().of_shape("[...]")};

/// The corners of a box, (x1, y1) below (x2, y2).
template <class X>
struct Corners {
  X x1, y1, x2, y2;
  auto width() const { return x2 - x1; }
  auto height() const { return y2 - y1; }
  auto area() const { return width() * height(); }
};

template <class X>
Corners<X> corners_of(BoxFormat format, const X& a, const X& b, const X& c, const X& d) {
  if (format == BoxFormat::xyxy) return {a, b, c, d};
  if (format == BoxFormat::xywh) return {a, b, a + c, b + d};
  return {a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d};
}

/// Intersection over union of a box p and the true one t, and what other losses need.
template <class P, class T>
struct BoxOverlap {
  Corners<P> p;
  Corners<T> t;
  double eps;

  auto intersection() const {
    return clamp_min(min(p.x2, t.x2) - max(p.x1, t.x1), 0.0) * clamp_min(min(p.y2, t.y2) - max(p.y1, t.y1), 0.0);
  }
  auto union_area() const { return (p.area() + t.area()) - intersection(); }
  auto iou() const { return intersection() / (union_area() + eps); }
  auto enclosing_width() const { return max(p.x2, t.x2) - min(p.x1, t.x1); }
  auto enclosing_height() const { return max(p.y2, t.y2) - min(p.y1, t.y1); }
  /// Squared distance of the centers, divided by the squared diagonal of the enclosing box.
  auto center_distance() const {
    const auto dx = 0.5 * ((p.x1 + p.x2) - (t.x1 + t.x2)), dy = 0.5 * ((p.y1 + p.y2) - (t.y1 + t.y2));
    const auto w = enclosing_width(), h = enclosing_height();
    return (dx * dx + dy * dy) / (w * w + h * h + eps);
  }
};

/// The overlap of boxes of which each is given by four numbers.
template <class P, class T>
BoxOverlap<P, T> overlap_of(BoxFormat format, double eps, const std::array<P, 4>& p, const std::array<T, 4>& t) {
  return {corners_of(format, p[0], p[1], p[2], p[3]), corners_of(format, t[0], t[1], t[2], t[3]), eps};
}

/// x as a constant, of which no derivative is taken.
template <class X>
PERDITA_INLINE X held_constant(const X& x) {
  if constexpr (detail::level < X >> 0)
    return X{held_constant(x.v), x.d * 0.0};
  else if constexpr (requires { x.detach(); })
    return x.detach();
  else
    return x;
}

}  // namespace perdita
