// Elementwise operations on integers and bools: exact, at once, without gradients.
#include <type_traits>

#include "perdita/expr/expr.hpp"
#include "perdita/tensor/loops.hpp"
#include "perdita/tensor/recorded.hpp"

namespace perdita::detail {

namespace {

/// out = f(a, b, c) over the broadcast shape; operands not given repeat the first one.
template <class T, class Out, class F>
Tensor map(const std::array<Tensor, 3>& operands, int count, DType dtype, F f) {
  Shape shape = operands[0].shape();
  for (int i = 1; i < count; ++i)
    shape = broadcast_shapes(shape, operands[static_cast<std::size_t>(i)].shape(), "operator");
  Tensor result = Tensor::empty(shape, dtype);
  std::array<const T*, 3> from;
  std::array<Strides, 4> strides;
  for (std::size_t k = 0; k < 3; ++k) {
    const Tensor& operand = operands[k < static_cast<std::size_t>(count) ? k : 0];
    from[k] = pointer<T>(operand);
    strides[k] = broadcast_strides(operand.shape(), operand.strides(), shape);
  }
  strides[3] = result.strides();
  Out* out = pointer<Out>(result);
  for_each_row<4>(shape, strides, [&](auto offsets, auto steps, std::int64_t n) {
    const T *a = from[0] + offsets[0], *b = from[1] + offsets[1], *c = from[2] + offsets[2];
    Out* to = out + offsets[3];
    for (std::int64_t i = 0; i < n; ++i)
      to[i * steps[3]] = static_cast<Out>(f(a[i * steps[0]], b[i * steps[1]], c[i * steps[2]]));
  });
  return result;
}

/// Sums and products wrap around, as two's complement does.
template <class T>
using Wrapping = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;

template <class T>
Tensor compute(Op op, const std::array<Tensor, 3>& operands, int count, DType dtype) {
  using U = Wrapping<T>;
  const auto arithmetic = [&](auto f) { return map<T, T>(operands, count, dtype, f); };
  const auto truth = [&](auto f) { return map<T, bool>(operands, count, DType::boolean, f); };
  switch (op) {
    case Op::add:
      return arithmetic([](T a, T b, T) { return static_cast<T>(static_cast<U>(a) + static_cast<U>(b)); });
    case Op::subtract:
      return arithmetic([](T a, T b, T) { return static_cast<T>(static_cast<U>(a) - static_cast<U>(b)); });
    case Op::multiply:
      // 64 bits: narrower unsigned products would be computed in int, and could overflow there.
      return arithmetic(
          [](T a, T b, T) { return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)); });
    case Op::negate:
      return arithmetic([](T a, T, T) { return static_cast<T>(U(0) - static_cast<U>(a)); });
    case Op::abs:
      return arithmetic([](T a, T, T) { return a < T(0) ? static_cast<T>(U(0) - static_cast<U>(a)) : a; });
    case Op::sign:
      return arithmetic([](T a, T, T) { return static_cast<T>((a > T(0)) - (a < T(0))); });
    case Op::square:
      return arithmetic(
          [](T a, T, T) { return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(a)); });
    case Op::min:
    case Op::clamp_max:
      return arithmetic([](T a, T b, T) { return b < a ? b : a; });
    case Op::max:
    case Op::clamp_min:
      return arithmetic([](T a, T b, T) { return a < b ? b : a; });
    case Op::select:
      return arithmetic([](T c, T a, T b) { return c ? a : b; });
    case Op::less:
      return truth([](T a, T b, T) { return a < b; });
    case Op::less_equal:
      return truth([](T a, T b, T) { return a <= b; });
    case Op::greater:
      return truth([](T a, T b, T) { return a > b; });
    case Op::greater_equal:
      return truth([](T a, T b, T) { return a >= b; });
    case Op::equal:
      return truth([](T a, T b, T) { return a == b; });
    case Op::not_equal:
      return truth([](T a, T b, T) { return a != b; });
    case Op::logical_and:
      return truth([](T a, T b, T) { return a && b; });
    case Op::logical_or:
      return truth([](T a, T b, T) { return a || b; });
    case Op::logical_not:
      return truth([](T a, T, T) { return !a; });
    default:
      fail<DTypeError>("{}: not defined for {}", name_of(op), name_of(dtype));
  }
}

}  // namespace

Tensor apply_to_integers(Op op, const std::array<Tensor, 3>& operands, int count, DType dtype) {
  std::array<Tensor, 3> converted;
  for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
    converted[k] = operands[k];
    // A condition is a matter of zero or not, which a narrowing conversion could change.
    if (op == Op::select && k == 0) converted[k] = converted[k].to(DType::boolean);
    converted[k] = converted[k].to(dtype);
    ensure_data(converted[k]);
  }
  return visit_dtype(dtype, [&]<class T>() -> Tensor {
    if constexpr (std::is_floating_point_v<T>)
      fail<DTypeError>("{}: not an integer operation", name_of(op));
    else
      return compute<T>(op, converted, count, dtype);
  });
}

}  // namespace perdita::detail
