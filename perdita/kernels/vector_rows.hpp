// The driver of losses that compare vectors. Such a formula says what is summed over the components i of a row's
// vectors x_1, x_2, ..., and what the loss is of these sums and, where there is one, the row's target t:
//     s_j = sum_i term_j(x_1[i], x_2[i], ...),    L = value(s_1, s_2, ..., t),
//     dL/dx_k[i] = sum_j dL/ds_j dterm_j/dx_k (x_1[i], x_2[i], ...).
// Rows are taken in groups that stay in cache: first their sums, then L and dL/ds_j of several rows at once, in double,
// then the gradients. Short rows are taken one a lane.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

/// What a pass reads and writes; null for what is not wanted.
template <class T, int vector_count>
struct VectorRowsTask {
  std::array<const T*, vector_count> vectors{};  ///< each [rows, size], dense
  std::int64_t rows = 0, size = 0;
  const T* targets = nullptr;  ///< [rows], for a formula that has_target

  std::array<T*, vector_count> gradients{};  ///< scale * dL/dx_k; none of the vectors
  double scale = 1;
  T* losses = nullptr;  ///< L of each row
};

namespace detail {

template <class Formula, class T>
struct VectorRowsKernel {
  using Task = VectorRowsTask<T, Formula::vectors>;
  static constexpr std::int64_t most_rows = 64;
  static constexpr auto each_vector = std::make_integer_sequence<int, Formula::vectors>{};
  static constexpr auto each_sum = std::make_integer_sequence<int, Formula::sums>{};

  /// Whether terms are computed in double already, each of them exact: for losses in which the sums cancel.
  static constexpr bool widens = Formula::sums_in_double && sizeof(T) < sizeof(double);
  template <class P>
  using Halves = Pack<double, widens ? P::lanes / 2 : P::lanes>;
  template <class P>
  using TermSum = PackSum<std::conditional_t<widens, Halves<P>, P>>;

  /// One number a row for each sum.
  using OfSums = double[Formula::sums][most_rows];

  static bool takes_tiles(const Task& task) { return 0 < task.size && task.size < 16; }
  /// A tile of each vector, and one of rows side by side.
  static std::size_t scratch_bytes(const Task& task) {
    if (!takes_tiles(task)) return 0;
    const std::int64_t elements = Formula::vectors * tile_elements(task.size) + side_by_side_elements(task.size);
    return static_cast<std::size_t>(elements) * sizeof(T);
  }

  /// The sum of the losses of the rows [begin, end).
  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, Task task, std::int64_t begin, std::int64_t end, T* scratch,
                                   bool streaming) const {
    using P = typename Target::template pack<T>;
    using Wide = typename Target::template pack<double>;
    constexpr std::int64_t group_size = 2048;  // components of each vector
    const bool in_tiles = takes_tiles(task);
    const std::int64_t group =
        in_tiles ? P::lanes : std::clamp<std::int64_t>(group_size / std::max<std::int64_t>(task.size, 1), 1, most_rows);
    bool wants_gradient = false;
    for (const T* gradient : task.gradients) wants_gradient |= gradient != nullptr;

    OfSums sums, slopes;
    double total = 0;
    for (std::int64_t first = begin; first < end; first += group) {
      const std::int64_t count = std::min(group, end - first);
      if (in_tiles)
        add_terms_of_tiles<P>(formula, task, first, count, scratch, sums);
      else
        add_terms<P>(formula, task, first, count, sums);
      total += evaluate<Wide>(formula, task, first, count, sums, slopes, wants_gradient);
      if (!wants_gradient) continue;
      if (in_tiles)
        write_gradients_of_tiles<P>(formula, task, first, count, scratch, slopes, streaming);
      else
        write_gradients<P>(formula, task, first, count, slopes, streaming);
    }
    if (streaming) perdita::detail::end_streaming();
    return total;
  }

 private:
  /// Operand k of a call in which operand `active` carries a derivative.
  template <int active, int k, class V>
  PERDITA_INLINE static auto operand(const V& x) {
    if constexpr (k == active)
      return Dual<V>{x, V(1.0)};
    else
      return x;
  }
  static constexpr int none = -1;

  template <int j, int active, class P, int... k>
  PERDITA_INLINE static auto term(const Formula& formula, const P* x, std::integer_sequence<int, k...>) {
    return formula.template term<j>(operand<active, k>(x[k])...);
  }

  template <class P, class Load, int... k>
  PERDITA_INLINE static void load_each(P* x, const Load& load, std::integer_sequence<int, k...>) {
    ((x[k] = load(k)), ...);
  }

  template <class P, class Use, int... j>
  PERDITA_INLINE static void add_each(const Formula& formula, const P* x, const Use& use,
                                      std::integer_sequence<int, j...>) {
    (use(j, term<j, none>(formula, x, each_vector)), ...);
  }

  // Loops over arrays of packs are unrolled too late for these to live in registers: hence sequences.
  template <class Sum, int... j>
  PERDITA_INLINE static void fold_each(Sum* sum, std::integer_sequence<int, j...>) {
    (sum[j].fold(), ...);
  }

  template <class P>
  PERDITA_INLINE static void add_terms(const Formula& formula, const Task& task, std::int64_t first, std::int64_t count,
                                       OfSums& sums) {
    constexpr std::int64_t stretch = 8 * P::lanes;  // short: as many roundings in T as a sum of eight
    const std::int64_t whole = task.size / P::lanes * P::lanes;
    const auto rest = static_cast<std::size_t>(task.size - whole);
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t row = (first + r) * task.size;
      TermSum<P> sum[Formula::sums];
      P x[Formula::vectors];
      for (std::int64_t i = 0; i < whole;) {
        for (const std::int64_t stop = std::min(whole, i + stretch); i < stop; i += P::lanes) {
          load_each(
              x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load(task.vectors[k] + row + i); }, each_vector);
          add_terms_of<P>(formula, x, P::lanes, sum);
        }
        fold_each(sum, each_sum);
      }
      if (rest > 0) {
        load_each(
            x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load_first(task.vectors[k] + row + whole, rest); },
            each_vector);
        add_terms_of<P>(formula, x, rest, sum);
      }
      for (int j = 0; j < Formula::sums; ++j) sums[j][r] = sum[j].total();
    }
  }

  /// Adds the terms of the first `present` lanes.
  template <class P>
  PERDITA_INLINE static void add_terms_of(const Formula& formula, const P* x, std::size_t present, TermSum<P>* sum) {
    if constexpr (widens) {
      constexpr std::size_t half = P::lanes / 2;
      Halves<P> low[Formula::vectors], high[Formula::vectors];
      widen_each(x, low, high, each_vector);
      add_lanes(formula, low, std::min(present, half), sum);
      if (present > half) add_lanes(formula, high, present - half, sum);
    } else {
      add_lanes(formula, x, present, sum);
    }
  }
  template <class V, class Sum>
  PERDITA_INLINE static void add_lanes(const Formula& formula, const V* x, std::size_t present, Sum* sum) {
    if (present == V::lanes) {
      add_each(
          formula, x, [&](int j, const V& value) PERDITA_INLINE_LAMBDA { sum[j].add(value); }, each_sum);
      return;
    }
    const auto is_inside = lane_numbers<V>() < V(static_cast<double>(present));
    add_each(
        formula, x, [&](int j, const V& value) PERDITA_INLINE_LAMBDA { sum[j].add(zero_unless(is_inside, value)); },
        each_sum);
  }
  template <class P, int... k>
  PERDITA_INLINE static void widen_each(const P* x, Halves<P>* low, Halves<P>* high, std::integer_sequence<int, k...>) {
    ((low[k] = widened(low_half(x[k])), high[k] = widened(high_half(x[k]))), ...);
  }

  template <class V>
  PERDITA_INLINE static V lane_numbers() {
    V numbers;
    for (int lane = 0; lane < V::lanes; ++lane) numbers.raw[lane] = static_cast<typename V::value_type>(lane);
    return numbers;
  }

  template <class P>
  PERDITA_INLINE static void add_terms_of_tiles(const Formula& formula, const Task& task, std::int64_t first,
                                                std::int64_t count, T* scratch, OfSums& sums) {
    const std::int64_t size = task.size, tile = tile_elements(size), available = (task.rows - first) * size;
    for (int k = 0; k < Formula::vectors; ++k)
      read_tile<P>(task.vectors[k] + first * size, size, count, available, scratch + k * tile,
                   scratch + Formula::vectors * tile);
    LaneSums<P> sum[Formula::sums];
    P x[Formula::vectors];
    for (std::int64_t i = 0; i < size;) {
      for (const std::int64_t stop = std::min<std::int64_t>(size, i + 8); i < stop; ++i) {
        load_each(
            x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load(scratch + k * tile + i * P::lanes); }, each_vector);
        add_lane_terms<P>(formula, x, sum, each_sum);
      }
      fold_each(sum, each_sum);
    }
    for (int j = 0; j < Formula::sums; ++j) sum[j].store(sums[j]);
  }

  template <class P, int... j>
  PERDITA_INLINE static void add_lane_terms(const Formula& formula, const P* x, LaneSums<P>* sum,
                                            std::integer_sequence<int, j...>) {
    if constexpr (widens) {
      Halves<P> low[Formula::vectors], high[Formula::vectors];
      widen_each(x, low, high, each_vector);
      (sum[j].add(term<j, none>(formula, low, each_vector), term<j, none>(formula, high, each_vector)), ...);
    } else {
      (sum[j].add(term<j, none>(formula, x, each_vector)), ...);
    }
  }

  template <int active, class V, int... j>
  PERDITA_INLINE static auto value_of(const Formula& formula, const V* s, const V& t,
                                      std::integer_sequence<int, j...>) {
    if constexpr (Formula::has_target)
      return formula.value(operand<active, j>(s[j])..., t);
    else
      return formula.value(operand<active, j>(s[j])...);
  }

  template <class V, int... j>
  PERDITA_INLINE static void slopes_of(const Formula& formula, const V* s, const V& t, V* slopes,
                                       std::integer_sequence<int, j...>) {
    ((slopes[j] = value_of<j>(formula, s, t, each_sum).d), ...);
  }

  /// L of each row, and scale * dL/ds_j into `slopes`; returns the sum of L.
  template <class Wide>
  PERDITA_INLINE static double evaluate(const Formula& formula, const Task& task, std::int64_t first,
                                        std::int64_t count, const OfSums& sums, OfSums& slopes, bool wants_gradient) {
    double total = 0;
    for (std::int64_t r = 0; r < count; r += Wide::lanes) {
      const auto present = static_cast<std::size_t>(std::min<std::int64_t>(Wide::lanes, count - r));
      Wide s[Formula::sums], t(0.0);
      for (int j = 0; j < Formula::sums; ++j) {
        // Idle lanes repeat a row that is there, so that they compute nothing exceptional.
        s[j] = present == Wide::lanes ? Wide::load(sums[j] + r) : Wide::load_first(sums[j] + r, present, sums[j][r]);
      }
      if constexpr (Formula::has_target) {
        for (std::size_t lane = 0; lane < present; ++lane)
          t.raw[lane] = static_cast<double>(task.targets[first + r + static_cast<std::int64_t>(lane)]);
      }
      const Wide value = value_of<none>(formula, s, t, each_sum);
      for (std::size_t lane = 0; lane < present; ++lane) {
        const double loss = value[static_cast<int>(lane)];
        total += loss;
        if (task.losses) task.losses[first + r + static_cast<std::int64_t>(lane)] = static_cast<T>(loss);
      }
      if (!wants_gradient) continue;
      Wide slope[Formula::sums];
      slopes_of(formula, s, t, slope, each_sum);
      for (int j = 0; j < Formula::sums; ++j) (slope[j] * task.scale).store(slopes[j] + r);
    }
    return total;
  }

  /// Adds slope * dterm_j/dx_k to `gradient`, where the term depends on x_k.
  template <int j, int k, class P>
  PERDITA_INLINE static void add_slope(const Formula& formula, const P* x, const P* slopes, P& gradient) {
    const auto value = term<j, k>(formula, x, each_vector);
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Dual<P>>)
      gradient = gradient + slopes[j] * value.d;
  }
  template <int k, class P, int... j>
  PERDITA_INLINE static P gradient_by(const Formula& formula, const P* x, const P* slopes,
                                      std::integer_sequence<int, j...>) {
    P gradient(0.0);
    (add_slope<j, k>(formula, x, slopes, gradient), ...);
    return gradient;
  }
  template <class P, class Write, int... k>
  PERDITA_INLINE static void write_each(const Formula& formula, const Task& task, const P* x, const P* slopes,
                                        const Write& write, std::integer_sequence<int, k...>) {
    ((task.gradients[k] ? write(task.gradients[k], gradient_by<k>(formula, x, slopes, each_sum)) : void()), ...);
  }

  template <class P>
  PERDITA_INLINE static void write_gradients(const Formula& formula, const Task& task, std::int64_t first,
                                             std::int64_t count, const OfSums& row_slopes, bool streaming) {
    const std::int64_t whole = task.size / P::lanes * P::lanes;
    const auto rest = static_cast<std::size_t>(task.size - whole);
    P x[Formula::vectors], slopes[Formula::sums];
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t row = (first + r) * task.size;
      for (int j = 0; j < Formula::sums; ++j) slopes[j] = P(row_slopes[j][r]);
      for (std::int64_t i = row; i < row + whole; i += P::lanes) {
        load_each(
            x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load(task.vectors[k] + i); }, each_vector);
        const auto write = [&](T* to, const P& gradient) PERDITA_INLINE_LAMBDA {
          if (streaming)
            perdita::detail::stream_pack(to + i, gradient);
          else
            gradient.store(to + i);
        };
        write_each(formula, task, x, slopes, write, each_vector);
      }
      if (rest == 0) continue;
      const std::int64_t i = row + whole;
      load_each(
          x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load_first(task.vectors[k] + i, rest); }, each_vector);
      const auto write = [&](T* to, const P& gradient) PERDITA_INLINE_LAMBDA { gradient.store_first(to + i, rest); };
      write_each(formula, task, x, slopes, write, each_vector);
    }
  }

  /// The tiles hold the vectors still, and the gradients afterwards.
  template <class P>
  PERDITA_INLINE static void write_gradients_of_tiles(const Formula& formula, const Task& task, std::int64_t first,
                                                      std::int64_t count, T* scratch, const OfSums& row_slopes,
                                                      bool streaming) {
    const std::int64_t size = task.size, tile = tile_elements(size);
    P x[Formula::vectors], slopes[Formula::sums];
    for (int j = 0; j < Formula::sums; ++j) {
      T of_lanes[P::lanes] = {};
      for (std::int64_t lane = 0; lane < count; ++lane) of_lanes[lane] = static_cast<T>(row_slopes[j][lane]);
      slopes[j] = P::load(of_lanes);
    }
    for (std::int64_t i = 0; i < size; ++i) {
      load_each(
          x, [&](int k) PERDITA_INLINE_LAMBDA { return P::load(scratch + k * tile + i * P::lanes); }, each_vector);
      store_each(formula, x, slopes, scratch + i * P::lanes, tile, each_vector);
    }
    for (int k = 0; k < Formula::vectors; ++k) {
      if (task.gradients[k])
        write_tile<P>(scratch + k * tile, size, count, task.gradients[k] + first * size,
                      scratch + Formula::vectors * tile, streaming);
    }
  }
  template <class P, int... k>
  PERDITA_INLINE static void store_each(const Formula& formula, const P* x, const P* slopes, T* to, std::int64_t tile,
                                        std::integer_sequence<int, k...>) {
    (gradient_by<k>(formula, x, slopes, each_sum).store(to + k * tile), ...);
  }
};

/// Whether every gradient is large, and every row of it aligned.
template <class Formula, class T>
bool is_worth_streaming(const VectorRowsTask<T, Formula::vectors>& task) {
  const auto row_bytes = static_cast<std::size_t>(task.size) * sizeof(T);
  const std::size_t bytes = static_cast<std::size_t>(task.rows) * row_bytes;
  // A tile of rows is as aligned as its lanes.
  return (row_bytes % 16 == 0 || VectorRowsKernel<Formula, T>::takes_tiles(task)) &&
         std::ranges::all_of(task.gradients, [&](const T* gradient) {
           return !gradient || perdita::detail::is_worth_streaming(gradient, bytes);
         });
}

}  // namespace detail

/// Computes the loss of every row; returns the sum of the losses. Sums and results do not depend on threads. Vectors
/// without components have sums of 0.
template <class Formula, class T>
double vector_rows_loss(const Formula& formula, const VectorRowsTask<T, Formula::vectors>& task) {
  using Kernel = detail::VectorRowsKernel<Formula, T>;
  std::int64_t per_block = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(task.size, 1));
  if (Kernel::takes_tiles(task)) per_block = std::max(most_lanes, per_block / most_lanes * most_lanes);
  const bool streaming = detail::is_worth_streaming<Formula, T>(task);
  return sum_over_blocks(task.rows, per_block, [&](std::int64_t begin, std::int64_t end) {
    const std::size_t bytes = Kernel::scratch_bytes(task);
    const Buffer scratch = bytes ? Buffer::allocate(bytes) : Buffer();
    return run(Kernel{}, formula, task, begin, end, static_cast<T*>(scratch.data()), streaming);
  });
}

}  // namespace perdita::kernels
