#include "perdita/losses/kernels.hpp"

namespace perdita::kernels {

#define PERDITA_DEFINE(Loss, function, Module) PERDITA_SOFTMAX_KERNEL(, Loss, float)
PERDITA_SOFTMAX_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
