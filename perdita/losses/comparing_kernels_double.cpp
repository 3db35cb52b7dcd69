#include "perdita/losses/comparing_kernels.hpp"

namespace perdita::kernels {

PERDITA_COMPARING_KERNELS(, double)

}  // namespace perdita::kernels
