// Parameters of all losses of overlap: the pixels of a mask, and the masks that are ignored.
#pragma once

#include <array>

#include "perdita/losses/info.hpp"

namespace perdita {

/// The parameters of the loss and the common ones.
template <class L, std::size_t n>
constexpr auto with_mask_parameters(const std::array<Parameter<L>, n>& own) {
  const std::array common{
      parameter<&L::batch>("batch",
                           "whether there is one mask for all items of the batch instead of one mask per item"),
      parameter<&L::multilabel>("multilabel", "whether a target of the input's shape contains one mask per class"),
      parameter<&L::present_only>("present_only", "whether classes without a pixel in the target are ignored"),
      parameter<&L::ignore_index>("ignore_index", "pixels with this target are ignored")};
  return joined(own, common);
}

/// Arguments of the formulas of overlap.
inline constexpr std::string_view overlap_operands =
    "tp, fp, fn: sums of p t, p (1 - t) and (1 - p) t over a mask's pixels; p: probability, t: target";

/// errors / (hits + errors), with `smooth` in numerator and denominator: the share of a mask that is incorrect. It is 0
/// for an empty mask that is predicted empty. 1 - hits / (hits + errors) would cancel where the mask is nearly correct.
constexpr auto share_of_errors(const auto& errors, const auto& hits, double smooth) {
  const auto all = hits + smooth + errors;
  if (smooth > 0) return errors / all;
  return select(all == 0.0, 0.0, errors / select(all == 0.0, 1.0, all));
}

}  // namespace perdita
