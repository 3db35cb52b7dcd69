#include "perdita/losses/comparing_kernels.hpp"

namespace perdita::kernels {

PERDITA_COMPARING_KERNELS(, float)

}  // namespace perdita::kernels
