// The loops of the primitives; included by one source per computing type, so that they compile side by side.
#pragma once

#include "perdita/core/error.hpp"
#include "perdita/expr/op_on_pack.hpp"
#include "perdita/expr/primitive.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::detail {

/// An operand: a block, or one number for all of it.
template <class P, bool is_constant>
struct Source {
  const typename P::value_type* data;
  PERDITA_INLINE P at(std::int64_t i) const { return P::load(data + i); }
};
template <class P>
struct Source<P, true> {
  P value;
  PERDITA_INLINE explicit Source(const typename P::value_type* data) : value(static_cast<double>(*data)) {}
  PERDITA_INLINE const P& at(std::int64_t) const { return value; }
};

template <Op op, unsigned constants, class T>
struct Loop {
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, T* target, const T* a, const T* b, const T* c, std::int64_t count) const {
    using P = typename AnyTarget::template pack<T>;
    const Source<P, (constants & 1) != 0> x{a};
    if constexpr (op == Op::input) {
      for (std::int64_t i = 0; i < count; i += P::lanes) x.at(i).store(target + i);
    } else if constexpr (arity(op) == 1) {
      for (std::int64_t i = 0; i < count; i += P::lanes) on_pack<op>(x.at(i)).store(target + i);
    } else if constexpr (op == Op::pow && constants == 2) {
      const double exponent = *b;
      for (std::int64_t i = 0; i < count; i += P::lanes) pow(x.at(i), exponent).store(target + i);
    } else if constexpr (arity(op) == 2) {
      const Source<P, (constants & 2) != 0> y{b};
      for (std::int64_t i = 0; i < count; i += P::lanes) on_pack<op>(x.at(i), y.at(i)).store(target + i);
    } else {
      const Source<P, (constants & 2) != 0> y{b};
      const Source<P, (constants & 4) != 0> z{c};
      for (std::int64_t i = 0; i < count; i += P::lanes) on_pack<op>(x.at(i), y.at(i), z.at(i)).store(target + i);
    }
  }
};

template <Fused fused, unsigned constants, class T>
struct FusedLoop {
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, T* target, const T* a, const T* b, const T* c, std::int64_t count) const {
    using P = typename AnyTarget::template pack<T>;
    const Source<P, (constants & 2) != 0> y{b};
    const Source<P, (constants & 4) != 0> z{c};
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      const P product = P::load(a + i) * y.at(i);
      if constexpr (fused == Fused::multiply_add) (product + z.at(i)).store(target + i);
      if constexpr (fused == Fused::multiply_subtract) (product - z.at(i)).store(target + i);
      if constexpr (fused == Fused::subtract_product) (z.at(i) - product).store(target + i);
    }
  }
};

/// A loop as a plain function, which runs it with the instruction set in force.
template <class Kernel, class T>
Primitive<T> as_primitive() {
  return
      [](T* target, const T* a, const T* b, const T* c, std::int64_t count) { run(Kernel{}, target, a, b, c, count); };
}
template <Op op, unsigned constants, class T>
Primitive<T> loop() {
  return as_primitive<Loop<op, constants, T>, T>();
}

template <Op op, class T>
Primitive<T> loop_of(unsigned constants) {
  if constexpr (arity(op) == 2) {
    if (constants == 1) return loop<op, 1, T>();
    if (constants == 2) return loop<op, 2, T>();
  } else if constexpr (arity(op) == 3) {
    if (constants == 2) return loop<op, 2, T>();
    if (constants == 4) return loop<op, 4, T>();
    if (constants == 6) return loop<op, 6, T>();
  }
  return loop<op, 0, T>();
}

template <class T>
Primitive<T> find_primitive(Op op, unsigned constants) {
  switch (op) {
    case Op::input:
      return constants ? loop<Op::input, 1, T>() : loop<Op::input, 0, T>();
    case Op::select:
      return loop_of<Op::select, T>(constants);
#define PERDITA_CASE(name, ...) \
  case Op::name:                \
    return loop_of<Op::name, T>(constants);
      PERDITA_UNARY_FUNCTIONS(PERDITA_CASE)
      PERDITA_UNARY_OPERATORS(PERDITA_CASE)
      PERDITA_BINARY_FUNCTIONS(PERDITA_CASE)
      PERDITA_ARITHMETIC_OPERATORS(PERDITA_CASE)
      PERDITA_TRUTH_OPERATORS(PERDITA_CASE)
#undef PERDITA_CASE
    case Op::constant:
      break;
  }
  fail<ValueError>("Program: no primitive for operation {}", static_cast<int>(op));
}

template <Fused fused, class T>
Primitive<T> loop_of(unsigned constants) {
  switch (constants) {
    case 2:
      return as_primitive<FusedLoop<fused, 2, T>, T>();
    case 4:
      return as_primitive<FusedLoop<fused, 4, T>, T>();
    case 6:
      return as_primitive<FusedLoop<fused, 6, T>, T>();
    default:
      return as_primitive<FusedLoop<fused, 0, T>, T>();
  }
}

template <class T>
Primitive<T> find_primitive(Fused fused, unsigned constants) {
  switch (fused) {
    case Fused::multiply_add:
      return loop_of<Fused::multiply_add, T>(constants);
    case Fused::multiply_subtract:
      return loop_of<Fused::multiply_subtract, T>(constants);
    case Fused::subtract_product:
      return loop_of<Fused::subtract_product, T>(constants);
    case Fused::none:
      break;
  }
  fail<ValueError>("Program: no primitive for fused operation {}", static_cast<int>(fused));
}

}  // namespace perdita::detail
