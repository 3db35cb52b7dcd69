// Lines of a dense tensor: what reductions and softmax share. For the sources of this part only.
#pragma once

#include <cstdint>

#include "perdita/core/parallel.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita::detail {

/// A dense tensor seen as [outer, n, inner]; the middle is what is worked along.
struct Middle {
  std::int64_t outer = 1, n = 1, inner = 1;
  std::int64_t lines() const;
};
Middle middle_of(const Tensor& x, int dim);
Shape reduced_shape(const Shape& shape, int dim, bool keepdim);

/// x, contiguous and computed.
Tensor dense_operand(const Tensor& x);

/// body(line) for every line, in parallel when there is work for it.
template <class Body>
void for_each_line(std::int64_t lines, std::int64_t work_each, Body&& body) {
  constexpr std::int64_t enough = 1 << 15;
  const std::int64_t group = work_each >= enough ? 1 : (enough + work_each) / (work_each + 1);
  perdita::parallel_for((lines + group - 1) / group, [&](std::int64_t g) {
    const std::int64_t end = lines < (g + 1) * group ? lines : (g + 1) * group;
    for (std::int64_t line = g * group; line < end; ++line) body(line);
  });
}

}  // namespace perdita::detail
