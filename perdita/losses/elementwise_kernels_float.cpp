#include "perdita/losses/compiled.hpp"

namespace perdita::kernels {

template <class Loss, class T>
double CompiledElementwise<Loss, T, true>::compute(const Loss& loss, const std::array<const T*, 2>& in,
                                                   const ElementwiseOutputs<T>& out, std::int64_t count) {
  return elementwise<Loss, T, 2>(loss, in, out, count);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct CompiledElementwise<Loss, float>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
