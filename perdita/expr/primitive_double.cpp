#include "perdita/expr/primitive_loops.hpp"

namespace perdita::detail {

template Primitive<double> find_primitive<double>(Op, unsigned);
template Primitive<double> find_primitive<double>(Fused, unsigned);

}  // namespace perdita::detail
