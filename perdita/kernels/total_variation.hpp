// Total variation of images, with its gradient.
#pragma once

#include <cstdint>

namespace perdita::kernels {

enum class Variation { absolute, squared, isotropic };

/// Dense arrays [images, channels, height, width].
template <class T>
struct TotalVariationTask {
  const T* input;
  std::int64_t images, channels, height, width;
  Variation variation;
  double eps;                  ///< under the root of the isotropic variation
  const double* coefficients;  ///< [images]: the gradient is that of the sum of coefficients[i] losses[i]
  double* losses;              ///< [images]
  T* gradient = nullptr;       ///< null if not needed
};

/// Computes in double, one channel of an image per thread. The result does not depend on the number of threads.
template <class T>
void total_variation_loss(const TotalVariationTask<T>& task);

}  // namespace perdita::kernels
