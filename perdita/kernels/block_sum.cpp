#include "perdita/kernels/block_sum.hpp"

#include "perdita/math/isa.hpp"

namespace perdita::detail {

namespace {

struct BlockSum {
  template <class AnyTarget, class T>
  PERDITA_INLINE double operator()(AnyTarget, const T* block, std::int64_t count) const {
    using Wide = typename AnyTarget::template pack<double>;
    typedef T Part __attribute__((vector_size(sizeof(T) * Wide::lanes)));
    constexpr int lanes = 32, parts = lanes / Wide::lanes;
    const auto load = [block](std::int64_t i) {
      Part part;
      std::memcpy(&part, block + i, sizeof part);
      return part;
    };
    Wide sum[parts];
    for (int k = 0; k < parts; ++k) sum[k] = 0.0;
    const auto add = [&sum](int k, const Part& part) {
      sum[k] = sum[k] + Wide::of(__builtin_convertvector(part, typename Wide::Raw));
    };
    std::int64_t i = 0;
    for (; i + 4 * lanes <= count; i += 4 * lanes) {
      for (int k = 0; k < parts; ++k) {
        const std::int64_t at = i + k * Wide::lanes;
        add(k, (load(at) + load(at + lanes)) + (load(at + 2 * lanes) + load(at + 3 * lanes)));
      }
    }
    for (int k = 0; i < count; i += Wide::lanes, k = (k + 1) % parts) add(k, load(i));
    double lane[lanes];
    for (int k = 0; k < parts; ++k) sum[k].store(lane + k * Wide::lanes);
    for (int width = lanes / 2; width > 0; width /= 2) {
      for (int k = 0; k < width; ++k) lane[k] += lane[k + width];
    }
    return lane[0];
  }
};

}  // namespace

double block_sum(const float* block, std::int64_t count) { return run(BlockSum{}, block, count); }
double block_sum(const double* block, std::int64_t count) { return run(BlockSum{}, block, count); }

}  // namespace perdita::detail
