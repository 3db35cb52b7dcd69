// Structural similarity of images, with its gradients.
//
// A signal x has the mean m = sum_i w_i x_i and the variance v = sum_i w_i (x_i - m)^2 in a window. In terms of the sum
// s = x + y and the difference d = x - y of two images, 1 minus their similarity is
//     a + b - a b,   a = 2 m_d^2 / (m_s^2 + m_d^2 + 2 C1),   b = 2 v_d / (v_s + v_d + 2 C2),
// because m_x^2 + m_y^2 = (m_s^2 + m_d^2) / 2, and the covariance is (v_s - v_d) / 4. No term is a difference of
// numbers that are almost equal: images that are nearly the same keep the digits of their loss, and equal ones lose 0.
//
// The textbook form of a variance, sum_i w_i x_i^2 - m^2, cancels where a patch is bright and flat. The window is a
// product of a row and a column, so that the variance is separable without this form. With mean m_r and variance v_r of
// the row r of the window,
//     v = sum_r w_r (v_r + (m_r - m)^2),
// a sum of numbers that are not negative. The gradient consists of differences from means, too. The roundoff of these
// means is that of the brightness of a whole image unless it is subtracted, so s is reduced by its value at one pixel.
#pragma once

#include <cstdint>
#include <span>

namespace perdita::kernels {

/// Dense arrays [images, channels, height, width]; after padding, height and width are at least the window's size.
template <class T>
struct SsimTask {
  const T* input;
  const T* target;
  std::int64_t images, channels, height, width;
  std::span<const double> window;  ///< weights of a row or column of the window, with the sum 1
  std::int64_t padding;            ///< pixels by which images are extended by reflection, less than height and width
  double scale;                    ///< multiplies the images
  double c1, c2;                   ///< of the scaled images
  bool structure_only = false;     ///< the losses are the means of b: contrast and structure without the means
  const double* coefficients;      ///< [images]: gradients are those of the sum of coefficients[i] losses[i]
  double* losses;                  ///< [images]
  T* input_gradient = nullptr;     ///< null if not needed
  T* target_gradient = nullptr;
};

/// Computes in double, one channel of an image per thread, which stores up to 16 doubles per pixel of the channel. The
/// result does not depend on the number of threads.
template <class T>
void ssim_loss(const SsimTask<T>& task);

}  // namespace perdita::kernels
