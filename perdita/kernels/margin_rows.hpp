// The driver of losses that compare scores within a row. A loss of this kind is a formula f of a difference, summed
// over the row's own classes j, of which there may be several, and all other classes i:
//     L = w / C sum_j sum_i f(z_i - z_j),
//     dL/dz_i = w / C sum_j f'(z_i - z_j),    dL/dz_j = -w / C sum_i f'(z_i - z_j),
// where z are the C scores. A class that is listed twice counts twice. A row is read from memory once. Rows of few
// classes are taken one a lane.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// What a pass reads and writes; null for what is not wanted.
template <class T>
struct MarginRowsTask {
  const T* scores = nullptr;  ///< [rows, classes], dense
  std::int64_t rows = 0, classes = 0;
  const std::int32_t* labels = nullptr;  ///< own classes, of one row after the other
  const std::int64_t* ends = nullptr;    ///< where in `labels` those of each row end; null where each row has one
  const T* class_weights = nullptr;      ///< with one label a row: w, one for each class; null for ones

  T* gradient = nullptr;  ///< scale * dL/dz; not the scores
  double scale = 1;
  T* losses = nullptr;  ///< L of each row
};

namespace detail {

template <class Formula, class T>
struct MarginRowsKernel {
  static bool takes_tiles(const MarginRowsTask<T>& task) { return task.classes <= 32; }
  /// Room for what the kernel keeps. Of a row: which classes are others, and the own classes' slopes. Of a tile: its
  /// scores, slopes and others, its rows side by side, and its own classes' slopes.
  static std::size_t scratch_bytes(const MarginRowsTask<T>& task) {
    const std::int64_t classes = task.classes;
    const auto doubles = static_cast<std::size_t>(takes_tiles(task) ? classes * most_lanes : classes);
    const auto elements = static_cast<std::size_t>(
        takes_tiles(task) ? 3 * tile_elements(classes) + side_by_side_elements(classes) : classes);
    return doubles * sizeof(double) + elements * sizeof(T);
  }

  /// The sum of the losses of the rows [begin, end).
  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, MarginRowsTask<T> task, std::int64_t begin,
                                   std::int64_t end, double* scratch, bool streaming) const {
    using P = typename Target::template pack<T>;
    double total = 0;
    if (takes_tiles(task)) {
      for (std::int64_t row = begin; row < end; row += P::lanes)
        total += tile_of_rows<P>(formula, task, row, std::min<std::int64_t>(P::lanes, end - row), scratch, streaming);
    } else {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* const scores = task.scores + row * task.classes;
        T* const gradient = task.gradient ? task.gradient + row * task.classes : nullptr;
        const double loss = task.ends ? listed_row<P>(formula, task, row, scores, gradient, scratch)
                                      : labelled_row<P>(formula, task, row, scores, gradient, streaming);
        total += loss;
        if (task.losses) task.losses[row] = static_cast<T>(loss);
      }
    }
    if (streaming) perdita::detail::end_streaming();
    return total;
  }

 private:
  struct Sums {
    double value, slope;
  };

  template <class P>
  PERDITA_INLINE static P lane_numbers() {
    P numbers;
    for (int lane = 0; lane < P::lanes; ++lane) numbers.raw[lane] = static_cast<T>(lane);
    return numbers;
  }

  /// f and f' of the differences to `own`, summed over the classes that is_other(k) shows, from class k on, a pack at a
  /// time. use(k, slopes, count) takes each pack's slopes; those of own classes are 0.
  template <class P, class IsOther, class Use>
  PERDITA_INLINE static Sums compare(const Formula& formula, const T* scores, std::int64_t classes, T own,
                                     const IsOther& is_other, const Use& use) {
    constexpr std::int64_t stretch = 8 * P::lanes;
    const std::int64_t whole = classes / P::lanes * P::lanes;
    const P subtracted(static_cast<double>(own));
    PackSum<P> values, slopes;
    const auto take = [&](std::int64_t k, const P& z, const auto& counts, auto count) PERDITA_INLINE_LAMBDA {
      const Dual<P> result = formula(Dual<P>{z - subtracted, P(1.0)});
      const P slope = zero_unless(counts, result.d);
      values.add(zero_unless(counts, result.v));
      slopes.add(slope);
      use(k, slope, count);
    };
    constexpr std::integral_constant<std::size_t, P::lanes> all;
    for (std::int64_t k = 0; k < whole;) {
      for (const std::int64_t stop = std::min(whole, k + stretch); k < stop; k += P::lanes)
        take(k, P::load(scores + k), is_other(k, all), all);
      values.fold();
      slopes.fold();
    }
    if (whole < classes) {
      const auto rest = static_cast<std::size_t>(classes - whole);
      const auto is_inside = lane_numbers<P>() < P(static_cast<double>(rest));
      take(whole, P::load_first(scores + whole, rest), is_other(whole, rest) & is_inside, rest);
    }
    return {values.total(), slopes.total()};
  }

  template <class P>
  PERDITA_INLINE static void write(T* to, const P& pack, std::integral_constant<std::size_t, P::lanes>) {
    pack.store(to);
  }
  template <class P>
  PERDITA_INLINE static void write(T* to, const P& pack, std::size_t count) {
    pack.store_first(to, count);
  }

  PERDITA_INLINE static std::span<const std::int32_t> own_classes(const MarginRowsTask<T>& task, std::int64_t row) {
    if (!task.ends) return {task.labels + row, 1};
    const std::int64_t begin = row > 0 ? task.ends[row - 1] : 0;
    return {task.labels + begin, static_cast<std::size_t>(task.ends[row] - begin)};
  }

  template <class P>
  PERDITA_INLINE static double labelled_row(const Formula& formula, const MarginRowsTask<T>& task, std::int64_t row,
                                            const T* scores, T* gradient, bool streaming) {
    const std::int64_t classes = task.classes, label = task.labels[row];
    const double weight = task.class_weights ? static_cast<double>(task.class_weights[label]) : 1.0;
    const double share = weight / static_cast<double>(classes);
    const P factor(share * task.scale), lanes = lane_numbers<P>();
    // Far from the label the difference may be rounded, but not to a lane's number.
    const auto is_other = [&](std::int64_t k, auto)
                              PERDITA_INLINE_LAMBDA { return lanes != P(static_cast<double>(label - k)); };
    const auto use = [&](std::int64_t k, const P& slopes, auto count) PERDITA_INLINE_LAMBDA {
      if (!gradient) return;
      if constexpr (!std::is_same_v<decltype(count), std::size_t>) {
        if (streaming) return perdita::detail::stream_pack(gradient + k, slopes * factor);
      }
      write(gradient + k, slopes * factor, count);
    };
    const Sums sums = compare<P>(formula, scores, classes, scores[label], is_other, use);
    if (gradient) gradient[label] = static_cast<T>(-sums.slope * (share * task.scale));
    return sums.value * share;
  }

  template <class P>
  PERDITA_INLINE static double listed_row(const Formula& formula, const MarginRowsTask<T>& task, std::int64_t row,
                                          const T* scores, T* gradient, double* scratch) {
    const std::int64_t classes = task.classes;
    const std::span<const std::int32_t> own = own_classes(task, row);
    double* const own_slopes = scratch;
    T* const others = reinterpret_cast<T*>(scratch + classes);  // 1 for a class that is not listed, else 0
    for (std::int64_t k = 0; k < classes; ++k) others[k] = T(1);
    for (std::int32_t label : own) others[label] = T(0);
    if (gradient) {
      for (std::int64_t k = 0; k < classes; ++k) gradient[k] = T(0);
    }

    const auto is_other = [&](std::int64_t k, auto count) PERDITA_INLINE_LAMBDA {
      if constexpr (std::is_same_v<decltype(count), std::size_t>)
        return P::load_first(others + k, count) != 0.0;
      else
        return P::load(others + k) != 0.0;
    };
    const auto use = [&](std::int64_t k, const P& slopes, auto count) PERDITA_INLINE_LAMBDA {
      if (!gradient) return;
      if constexpr (std::is_same_v<decltype(count), std::size_t>)
        write(gradient + k, P::load_first(gradient + k, count) + slopes, count);
      else
        write(gradient + k, P::load(gradient + k) + slopes, count);
    };
    double value = 0;
    for (std::size_t j = 0; j < own.size(); ++j) {
      const Sums sums = compare<P>(formula, scores, classes, scores[own[j]], is_other, use);
      value += sums.value;
      own_slopes[j] = sums.slope;
    }
    const double share = 1 / static_cast<double>(classes);
    if (gradient) {
      const T factor = static_cast<T>(share * task.scale);
      for (std::int64_t k = 0; k < classes; ++k) gradient[k] *= factor;
      for (std::size_t j = 0; j < own.size(); ++j)
        gradient[own[j]] -= static_cast<T>(own_slopes[j] * (share * task.scale));
    }
    return value * share;
  }

  template <class P>
  PERDITA_INLINE static double tile_of_rows(const Formula& formula, const MarginRowsTask<T>& task, std::int64_t row,
                                            std::int64_t count, double* scratch, bool streaming) {
    const std::int64_t classes = task.classes, tile = tile_elements(classes);
    double* const own_slopes = scratch;  // [j, lane]
    T* const scores = reinterpret_cast<T*>(scratch + classes * most_lanes);
    T *const slopes = scores + tile, *const others = slopes + tile, *const rows = others + tile;
    read_tile<P>(task.scores + row * classes, classes, count, (task.rows - row) * classes, scores, rows);

    std::span<const std::int32_t> own[P::lanes];
    std::size_t longest = 0;
    for (std::int64_t k = 0; k < classes; ++k) {
      P(1.0).store(others + k * P::lanes);
      P(0.0).store(slopes + k * P::lanes);
    }
    for (std::int64_t lane = 0; lane < count; ++lane) {
      own[lane] = own_classes(task, row + lane);
      longest = std::max(longest, own[lane].size());
      for (std::int32_t label : own[lane]) others[label * P::lanes + lane] = T(0);
    }

    LaneSums<P> values;
    for (std::size_t j = 0; j < longest; ++j) {
      P own_scores(0.0), is_there(0.0);
      for (int lane = 0; lane < P::lanes; ++lane) {
        if (j >= own[lane].size()) continue;
        own_scores.raw[lane] = scores[own[lane][j] * P::lanes + lane];
        is_there.raw[lane] = T(1);
      }
      LaneSums<P> of_class;
      compare_lanes(formula, classes, scores, own_scores, is_there != 0.0, others, slopes, values, of_class);
      of_class.store(own_slopes + static_cast<std::int64_t>(j) * P::lanes);
    }
    double losses[P::lanes];
    values.store(losses);
    double total = 0;
    P factor(0.0);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      const double weight = task.class_weights ? static_cast<double>(task.class_weights[own[lane][0]]) : 1.0;
      const double share = weight / static_cast<double>(classes);
      total += losses[lane] * share;
      if (task.losses) task.losses[row + lane] = static_cast<T>(losses[lane] * share);
      factor.raw[lane] = static_cast<T>(share * task.scale);
      for (std::size_t j = 0; j < own[lane].size(); ++j)
        slopes[own[lane][j] * P::lanes + lane] -=
            static_cast<T>(own_slopes[static_cast<std::int64_t>(j) * P::lanes + lane]);
    }
    if (!task.gradient) return total;
    for (std::int64_t k = 0; k < classes; ++k) (P::load(slopes + k * P::lanes) * factor).store(slopes + k * P::lanes);
    write_tile<P>(slopes, classes, count, task.gradient + row * classes, rows, streaming);
    return total;
  }

  /// f and f' of the differences of a tile to one own score of each lane, where that is there. Adds f to `values`, and
  /// f' to `slopes` and to the slope of the own classes.
  template <class P>
  PERDITA_INLINE static void compare_lanes(const Formula& formula, std::int64_t classes, const T* scores, const P& own,
                                           const auto& is_there, const T* others, T* slopes, LaneSums<P>& values,
                                           LaneSums<P>& own_slopes) {
    for (std::int64_t k = 0; k < classes;) {
      for (const std::int64_t stop = std::min<std::int64_t>(classes, k + 8); k < stop; ++k) {
        const Dual<P> result = formula(Dual<P>{P::load(scores + k * P::lanes) - own, P(1.0)});
        const auto counts = is_there & (P::load(others + k * P::lanes) != 0.0);
        const P slope = zero_unless(counts, result.d);
        values.add(zero_unless(counts, result.v));
        own_slopes.add(slope);
        (P::load(slopes + k * P::lanes) + slope).store(slopes + k * P::lanes);
      }
      values.fold();
      own_slopes.fold();
    }
  }
};

}  // namespace detail

/// Computes the loss of every row; returns the sum of the losses. Sums and results do not depend on threads. A formula
/// may offer usual(), as for elementwise().
template <class Formula, class T>
double margin_rows_loss(const Formula& formula, const MarginRowsTask<T>& task) {
  if constexpr (requires { formula.usual(); }) {
    if (formula.is_usual()) return margin_rows_loss(formula.usual(), task);
  }
  using Kernel = detail::MarginRowsKernel<Formula, T>;
  std::int64_t per_block = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(task.classes, 1));
  if (Kernel::takes_tiles(task)) per_block = std::max(most_lanes, per_block / most_lanes * most_lanes);
  // A row's own class is written after the row itself: past the caches this is a detour, which a long row bears.
  const auto row_bytes = static_cast<std::size_t>(task.classes) * sizeof(T);
  const bool in_order = Kernel::takes_tiles(task) || (!task.ends && row_bytes % 16 == 0 && row_bytes >= 4096);
  const bool streaming =
      task.gradient && in_order &&
      perdita::detail::is_worth_streaming(task.gradient, static_cast<std::size_t>(task.rows) * row_bytes);
  return sum_over_blocks(task.rows, per_block, [&](std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(Kernel::scratch_bytes(task));
    return run(Kernel{}, formula, task, begin, end, static_cast<double*>(scratch.data()), streaming);
  });
}

}  // namespace perdita::kernels
