#include "perdita/losses/compiled.hpp"

namespace perdita::kernels {

template <class Loss, class T>
double CompiledSoftmax<Loss, T, true>::compute(const Loss& loss, const SoftmaxTask<T>& task) {
  return softmax_loss(loss, task);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct CompiledSoftmax<Loss, double>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
