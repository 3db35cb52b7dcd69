// Keeps losses of rows out of functions that take single elements.
#pragma once

#include <type_traits>

#include "perdita/losses/info.hpp"
#include "perdita/math/functions.hpp"

namespace perdita::detail {

/// Fails to compile for a loss of the list that is not a formula of single elements: as one it would give a wrong
/// number. A lambda says nothing of itself.
template <class Formula>
constexpr void require_elementwise() {
  if constexpr (requires { Formula::info.unit; }) {
    constexpr const LossInfo& info = Formula::info;
    static_assert(
        !is_of_class_rows(info),
        "this loss is of rows of classes, not of single elements: call value_and_gradient(loss, logits, labels, "
        "gradient) with labels of int64 (perdita/losses/class_span.hpp), or its function of tensors");
    static_assert(
        !compares_predictions(info),
        "this loss compares rows, it is not of single elements: see perdita/losses/comparing_span.hpp, or call its "
        "function of tensors");
    static_assert(
        info.unit != Unit::mask,
        "this loss is of masks, not of single elements: call value_and_gradient(loss, logits, targets, pixels, "
        "gradient) (perdita/losses/overlap_span.hpp), or its function of tensors");
    static_assert(info.unit != Unit::sequence,
                  "this loss is of sequences, not of single elements: call its function of tensors");
    if constexpr (info.unit == Unit::element && !compares_predictions(info)) {
      static_assert(std::is_invocable_v<const Formula&, Pack<float, 1>, Pack<float, 1>>,
                    "this loss takes more than an input and a target: call its function of tensors");
    }
  }
}

}  // namespace perdita::detail
