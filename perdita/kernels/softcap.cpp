#include "perdita/kernels/softcap.hpp"

#include <algorithm>

#include "perdita/core/buffer.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

template <class T>
struct CapKernel {
  template <class Target>
  PERDITA_INLINE void operator()(Target, T* x, T* slopes, double cap, std::int64_t count) const {
    using P = typename Target::template pack<T>;
    const P c(cap);
    const auto capped = [&](const P& z) PERDITA_INLINE_LAMBDA {
      const P u = z / c;
      const Dual<P> y = tanh(Dual<P>{u, P(1.0)});
      // tanh u is u in all digits where u^2 is less than the precision; z / c may have few, where c is large.
      return Dual<P>{select(u * u < P(std::numeric_limits<T>::epsilon()), z, c * y.v), y.d};
    };
    std::int64_t i = 0;
    for (; i + P::lanes <= count; i += P::lanes) {
      const Dual<P> y = capped(P::load(x + i));
      y.v.store(x + i);
      if (slopes) y.d.store(slopes + i);
    }
    if (i == count) return;
    const auto left = static_cast<std::size_t>(count - i);
    const Dual<P> y = capped(P::load_first(x + i, left));
    y.v.store_first(x + i, left);
    if (slopes) y.d.store_first(slopes + i, left);
  }
};

template <class T>
void multiply(T* x, const T* factors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factors[i];
}

}  // namespace

template <class T>
void cap_logits(T* x, T* slopes, double cap, std::int64_t count) {
  run(CapKernel<T>{}, x, slopes, cap, count);
}

template <class T>
double softcapped_rows(const SoftmaxTask<T>& task, double cap, const RowsKernel<T>& compute) {
  StagedRows arrays{.logits = {const_cast<T*>(task.logits), dtype_of<T>()},
                    .probabilities = {const_cast<T*>(task.probabilities), dtype_of<T>()},
                    .gradient = {task.gradient, dtype_of<T>()}};
  SoftmaxTask<T> rest = task;
  rest.logits = rest.probabilities = nullptr, rest.gradient = nullptr;
  return staged_rows<T>(rest, arrays, [&](const SoftmaxTask<T>& tile) {
    const std::int64_t count = tile.layout.rows() * tile.layout.classes;
    const Buffer slopes = Buffer::allocate(tile.gradient ? static_cast<std::size_t>(count) * sizeof(T) : 1);
    T* const of_cap = tile.gradient ? static_cast<T*>(slopes.data()) : nullptr;
    T* const logits = const_cast<T*>(tile.logits);  // a copy, which staged_rows() made
    cap_logits(logits, of_cap, cap, count);
    const double sum = compute(tile);
    if (tile.gradient) multiply(tile.gradient, of_cap, count);
    return sum;
  });
}

template void cap_logits(float*, float*, double, std::int64_t);
template void cap_logits(double*, double*, double, std::int64_t);
template double softcapped_rows(const SoftmaxTask<float>&, double, const RowsKernel<float>&);
template double softcapped_rows(const SoftmaxTask<double>&, double, const RowsKernel<double>&);

}  // namespace perdita::kernels
