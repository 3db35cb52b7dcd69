#include <cmath>

#include "perdita/kernels/softcap.hpp"
#include "perdita/losses/compiled.hpp"

namespace perdita::kernels {

template <class Loss, class T>
double CompiledSoftmax<Loss, T, true>::compute(const Loss& loss, const SoftmaxTask<T>& task) {
  const auto of_rows = [&loss](const SoftmaxTask<T>& rows) { return softmax_loss(loss, rows); };
  const double cap = softcap_of(loss);
  return std::isfinite(cap) ? softcapped_rows<T>(task, cap, of_rows) : of_rows(task);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct CompiledSoftmax<Loss, float>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
