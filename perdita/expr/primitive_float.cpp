#include "perdita/expr/primitive_loops.hpp"

namespace perdita::detail {

template Primitive<float> find_primitive<float>(Op, unsigned);
template Primitive<float> find_primitive<float>(Fused, unsigned);

}  // namespace perdita::detail
