#include "perdita/losses/compiled.hpp"

namespace perdita::kernels {

template <class Loss, class T>
double CompiledSeveral<Loss, T, true>::compute(const Loss& loss, const std::array<const T*, arity>& in,
                                               const SeveralOutputs<T, arity>& out, std::int64_t count) {
  return several_operands<places_of_predictions<Loss>>(loss, in, out, count);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct CompiledSeveral<Loss, float>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::kernels
