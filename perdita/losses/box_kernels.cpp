#include "perdita/losses/box_kernels.hpp"

namespace perdita::kernels {

PERDITA_BOX_KERNELS()

}  // namespace perdita::kernels
