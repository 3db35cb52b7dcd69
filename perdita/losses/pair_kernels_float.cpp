#include "perdita/losses/kernels.hpp"

namespace perdita::kernels {

#define PERDITA_DEFINE(Loss, function, Module) PERDITA_PAIR_KERNEL(, Loss, float)
PERDITA_PAIR_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
