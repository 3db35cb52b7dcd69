#include "perdita/kernels/staged_elements.hpp"

#include <algorithm>
#include <cstring>

#include "perdita/core/buffer.hpp"
#include "perdita/kernels/block_sum.hpp"
#include "perdita/kernels/narrow.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

using perdita::detail::StridedArray;

constexpr std::int64_t chunk_size = 16384;  // of a thread
constexpr std::int64_t block_size = 1024;
constexpr std::int64_t stride = block_size + 32;  // room for gather_overshoot; no two blocks 4 KiB apart

struct Multiply {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, T* x, const T* factors, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) x[i] *= factors[i];
  }
};

/// Sets elements to 0 where the other array is NaN.
struct ClearWhereNan {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, T* x, const T* other, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) x[i] = other[i] == other[i] ? x[i] : T(0);
  }
};

struct CountNan {
  template <class AnyTarget, class T>
  PERDITA_INLINE std::int64_t operator()(AnyTarget, const T* x, std::int64_t count) const {
    std::int32_t found = 0;  // of a block, so that it cannot overflow
    for (std::int64_t i = 0; i < count; ++i) found += x[i] != x[i] ? 1 : 0;
    return found;
  }
};

struct Smooth {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, const T* from, T* to, T share, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = (T(1) - share) * from[i] + T(0.5) * share;
  }
};

template <class T>
double sum_of(const T* block, std::int64_t count) {
  constexpr std::int64_t group = 32;  // see block_sum()
  const std::int64_t whole = count / group * group;
  double sum = whole > 0 ? perdita::detail::block_sum(block, whole) : 0.0;
  for (std::int64_t i = whole; i < count; ++i) sum += static_cast<double>(block[i]);
  return sum;
}

/// Blocks of one thread: of the operands, weights and upstream gradients, values and gradients.
template <class T, std::size_t arity>
class Blocks {
 public:
  explicit Blocks(const StagedElements<T, arity>& task) : task_(task) {
    thread_local Buffer scratch;
    constexpr std::size_t bytes = (arity + 5) * static_cast<std::size_t>(stride) * sizeof(T);
    if (scratch.size() < bytes) scratch = Buffer::allocate(bytes);
    memory_ = static_cast<T*>(scratch.data());
    for (std::size_t k = 0; k < arity; ++k) fill_once(task.inputs[k], operand(k));
    if (task.weight) fill_once(*task.weight, weights());
    if (task.upstream) fill_once(*task.upstream, upstream());
  }

  T* operand(std::size_t k) const { return memory_ + static_cast<std::int64_t>(k) * stride; }
  T* weights() const { return operand(arity); }
  T* upstream() const { return operand(arity + 1); }
  T* values() const { return operand(arity + 2); }
  T* gradient() const { return operand(arity + 3); }
  T* smoothed() const { return operand(arity + 4); }

  /// Elements [begin, begin + count) of the array: where they are, or in `block`.
  static const T* read(const StridedArray& array, std::int64_t begin, std::int64_t count, T* block) {
    if (array.is_scalar()) return block;
    if (array.is_dense() && array.dtype == dtype_of<T>()) return static_cast<const T*>(array.data) + begin;
    perdita::detail::gather(block, array, begin, count);
    return block;
  }

 private:
  static void fill_once(const StridedArray& array, T* block) {
    if (array.is_scalar()) perdita::detail::gather(block, array, 0, block_size);
  }

  const StagedElements<T, arity>& task_;
  T* memory_;
};

template <class T, std::size_t arity>
class Chunk {
 public:
  Chunk(const StagedElements<T, arity>& task, const ElementwiseBlock<T, arity>& compute, bool is_streamed)
      : task_(task), compute_(compute), blocks_(task), is_streamed_(is_streamed) {
    const bool is_scaled = task.weight || task.upstream;
    is_direct_ = !is_scaled && !is_streamed && task.gradient_dtype == dtype_of<T>();
  }

  double operator()(std::int64_t begin, std::int64_t end) const {
    double sum = 0;
    for (std::int64_t at = begin; at < end; at += block_size) sum += run_block(at, std::min(block_size, end - at));
    if (is_streamed_) perdita::detail::end_streaming();
    return sum;
  }

 private:
  double run_block(std::int64_t begin, std::int64_t count) const {
    std::array<const T*, arity> inputs;
    for (std::size_t k = 0; k < arity; ++k) inputs[k] = blocks_.read(task_.inputs[k], begin, count, blocks_.operand(k));
    const T* const target = inputs[1];
    const std::int64_t missing = task_.leaves_out_nan ? run(CountNan{}, target, count) : 0;
    if (task_.smoothing > 0) {
      run(Smooth{}, target, blocks_.smoothed(), static_cast<T>(task_.smoothing), count);
      inputs[1] = blocks_.smoothed();
    }
    const bool changes_values = task_.weight || missing > 0;
    const bool weighs_values = changes_values && (task_.values || !task_.gradient || !task_.upstream);
    ElementwiseOutputs<T> out{.scale = task_.scale};
    if (task_.gradient) out.gradient = is_direct_ ? static_cast<T*>(task_.gradient) + begin : blocks_.gradient();
    if (task_.values)
      out.values = task_.values + begin;
    else if (weighs_values)
      out.values = blocks_.values();
    double sum = compute_(inputs, out, count);
    if (task_.weight) {
      const T* const weights = blocks_.read(*task_.weight, begin, count, blocks_.weights());
      if (out.values) sum = weigh(out.values, weights, count);
      if (out.gradient) run(Multiply{}, out.gradient, weights, count);
    }
    if (task_.upstream && out.gradient) {
      run(Multiply{}, out.gradient, blocks_.read(*task_.upstream, begin, count, blocks_.upstream()), count);
    }
    // Last, because weights and upstream gradients of missing elements may be NaN, too.
    if (missing > 0 && out.values) {
      run(ClearWhereNan{}, out.values, target, count);
      sum = sum_of(out.values, count);
    }
    if (missing > 0 && out.gradient) run(ClearWhereNan{}, out.gradient, target, count);
    if (out.gradient && !is_direct_) write_gradient(out.gradient, begin, count);
    return sum;
  }

  /// Multiplies the values, and returns their sum.
  static double weigh(T* values, const T* weights, std::int64_t count) {
    run(Multiply{}, values, weights, count);
    return sum_of(values, count);
  }

  void write_gradient(const T* gradient, std::int64_t begin, std::int64_t count) const {
    if constexpr (std::is_same_v<T, float>) {
      if (is_narrow(task_.gradient_dtype)) {
        void* const to = static_cast<std::uint16_t*>(task_.gradient) + begin;
        return perdita::detail::narrow(to, task_.gradient_dtype, gradient, count, is_streamed_);
      }
    }
    T* const to = static_cast<T*>(task_.gradient) + begin;
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (is_streamed_ && bytes % 64 == 0)
      perdita::detail::stream(to, gradient, bytes);
    else
      std::memcpy(to, gradient, bytes);
  }

  const StagedElements<T, arity>& task_;
  const ElementwiseBlock<T, arity>& compute_;
  Blocks<T, arity> blocks_;
  bool is_streamed_, is_direct_;
};

}  // namespace

namespace {

template <class T>
std::int64_t count_nan_in(const StridedArray& array, std::int64_t count) {
  return static_cast<std::int64_t>(sum_over_blocks(count, chunk_size, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t found = 0;
    alignas(64) T block[stride];
    if (array.is_scalar()) perdita::detail::gather(block, array, 0, block_size);
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t part = std::min(block_size, end - at);
      const T* const elements = Blocks<T, 2>::read(array, at, part, block);
      found += run(CountNan{}, elements, part);
    }
    return static_cast<double>(found);
  }));
}

template <class T>
double sum_in(const StridedArray& array, std::int64_t count) {
  return sum_over_blocks(count, chunk_size, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    alignas(64) T block[stride];
    if (array.is_scalar()) perdita::detail::gather(block, array, 0, block_size);
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t part = std::min(block_size, end - at);
      sum += sum_of(Blocks<T, 2>::read(array, at, part, block), part);
    }
    return sum;
  });
}

}  // namespace

template <class T, std::size_t arity>
double staged_elements(const StagedElements<T, arity>& task, const ElementwiseBlock<T, arity>& block) {
  const bool is_streamed =
      task.gradient && perdita::detail::is_worth_streaming(
                           task.gradient, static_cast<std::size_t>(task.count) * size_of(task.gradient_dtype));
  return sum_over_blocks(task.count, chunk_size, [&](std::int64_t begin, std::int64_t end) {
    return Chunk<T, arity>(task, block, is_streamed)(begin, end);
  });
}

std::int64_t count_nan(const StridedArray& array, std::int64_t count) {
  if (array.dtype == DType::float64) return count_nan_in<double>(array, count);
  return count_nan_in<float>(array, count);
}

double strided_sum(const StridedArray& array, std::int64_t count) {
  if (array.dtype == DType::float64) return sum_in<double>(array, count);
  return sum_in<float>(array, count);
}

template double staged_elements(const StagedElements<float, 2>&, const ElementwiseBlock<float, 2>&);
template double staged_elements(const StagedElements<double, 2>&, const ElementwiseBlock<double, 2>&);
template double staged_elements(const StagedElements<float, 3>&, const ElementwiseBlock<float, 3>&);
template double staged_elements(const StagedElements<double, 3>&, const ElementwiseBlock<double, 3>&);

}  // namespace perdita::kernels
