// Softmax losses with one row a lane: for rows of few classes, which are transposed in registers, and for classes that
// are not the last dimension, where neighbours in memory are neighbouring rows already.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/kernels/log_sum_term.hpp"
#include "perdita/kernels/row_tiles.hpp"
#include "perdita/kernels/softmax_task.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

template <class Formula, class T>
struct SoftmaxColumnsKernel {
  /// Tiles of [classes rounded up to registers, lanes] for logits, results and targets, and one of rows side by side.
  static std::size_t scratch_bytes(const SoftmaxTask<T>& task) {
    return (4 * tile_size(task) + most_lanes) * sizeof(T);
  }
  static std::size_t tile_size(const SoftmaxTask<T>& task) {
    return static_cast<std::size_t>(tile_elements(task.layout.classes));
  }

  template <class Target>
  PERDITA_INLINE double operator()(Target, Formula formula, SoftmaxTask<T> task, std::int64_t begin, std::int64_t end,
                                   T* scratch) const {
    using P = typename Target::template pack<T>;
    const ClassLayout& layout = task.layout;
    const bool streaming = layout.inner == 1 && reinterpret_cast<std::uintptr_t>(task.gradient) % 64 == 0 &&
                           perdita::detail::is_worth_streaming(
                               task.gradient, static_cast<std::size_t>(layout.rows() * layout.classes) * sizeof(T));
    PackSum<P> total;
    for (std::int64_t row = begin; row < end;) {
      // Lanes take rows that lie side by side: of one outer index, unless classes are the last dimension.
      const std::int64_t side_by_side = layout.inner == 1 ? end - row : layout.inner - row % layout.inner;
      const std::int64_t count = std::min({std::int64_t{P::lanes}, side_by_side, end - row});
      total.add(group<P>(formula, task, row, count, scratch, streaming));
      total.fold();
      row += count;
    }
    if (streaming) perdita::detail::end_streaming();
    return total.total();
  }

 private:
  /// A matrix [classes, lanes] with its rows `stride` apart.
  struct Tile {
    T* data;
    std::int64_t stride;
  };

  PERDITA_INLINE static std::int64_t offset_of(const ClassLayout& layout, std::int64_t row) {
    return row / layout.inner * layout.classes * layout.inner + row % layout.inner;
  }

  /// `count` rows from `row` on of `source` as a tile: in place where they lie so, else copied into `tile` (over
  /// `rows`, where the array ends too soon for whole registers). Lanes past `count` repeat a row.
  template <class P>
  PERDITA_INLINE static Tile read(const T* source, const ClassLayout& layout, std::int64_t row, std::int64_t count,
                                  T* tile, T* rows) {
    const T* const first = source + offset_of(layout, row);
    if (layout.inner > 1) {
      if (count == P::lanes) return {const_cast<T*>(first), layout.inner};
      for (std::int64_t k = 0; k < layout.classes; ++k) {
        for (std::int64_t lane = 0; lane < P::lanes; ++lane) {
          tile[k * P::lanes + lane] = first[k * layout.inner + std::min(lane, count - 1)];
        }
      }
    } else {
      read_tile<P>(first, layout.classes, count, (layout.rows() - row) * layout.classes, tile, rows);
    }
    return {tile, P::lanes};
  }

  template <class P>
  PERDITA_INLINE static void write(const Tile& tile, const ClassLayout& layout, std::int64_t row, std::int64_t count,
                                   T* destination, T* rows, bool streaming) {
    T* const first = destination + offset_of(layout, row);
    if (tile.data == first) return;
    if (layout.inner > 1) {
      for (std::int64_t k = 0; k < layout.classes; ++k) {
        for (std::int64_t lane = 0; lane < count; ++lane)
          first[k * layout.inner + lane] = tile.data[k * P::lanes + lane];
      }
      return;
    }
    write_tile<P>(tile.data, layout.classes, count, first, rows, streaming);
  }

  template <class P>
  PERDITA_INLINE static P larger(const P& a, const P& b) {
    return P::of(perdita::detail::opaque(a.raw > b.raw ? a.raw : b.raw));
  }

  /// What is known of each lane's row before its classes are walked.
  template <class P>
  struct Rows {
    P label;    ///< as a number, -1 where ignored; compared with the number of the class
    P weight;   ///< of the label's class
    P scale;    ///< of the gradient
    P largest;  ///< logit
  };

  template <class P>
  PERDITA_INLINE static Rows<P> look_at(const SoftmaxTask<T>& task, const Tile& logits, std::int64_t row,
                                        std::int64_t count) {
    using Integers = typename perdita::detail::VectorMask<float, P::lanes>::Raw;  // std::int32_t in every lane
    Integers labels = {};
    if (task.labels && count == P::lanes) {
      std::memcpy(&labels, task.labels + row, sizeof labels);
    } else {
      for (int lane = 0; lane < P::lanes; ++lane) {
        if (lane >= count)
          labels[lane] = -1;
        else if (task.labels)
          labels[lane] = task.labels[row + lane];
      }
    }
    P weight(1.0);
    if (task.class_weights) {
      for (int lane = 0; lane < P::lanes; ++lane) {
        if (labels[lane] >= 0) weight.raw[lane] = task.class_weights[labels[lane]];
      }
    }
    P largest(-std::numeric_limits<double>::infinity());
    for (std::int64_t k = 0; k < task.layout.classes; ++k) {
      largest = larger(largest, P::load(logits.data + k * logits.stride));
    }
    P scale(task.scale);
    if (task.upstream) {
      const T* const upstream = task.upstream + row;
      const auto some = static_cast<std::size_t>(count);
      scale = scale * (count == P::lanes ? P::load(upstream) : P::load_first(upstream, some));
    }
    return {P::of(__builtin_convertvector(labels, typename P::Raw)), weight, scale, largest};
  }

  /// The losses of `count` rows, 0 in the lanes past them and where a row is ignored.
  template <class P>
  PERDITA_INLINE static P group(const Formula& formula, const SoftmaxTask<T>& task, std::int64_t row,
                                std::int64_t count, T* scratch, bool streaming) {
    const std::size_t tile = tile_size(task);
    T* const side_by_side = scratch + 3 * tile;
    const Tile logits = read<P>(task.logits, task.layout, row, count, scratch, side_by_side);
    // Results go straight to memory where rows lie side by side and all lanes are taken.
    const bool direct = task.gradient && task.layout.inner > 1 && count == P::lanes;
    const Tile results =
        direct ? Tile{task.gradient + offset_of(task.layout, row), task.layout.inner} : Tile{scratch + tile, P::lanes};
    const Rows<P> rows = look_at<P>(task, logits, row, count);
    if (task.margins || task.hits) write_margins<P>(task, logits, rows, row, count);
    if (task.predicted) write_predicted<P>(task, logits, rows, row, count);
    P loss, total;
    if (!task.is_dense()) {
      loss = sparse<P>(formula, task, logits, results, rows, total);
    } else {
      const Tile targets = task.labels
                               ? Tile{nullptr, 0}
                               : read<P>(task.probabilities, task.layout, row, count, scratch + 2 * tile, side_by_side);
      loss = dense<P>(formula, task, logits, targets, results, rows, total);
    }
    if (task.confidences) store_lanes(1.0 / total, task.confidences + row, count);
    if (task.gradient) write<P>(results, task.layout, row, count, task.gradient, side_by_side, streaming);
    loss = select(rows.label < 0.0, P(0.0), loss);
    if (task.losses) store_lanes(loss, task.losses + row, count);
    return loss;
  }

  template <class P>
  PERDITA_INLINE static void store_lanes(const P& lanes, T* to, std::int64_t count) {
    if (count == P::lanes)
      lanes.store(to);
    else
      lanes.store_first(to, static_cast<std::size_t>(count));
  }

  // Exponentials of all but the label's class are summed apart: where that class has the largest logit,
  // log p = -log1p(others) and 1 - p = others / total do not cancel. `total`: of all exponentials, the largest being 1.
  template <class P>
  PERDITA_INLINE static P sparse(const Formula& formula, const SoftmaxTask<T>& task, const Tile& logits,
                                 const Tile& results, const Rows<P>& rows, P& total) {
    const std::int64_t classes = task.layout.classes;
    P others(0.0), own(0.0), own_logit(0.0), number(0.0);
    const T* in = logits.data;
    T* out = results.data;
    for (std::int64_t k = 0; k < classes;) {
      P sum(0.0);  // of a stretch: the rounding error does not grow with the number of classes
      for (const std::int64_t stop = std::min(classes, k + 64); k < stop; ++k, number = number + 1.0) {
        const P z = P::load(in) - rows.largest;
        const P e = perdita::detail::exp_of_difference(z);
        e.store(out);
        in += logits.stride, out += results.stride;
        const auto mine = rows.label == number;
        own = select(mine, e, own);
        own_logit = select(mine, z, own_logit);
        sum = sum + zero_unless(!mine, e);
      }
      others = others + sum;
    }
    total = others + own;
    const P log_p = select(own_logit == 0.0, -log1p(others), own_logit - log(total));
    const Dual<P> result = formula(Dual<P>{log_p, P(1.0)}, P(1.0));
    const Dual<P> of_sum = log_sum_term_of(formula, rows, total);
    if (task.gradient) {
      const auto ignored = rows.label < 0.0;
      const P slope = result.d * rows.weight * rows.scale, slope_of_sum = of_sum.d * rows.scale;
      const P pull = (slope_of_sum - slope) / total, push = slope * (others / total) + slope_of_sum * (own / total);
      number = P(0.0);
      for (std::int64_t k = 0; k < classes; ++k, number = number + 1.0) {
        T* const at = results.data + k * results.stride;
        const P gradient = select(rows.label == number, push, pull * P::load(at));
        select(ignored, P(0.0), gradient).store(at);
      }
    }
    return result.v * rows.weight + of_sum.v;
  }

  template <class P>
  PERDITA_INLINE static Dual<P> log_sum_term_of(const Formula& formula, const Rows<P>& rows, const P& total) {
    if (!has_log_sum_term(formula)) return Dual<P>{P(0.0), P(0.0)};
    return log_sum_term(formula, rows.largest + log(total));
  }

  template <class P>
  PERDITA_INLINE static P dense(const Formula& formula, const SoftmaxTask<T>& task, const Tile& logits,
                                const Tile& targets, const Tile& results, const Rows<P>& rows, P& total) {
    const std::int64_t classes = task.layout.classes;
    const double background = task.label_smoothing / static_cast<double>(classes);
    const bool keeps_exponentials = task.gradient && results.data != logits.data;
    total = P(0.0);
    for (std::int64_t k = 0; k < classes; ++k) {
      const P e = perdita::detail::exp_of_difference(P::load(logits.data + k * logits.stride) - rows.largest);
      if (keeps_exponentials) e.store(results.data + k * results.stride);
      total = total + e;
    }
    const P log_total = log(total), label_target(1 - task.label_smoothing + background), other_target(background);
    const auto log_p_of = [&](std::int64_t k) {
      return (P::load(logits.data + k * logits.stride) - rows.largest) - log_total;
    };
    const auto weighted_term = [&](std::int64_t k, const P& log_p) {
      const P t = task.labels ? select(rows.label == P(static_cast<double>(k)), label_target, other_target)
                              : P::load(targets.data + k * targets.stride) * (1 - task.label_smoothing) + background;
      const P w(task.class_weights ? static_cast<double>(task.class_weights[k]) : 1.0);
      const Dual<P> term = formula(Dual<P>{log_p, P(1.0)}, t);
      return Dual<P>{w * term.v, w * term.d};
    };
    P loss(0.0), slope_sum(0.0);
    for (std::int64_t k = 0; k < classes; ++k) {
      const Dual<P> term = weighted_term(k, log_p_of(k));
      loss = loss + term.v;
      slope_sum = slope_sum + term.d;
    }
    const Dual<P> of_sum = log_sum_term_of(formula, rows, total);
    loss = loss + of_sum.v;
    slope_sum = slope_sum - of_sum.d;
    if (!task.gradient) return loss;
    // The slopes are computed again rather than kept: results may lie where the logits do.
    const P share = slope_sum / total;
    for (std::int64_t k = 0; k < classes; ++k) {
      const P log_p = log_p_of(k);
      T* const result = results.data + k * results.stride;
      const P pulled =
          keeps_exponentials ? P::load(result) * share : perdita::detail::exp_of_difference(log_p) * slope_sum;
      select(rows.label < 0.0, P(0.0), (weighted_term(k, log_p).d - pulled) * rows.scale).store(result);
    }
    return loss;
  }

  template <class P>
  PERDITA_INLINE static void write_predicted(const SoftmaxTask<T>& task, const Tile& logits, const Rows<P>& rows,
                                             std::int64_t row, std::int64_t count) {
    P first(0.0), number(static_cast<double>(task.layout.classes - 1));
    for (std::int64_t k = task.layout.classes - 1; k >= 0; --k, number = number - 1.0)
      first = select(P::load(logits.data + k * logits.stride) == rows.largest, number, first);
    if (count == P::lanes) {
      using Integers = typename perdita::detail::VectorMask<float, P::lanes>::Raw;
      const auto classes = __builtin_convertvector(first.raw, Integers);
      std::memcpy(task.predicted + row, &classes, sizeof classes);
      return;
    }
    for (std::int64_t lane = 0; lane < count; ++lane)
      task.predicted[row + lane] = static_cast<std::int32_t>(first[static_cast<int>(lane)]);
  }

  template <class P>
  PERDITA_INLINE static void write_margins(const SoftmaxTask<T>& task, const Tile& logits, const Rows<P>& rows,
                                           std::int64_t row, std::int64_t count) {
    const P lowest(-std::numeric_limits<double>::infinity());
    P before = lowest, after = lowest, own = lowest, number(0.0);
    for (std::int64_t k = 0; k < task.layout.classes; ++k, number = number + 1.0) {
      const P z = P::load(logits.data + k * logits.stride);
      before = larger(before, select(number < rows.label, z, lowest));
      after = larger(after, select(number > rows.label, z, lowest));
      own = select(rows.label == number, z, own);
    }
    for (std::int64_t lane = 0; lane < count; ++lane) {
      const int i = static_cast<int>(lane);
      const bool ignored = rows.label[i] < 0;
      const T margin = own[i] - std::max(before[i], after[i]);
      if (task.margins) task.margins[row + lane] = ignored ? std::numeric_limits<T>::quiet_NaN() : margin;
      if (task.hits) task.hits[row + lane] = !ignored && own[i] > before[i] && own[i] >= after[i] ? 1 : 0;
    }
  }
};

}  // namespace perdita::kernels
