#include "perdita/losses/cumulative_link_kernels.hpp"

namespace perdita::kernels {

PERDITA_CUMULATIVE_LINK_KERNEL(, float)
PERDITA_CUMULATIVE_LINK_KERNEL(, double)

}  // namespace perdita::kernels
