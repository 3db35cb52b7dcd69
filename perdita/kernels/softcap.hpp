// Losses of rows of capped logits c tanh(z / c).
#pragma once

#include <limits>

#include "perdita/kernels/staged_rows.hpp"

namespace perdita::kernels {

/// The cap c of a loss of rows; infinite for a loss that takes the logits as they are.
template <class Loss>
double softcap_of(const Loss& loss) {
  if constexpr (requires { loss.softcap; })
    return loss.softcap;
  else
    return std::numeric_limits<double>::infinity();
}

/// x becomes c tanh(x / c) for the cap c; slopes, if it is not null, its derivatives.
template <class T>
void cap_logits(T* x, T* slopes, double cap, std::int64_t count);

/// The task, computed by `compute` from the capped logits, tile by tile. The gradient is that with respect to the
/// logits before they are capped. Returns the sum of the losses; sums and results do not depend on the number of
/// threads.
template <class T>
double softcapped_rows(const SoftmaxTask<T>& task, double cap, const RowsKernel<T>& compute);

}  // namespace perdita::kernels
