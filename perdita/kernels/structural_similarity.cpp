#include "perdita/kernels/structural_similarity.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/kernels/channels.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/math/isa.hpp"
#include "perdita/math/pack.hpp"

namespace perdita::kernels {

namespace {

/// A map of the numbers of a plane, in rows of its width. Windows that begin in the last columns of a row extend into
/// the next one: their results are computed, but not used. Zeros in front of the map and behind it take the place of
/// what such windows, and the last packs of a loop, read there.
class Map {
 public:
  Map(std::int64_t before, std::int64_t count, std::int64_t after)
      : buffer_(Buffer::allocate(static_cast<std::size_t>(before + count + after) * sizeof(double))), first_(before) {
    std::fill_n(static_cast<double*>(buffer_.data()), before + count + after, 0.0);
  }
  double* data() { return static_cast<double*>(buffer_.data()) + first_; }
  const double* data() const { return static_cast<const double*>(buffer_.data()) + first_; }

 private:
  Buffer buffer_;  // of the cache: memory of the system costs more than all sums
  std::int64_t first_;
};

/// Packs that a loop over windows computes at a time, since each is a chain of sums.
constexpr int packs = 4;

struct Window {
  const double* weights;
  std::int64_t size;
  std::int64_t step;  ///< between its numbers: 1 along a row, the width along a column
};

/// Means and variances of `count` windows of numbers that have means and variances (0 without them) themselves.
struct WindowMomentsKernel {
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, Window w, std::int64_t count, const double* means, const double* variances,
                                 double* mean, double* variance) const {
    using P = typename AnyTarget::template pack<double>;
    for (std::int64_t i = 0; i < count; i += packs * P::lanes) {
      std::array<P, packs> m{}, v{};
      for (int p = 0; p < packs; ++p) m[p] = v[p] = P(0.0);
      for (std::int64_t k = 0; k < w.size; ++k) {
        const P weight(w.weights[k]);
        const double* const from = means + i + k * w.step;
        for (int p = 0; p < packs; ++p) m[p] = m[p] + weight * P::load(from + p * P::lanes);
      }
      for (std::int64_t k = 0; k < w.size; ++k) {
        const P weight(w.weights[k]);
        const std::int64_t at = i + k * w.step;
        for (int p = 0; p < packs; ++p) {
          const P difference = P::load(means + at + p * P::lanes) - m[p];
          P term = difference * difference;
          if (variances) term = term + P::load(variances + at + p * P::lanes);
          v[p] = v[p] + weight * term;
        }
      }
      for (int p = 0; p < packs; ++p) {
        m[p].store(mean + i + p * P::lanes);
        v[p].store(variance + i + p * P::lanes);
      }
    }
  }
};

/// The derivatives of means and variances of windows, passed on to `count` of their numbers.
struct MomentSlopes {
  const double *mean, *mean_slope, *variance_slope;  ///< of the windows
};
struct WindowSlopesKernel {
  template <class AnyTarget>
  PERDITA_INLINE void operator()(AnyTarget, Window w, std::int64_t count, const double* means, MomentSlopes of,
                                 double* means_slope, double* variances_slope) const {
    using P = typename AnyTarget::template pack<double>;
    for (std::int64_t i = 0; i < count; i += packs * P::lanes) {
      std::array<P, packs> number{}, by_mean{}, by_variance{};
      for (int p = 0; p < packs; ++p) {
        number[p] = P::load(means + i + p * P::lanes);
        by_mean[p] = by_variance[p] = P(0.0);
      }
      for (std::int64_t k = 0; k < w.size; ++k) {
        const P weight(w.weights[k]);
        for (int p = 0; p < packs; ++p) {
          const std::int64_t at = i - k * w.step + p * P::lanes;
          const P slope = weight * P::load(of.variance_slope + at);
          // The derivative of a variance with respect to the mean that it is taken around is 0.
          by_mean[p] = by_mean[p] + weight * P::load(of.mean_slope + at);
          by_mean[p] = by_mean[p] + 2.0 * slope * (number[p] - P::load(of.mean + at));
          by_variance[p] = by_variance[p] + slope;
        }
      }
      for (int p = 0; p < packs; ++p) {
        by_mean[p].store(means_slope + i + p * P::lanes);
        if (variances_slope) by_variance[p].store(variances_slope + i + p * P::lanes);
      }
    }
  }
};

/// The moments of a sum or a difference of images. If `gradient`, the derivatives with respect to variances replace
/// these.
struct Moments {
  double *mean, *variance, *mean_slope;
};
struct SimilarityKernel {
  /// The sum of the losses, and their derivatives with respect to the moments. shift: see Plane.
  template <class AnyTarget>
  PERDITA_INLINE double operator()(AnyTarget, std::int64_t count, Moments s, double shift, Moments d, double c1,
                                   double c2, bool structure_only, bool gradient) const {
    using P = typename AnyTarget::template pack<double>;
    constexpr auto lanes = static_cast<std::size_t>(P::lanes);
    P sum(0.0);
    for (std::int64_t i = 0; i < count; i += P::lanes) {
      // Lanes behind the last position read zeros, of which the loss is 0.
      const auto left = std::min(lanes, static_cast<std::size_t>(count - i));
      const auto load = [&](const double* p) PERDITA_INLINE_LAMBDA {
        return left == lanes ? P::load(p + i) : P::load_first(p + i, left);
      };
      const P ms = load(s.mean) + shift, md = load(d.mean), vs = load(s.variance), vd = load(d.variance);
      const P by_means = 1.0 / (ms * ms + md * md + 2.0 * c1), by_variances = 1.0 / (vs + vd + 2.0 * c2);
      const P a = structure_only ? P(0.0) : 2.0 * md * md * by_means, b = 2.0 * vd * by_variances;
      sum = sum + (a + b * (1.0 - a));
      if (!gradient) continue;
      const auto store = [&](const P& x, double* p)
                             PERDITA_INLINE_LAMBDA { left == lanes ? x.store(p + i) : x.store_first(p + i, left); };
      const P of_means = structure_only ? P(0.0) : 2.0 * by_means * (1.0 - b);
      store(-a * ms * of_means, s.mean_slope);
      store(md * (2.0 - a) * of_means, d.mean_slope);
      store(-b * by_variances * (1.0 - a), s.variance);
      store((2.0 - b) * by_variances * (1.0 - a), d.variance);
    }
    return horizontal_sum(sum);
  }
};

/// The sum or the difference of two channels: its moments by rows and by windows, then the derivatives with respect to
/// them.
struct Signal {
  Map values, row_mean, row_variance, mean, variance, mean_slope, slope;
};

/// One channel of two images.
template <class T>
class Plane {
 public:
  Plane(const SsimTask<T>& task, std::int64_t plane)
      : task_(task),
        offset_(plane * task.height * task.width),
        size_(std::ssize(task.window)),
        height_(task.height + 2 * task.padding),
        width_(task.width + 2 * task.padding),
        rows_(height_ - size_ + 1),
        columns_(width_ - size_ + 1),
        sum_(signal()),
        difference_(signal()) {
    read();
  }

  double positions() const { return static_cast<double>(rows_) * static_cast<double>(columns_); }

  /// The mean loss of the positions.
  double loss() {
    for (Signal* x : {&sum_, &difference_}) {
      run(WindowMomentsKernel{}, by_row(), height_ * width_, std::as_const(x->values).data(),
          static_cast<const double*>(nullptr), x->row_mean.data(), x->row_variance.data());
      run(WindowMomentsKernel{}, by_column(), rows_ * width_, std::as_const(x->row_mean).data(),
          std::as_const(x->row_variance).data(), x->mean.data(), x->variance.data());
    }
    double total = 0;
    for (std::int64_t row = 0; row < rows_; ++row) {
      const auto moments = [&](Signal& x) {
        return Moments{x.mean.data() + row * width_, x.variance.data() + row * width_,
                       x.mean_slope.data() + row * width_};
      };
      total += run(SimilarityKernel{}, columns_, moments(sum_), shift_, moments(difference_), task_.c1, task_.c2,
                   task_.structure_only, wants_gradient());
    }
    return total / positions();
  }

  bool wants_gradient() const { return task_.input_gradient || task_.target_gradient; }

  /// After loss(): writes the gradients of factor times the sum of the losses of the positions.
  void write_gradients(double factor) {
    if (factor == 0) {
      for (T* gradient : {task_.input_gradient, task_.target_gradient})
        if (gradient) std::fill_n(gradient + offset_, task_.height * task_.width, T(0));
      return;
    }
    for (Signal* x : {&sum_, &difference_}) {
      clear_outside(x->mean, rows_);
      clear_outside(x->variance, rows_);
      clear_outside(x->row_mean, height_);
      Map row_slope = map();
      run(WindowSlopesKernel{}, by_column(), height_ * width_, std::as_const(x->row_mean).data(),
          MomentSlopes{x->mean.data(), x->mean_slope.data(), x->variance.data()}, row_slope.data(),
          x->row_variance.data());
      run(WindowSlopesKernel{}, by_row(), height_ * width_, std::as_const(x->values).data(),
          MomentSlopes{x->row_mean.data(), row_slope.data(), x->row_variance.data()}, x->slope.data(),
          static_cast<double*>(nullptr));
    }
    factor *= task_.scale;
    if (task_.input_gradient) write_gradient(factor, 1, task_.input_gradient + offset_);
    if (task_.target_gradient) write_gradient(factor, -1, task_.target_gradient + offset_);
  }

 private:
  Window by_row() const { return {task_.window.data(), size_, 1}; }
  Window by_column() const { return {task_.window.data(), size_, width_}; }
  Map map() const { return Map((size_ - 1) * width_, height_ * width_, size_ + packs * most_lanes); }
  Map slope_map() const { return wants_gradient() ? map() : Map(0, 0, 0); }
  Signal signal() const { return {map(), map(), map(), map(), map(), slope_map(), slope_map()}; }

  /// Clears what is not of a window inside the plane, of which all derivatives are 0.
  void clear_outside(Map& map, std::int64_t rows) const {
    for (std::int64_t row = 0; row < rows; ++row)
      std::fill(map.data() + row * width_ + columns_, map.data() + (row + 1) * width_, 0.0);
    std::fill(map.data() + rows * width_, map.data() + height_ * width_, 0.0);
  }

  /// The index in an image of `size` of an index in the extended image.
  std::int64_t reflected(std::int64_t i, std::int64_t size) const {
    const std::int64_t at = i < task_.padding ? task_.padding - i : i - task_.padding;
    return at < size ? at : 2 * (size - 1) - at;
  }

  /// visit(index in the image, index in the extended image), for all pixels of the latter.
  template <class Visit>
  void each_pixel(const Visit& visit) const {
    for (std::int64_t row = 0; row < height_; ++row) {
      const std::int64_t from = reflected(row, task_.height) * task_.width, to = row * width_;
      for (std::int64_t column = 0; column < width_; ++column)
        visit(from + reflected(column, task_.width), to + column);
    }
  }

  void read() {
    const std::int64_t center = offset_ + task_.height / 2 * task_.width + task_.width / 2;
    const double brightness = task_.scale * static_cast<double>(task_.input[center]) +
                              task_.scale * static_cast<double>(task_.target[center]);
    if (std::isfinite(brightness)) shift_ = brightness;
    double *const sum = sum_.values.data(), *const difference = difference_.values.data();
    each_pixel([&](std::int64_t from, std::int64_t to) {
      const double x = task_.scale * static_cast<double>(task_.input[offset_ + from]);
      const double y = task_.scale * static_cast<double>(task_.target[offset_ + from]);
      sum[to] = x + y - shift_;
      difference[to] = x - y;
    });
  }

  void write_gradient(double factor, double sign, T* gradient) const {
    std::vector<double> total(static_cast<std::size_t>(task_.height * task_.width));
    const double *const by_sum = sum_.slope.data(), *const by_difference = difference_.slope.data();
    each_pixel([&](std::int64_t to, std::int64_t from) {
      total[static_cast<std::size_t>(to)] += by_sum[from] + sign * by_difference[from];
    });
    std::transform(total.begin(), total.end(), gradient, [&](double x) { return static_cast<T>(factor * x); });
  }

  const SsimTask<T>& task_;
  std::int64_t offset_, size_, height_, width_;
  std::int64_t rows_, columns_;  ///< of positions
  double shift_ = 0;             ///< by which the values of the sum are reduced
  Signal sum_, difference_;
};

}  // namespace

template <class T>
void ssim_loss(const SsimTask<T>& task) {
  std::vector<double> losses(static_cast<std::size_t>(task.images * task.channels));
  const auto channels = static_cast<double>(task.channels);
  parallel_for(task.images * task.channels, [&](std::int64_t i) {
    Plane<T> plane(task, i);
    losses[static_cast<std::size_t>(i)] = plane.loss() / channels;
    if (plane.wants_gradient())
      plane.write_gradients(task.coefficients[i / task.channels] / (channels * plane.positions()));
  });
  sum_channels(losses, task.channels, task.losses);
}

template void ssim_loss(const SsimTask<float>&);
template void ssim_loss(const SsimTask<double>&);

}  // namespace perdita::kernels
