// The kernels of the losses of boxes, compiled once, in the library: formulas of the eight numbers of two boxes.
#pragma once

#include <array>

#include "perdita/kernels/several_operands.hpp"
#include "perdita/losses/box/box_ciou.hpp"
#include "perdita/losses/box/box_diou.hpp"
#include "perdita/losses/box/box_giou.hpp"
#include "perdita/losses/box/box_iou.hpp"

namespace perdita {

/// A loss of boxes as a function of eight numbers.
template <class Loss>
struct OfBoxNumbers {
  Loss loss;
  template <class P>
  auto operator()(const auto& a, const auto& b, const auto& c, const auto& d, const P& e, const P& f, const P& g,
                  const P& h) const {
    using X = std::remove_cvref_t<decltype(a + b + c + d)>;
    return loss(std::array<X, 4>{X(a), X(b), X(c), X(d)}, std::array<P, 4>{e, f, g, h});
  }
};

inline constexpr std::array<std::size_t, 4> places_of_box{0, 1, 2, 3};

namespace kernels {

#define PERDITA_BOX_KERNEL(keyword, Loss, T)                                                                         \
  keyword template double several_operands<places_of_box>(const OfBoxNumbers<Loss>&, const std::array<const T*, 8>&, \
                                                          const SeveralOutputs<T, 8>&, std::int64_t);
#define PERDITA_BOX_KERNELS(keyword)           \
  PERDITA_BOX_KERNEL(keyword, BoxIou, float)   \
  PERDITA_BOX_KERNEL(keyword, BoxIou, double)  \
  PERDITA_BOX_KERNEL(keyword, BoxGiou, float)  \
  PERDITA_BOX_KERNEL(keyword, BoxGiou, double) \
  PERDITA_BOX_KERNEL(keyword, BoxDiou, float)  \
  PERDITA_BOX_KERNEL(keyword, BoxDiou, double) \
  PERDITA_BOX_KERNEL(keyword, BoxCiou, float)  \
  PERDITA_BOX_KERNEL(keyword, BoxCiou, double)
PERDITA_BOX_KERNELS(extern)

}  // namespace kernels
}  // namespace perdita
