#include "perdita/boosting/element_derivatives.hpp"

namespace perdita::boosting::detail {

template <class Loss, class T>
void CompiledDerivatives<Loss, T, true>::compute(const Loss& loss, const ElementBlock<T>& block) {
  compute_block<has_labels<Loss>>(loss, block);
}

#define PERDITA_DEFINE(Loss, function, Module) template struct CompiledDerivatives<Loss, double>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace perdita::boosting::detail
