#include "perdita/kernels/narrow.hpp"

#include "perdita/math/isa.hpp"

namespace perdita::detail {

namespace {

struct Widen {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, float* to, const T* from, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
};

struct Narrow {
  template <class AnyTarget, class T>
  PERDITA_INLINE void operator()(AnyTarget, T* to, const float* from, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<T, BFloat16>)
        to[i] = to_bfloat16(from[i]);
      else
        to[i] = to_float16(from[i]);
    }
  }
};

}  // namespace

void widen(float* to, const void* from, DType dtype, std::int64_t count) {
  visit_narrow(dtype, [&]<class T>() { run(Widen{}, to, static_cast<const T*>(from), count); });
}

void narrow(void* to, DType dtype, const float* from, std::int64_t count) {
  visit_narrow(dtype, [&]<class T>() { run(Narrow{}, static_cast<T*>(to), from, count); });
}

}  // namespace perdita::detail
