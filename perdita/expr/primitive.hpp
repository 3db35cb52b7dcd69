// Primitives: one operation over one block, for the instruction set in force.
#pragma once

#include <cstdint>

#include "perdita/expr/ops.hpp"

namespace perdita::detail {

/// Elements of a block are processed in groups of this many bytes, the widest register of all instruction sets.
inline constexpr std::int64_t group_bytes = 64;
template <class T>
inline constexpr std::int64_t group_size = group_bytes / static_cast<std::int64_t>(sizeof(T));

/// target[i] = f(a[i], b[i], c[i]) for i < count, a multiple of group_size. The target may be one of the operands.
/// Operands that the operation does not have are ignored.
template <class T>
using Primitive = void (*)(T* target, const T* a, const T* b, const T* c, std::int64_t count);

/// The operation with operand k taken from one number instead of a block where bit k of `constants` is set. Op::input
/// copies a block. At most one operand of a binary operation is constant; of a select, not the condition.
template <class T>
Primitive<T> find_primitive(Op op, unsigned constants);

/// A product and the sum it goes into, in one loop: a * b + c, a * b - c, c - a * b.
enum class Fused : std::uint8_t { none, multiply_add, multiply_subtract, subtract_product };

/// The same for a fused operation; b or c or both may be constant.
template <class T>
Primitive<T> find_primitive(Fused fused, unsigned constants);

extern template Primitive<float> find_primitive<float>(Op, unsigned);
extern template Primitive<double> find_primitive<double>(Op, unsigned);
extern template Primitive<float> find_primitive<float>(Fused, unsigned);
extern template Primitive<double> find_primitive<double>(Fused, unsigned);

}  // namespace perdita::detail
