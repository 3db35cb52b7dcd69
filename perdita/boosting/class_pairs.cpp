// Objectives of rows of classes, in tiles of rows: one row per lane, so that class-major scores are read where they
// are.
#include <array>
#include <numeric>

#include "perdita/boosting/blocks.hpp"
#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/boosting/logit_shift.hpp"
#include "perdita/boosting/softmax_tile.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"

namespace perdita::boosting {

namespace {

constexpr std::int64_t tile_elements = 4096;
constexpr std::int64_t chunk_tile_count = 16;

/// Rows of a tile: the more classes, the fewer.
std::int64_t rows_of_tile(std::int64_t classes) {
  return std::clamp<std::int64_t>(tile_elements / classes / block_padding * block_padding, block_padding,
                                  block_elements);
}

/// A loss of rows of classes, on tiles.
template <class T>
class ClassLoss {
 public:
  ClassLoss(const AnyLoss& loss, Hessian policy, std::int64_t classes, const std::vector<double>& class_counts)
      : function_(element_function<T>(loss)),
        policy_(policy),
        classes_(classes),
        smoothing_(loss.label_smoothing),
        is_dense_(smoothing_ > 0 || !is_of_label(loss)),
        shift_(loss, class_counts, classes),
        tile_rows_(rows_of_tile(classes)) {}

  std::int64_t tile_rows() const { return tile_rows_; }
  bool needs_copy() const { return shift_.is_active(); }

  /// Arrays of a thread.
  struct Scratch {
    explicit Scratch(std::int64_t classes, std::int64_t rows)
        : tiles(6, classes * rows), vectors(8, std::max(rows, block_elements)) {}
    detail::Workspace<T> tiles;    // scores, g, h, f', log p, t
    detail::Workspace<T> vectors;  // labels, 1 / sum, log p, 1 - p, f', f'', weights, ones
  };

  /// Fills tiles g and h [classes, tile_rows()] of `count` rows.
  void compute(const detail::ScoreTile<T>& scores, std::int64_t count, const Scratch& scratch) const {
    const CurvatureOfClasses curvature = curvature_of();
    T *const g = scratch.tiles[1], *const h = scratch.tiles[2];
    softmax(scores, count, scratch);
    if (is_dense_) {
      differentiate_all(scores, count, scratch, nullptr);
      run(detail::AllClassesChainKernel<T>{}, scratch.vectors[1], scratch.tiles[3], g, h, tile_rows_, classes_, count,
          curvature);
    } else {
      function_({scratch.vectors[2], scratch.vectors[7], count, nullptr, scratch.vectors[4],
                 curvature.is_exact ? scratch.vectors[5] : nullptr});
      run(detail::LabelChainKernel<T>{}, scratch.vectors[0], scratch.vectors[1], scratch.vectors[3], scratch.vectors[4],
          scratch.vectors[5], g, h, tile_rows_, classes_, count, curvature);
    }
    scale_derivatives(g, h, count);
  }

  /// The loss of each of `count` rows.
  void losses(const detail::ScoreTile<T>& scores, std::int64_t count, const Scratch& scratch, double* losses) const {
    softmax(scores, count, scratch);
    T* const values = scratch.tiles[5];
    if (is_dense_)
      differentiate_all(scores, count, scratch, values);
    else
      function_({scratch.vectors[2], scratch.vectors[7], count, values, scratch.vectors[4], scratch.vectors[5]});
    for (std::int64_t i = 0; i < count; ++i) {
      losses[i] = 0;
      for (std::int64_t k = 0; k < (is_dense_ ? classes_ : 1); ++k)
        losses[i] += static_cast<double>(values[k * tile_rows_ + i]);
    }
  }

  const LogitShift& shift() const { return shift_; }

 private:
  using CurvatureOfClasses = detail::CurvatureOfClasses;

  static bool is_of_label(const AnyLoss& loss) {
    return std::visit(
        [](const auto& one) {
          if constexpr (requires { one.is_of_own_class(); })
            return one.is_of_own_class();
          else
            return true;
        },
        loss.loss);
  }

  CurvatureOfClasses curvature_of() const {
    const auto classes = static_cast<double>(classes_);
    switch (policy_) {
      case Hessian::exact:
        return {true, 1};
      case Hessian::bound:
        return {false, 2};
      case Hessian::friedman:
        return {false, classes / (classes - 1)};
      default:
        return {false, 1};
    }
  }

  void softmax(const detail::ScoreTile<T>& scores, std::int64_t count, const Scratch& scratch) const {
    run(detail::SoftmaxTileKernel<T>{}, scores, scratch.vectors[0], scratch.tiles[1], tile_rows_, scratch.vectors[1],
        scratch.vectors[2], scratch.vectors[3], classes_, count);
    std::fill_n(scratch.vectors[7], padded(count), T(1));
  }

  /// f' into tile 3 and f'' into tile 2 of all classes; values (over the targets, tile 5) if they are not null.
  void differentiate_all(const detail::ScoreTile<T>& scores, std::int64_t count, const Scratch& scratch,
                         T* values) const {
    T *const log_p = scratch.tiles[4], *const targets = scratch.tiles[5];
    run(detail::LogProbabilityKernel<T>{}, scores, scratch.vectors[1], log_p, tile_rows_, classes_, count);
    const double background = smoothing_ / static_cast<double>(classes_);
    for (std::int64_t k = 0; k < classes_; ++k) {
      T* const t = targets + k * tile_rows_;
      for (std::int64_t i = 0; i < padded(count); ++i)
        t[i] = static_cast<T>(background + (scratch.vectors[0][i] == static_cast<T>(k) ? 1 - smoothing_ : 0.0));
      const std::int64_t at = k * tile_rows_;
      T* const value = values ? scratch.vectors[6] : nullptr;
      function_({log_p + at, t, count, value, scratch.tiles[3] + at, scratch.tiles[2] + at});
      if (values) std::copy_n(value, count, values + at);
    }
  }

  /// Scores are multiplied by a scale s before the softmax: g is s times, and h s^2 times what it is after.
  void scale_derivatives(T* g, T* h, std::int64_t count) const {
    const auto scale = static_cast<T>(shift_.scale());
    if (scale == T(1)) return;
    for (std::int64_t k = 0; k < classes_; ++k) {
      for (std::int64_t i = k * tile_rows_; i < k * tile_rows_ + padded(count); ++i)
        g[i] *= scale, h[i] *= scale * scale;
    }
  }

  ElementFunction<T> function_;
  Hessian policy_;
  std::int64_t classes_;
  double smoothing_;
  bool is_dense_;
  LogitShift shift_;
  std::int64_t tile_rows_;
};

/// The labels of a block as numbers. Throws IndexError.
template <class T>
void read_labels(const AnyLoss& loss, const Strided<const std::int32_t>& labels, std::int64_t classes,
                 std::int64_t begin, std::int64_t count, T* to) {
  bool is_valid = true;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t label = labels[begin + i];
    is_valid &= label >= 0 && label < classes;
    to[i] = static_cast<T>(label);
  }
  std::fill(to + count, to + padded(count), to[count - 1]);
  for (std::int64_t i = 0; !is_valid && i < count; ++i) {
    const std::int32_t label = labels[begin + i];
    if (label < 0 || label >= classes)
      fail<IndexError>("loss {}: label[{}] is {} (valid: 0..{})", info_of(loss).name, begin + i, label, classes - 1);
  }
}

/// Rows [begin, begin + count) of the scores as a tile: in place where rows are neighbours in memory, else copied to
/// `to`, as where losses of class counts change them.
template <class T>
detail::ScoreTile<T> read_scores(const ClassLoss<T>& loss, const StridedRows<const T>& scores, std::int64_t classes,
                                 std::int64_t begin, std::int64_t count, const T* labels, T* to) {
  const std::int64_t stride = loss.tile_rows();
  if (scores.row_stride == 1 && count == padded(count) && !loss.needs_copy())
    return {scores.data + begin, scores.class_stride};
  if (scores.class_stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      const T* const row = scores.data + (begin + i) * scores.row_stride;
      for (std::int64_t k = 0; k < classes; ++k) to[k * stride + i] = row[k];
    }
  } else {
    for (std::int64_t k = 0; k < classes; ++k) {
      const Strided<const T> column = scores.column(k);
      for (std::int64_t i = 0; i < count; ++i) to[k * stride + i] = column[begin + i];
    }
  }
  for (std::int64_t k = 0; k < classes; ++k)
    std::fill(to + k * stride + count, to + k * stride + padded(count), to[k * stride + count - 1]);
  if (loss.needs_copy()) loss.shift().apply(to, stride, labels, padded(count));
  return {to, stride};
}

/// A tile [classes, stride] into rows [begin, begin + count) whose classes are neighbours in memory.
template <class T, class Out>
void write_rows(const T* tile, std::int64_t stride, std::int64_t classes, const StridedRows<Out>& to,
                std::int64_t begin, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    Out* const row = to.data + (begin + i) * to.row_stride;
    for (std::int64_t k = 0; k < classes; ++k) row[k] = static_cast<Out>(tile[k * stride + i]);
  }
}

template <class T, class Out>
PairReport pairs_of_rows(const AnyLoss& any, const ClassLoss<T>& loss, const ClassPairs<T, Out>& pairs,
                         const PairOptions& options, std::int64_t begin, std::int64_t end) {
  const std::int64_t classes = pairs.classes, stride = loss.tile_rows();
  const typename ClassLoss<T>::Scratch scratch(classes, stride);
  T *const labels = scratch.vectors[0], *const g = scratch.tiles[1], *const h = scratch.tiles[2];
  PairReport report;
  for (std::int64_t at = begin; at < end; at += stride) {
    const std::int64_t count = std::min(stride, end - at);
    read_labels(any, pairs.labels, classes, at, count, labels);
    loss.compute(read_scores(loss, pairs.scores, classes, at, count, labels, scratch.tiles[0]), count, scratch);
    const T* const weights = pairs.weights ? detail::read_block(pairs.weights, at, count, scratch.vectors[6]) : nullptr;
    const bool is_row_major = pairs.gradient.class_stride == 1 && pairs.hessian.class_stride == 1;
    for (std::int64_t k = 0; k < classes; ++k) {
      T *const gradient = g + k * stride, *const hessian = h + k * stride;
      if (is_row_major)
        detail::finish_block<T, Out>({gradient, hessian, weights, count, nullptr, nullptr}, options, at, report);
      else
        detail::finish_block(gradient, hessian, weights, count, options, at, pairs.gradient.column(k),
                             pairs.hessian.column(k), report);
    }
    if (!is_row_major) continue;
    write_rows(g, stride, classes, pairs.gradient, at, count);
    write_rows(h, stride, classes, pairs.hessian, at, count);
  }
  return report;
}

template <class T, class Out>
void check(const AnyLoss& loss, const ClassPairs<T, Out>& pairs) {
  if (score_kind_of(loss) != ScoreKind::classes) {
    fail<ShapeError>("loss {}: scores have {} columns, but the loss takes one score per row (valid: one score per row)",
                     info_of(loss).name, pairs.classes);
  }
  if (pairs.classes < 2) fail<ShapeError>("class_pairs: classes is {} (valid: 2 or more)", pairs.classes);
  if (pairs.rows < 0) fail<ShapeError>("class_pairs: rows is {} (valid: 0 or more)", pairs.rows);
}

}  // namespace

template <class T, class Out>
PairReport class_pairs(const AnyLoss& loss, const ClassPairs<T, Out>& pairs, const PairOptions& options) {
  check(loss, pairs);
  detail::check_least(options.least);
  const PairOptions resolved{resolve(options.hessian, loss), options.least};
  const ClassLoss<T> class_loss(loss, resolved.hessian, pairs.classes, pairs.class_counts);
  const std::int64_t chunk = chunk_tile_count * class_loss.tile_rows(), chunks = (pairs.rows + chunk - 1) / chunk;
  std::vector<PairReport> reports(static_cast<std::size_t>(chunks));
  parallel_for(chunks, [&](std::int64_t i) {
    reports[static_cast<std::size_t>(i)] =
        pairs_of_rows(loss, class_loss, pairs, resolved, i * chunk, std::min(pairs.rows, (i + 1) * chunk));
  });
  return std::accumulate(reports.begin(), reports.end(), PairReport{}, detail::merged);
}

template <class T>
LossSums class_sums(const AnyLoss& loss, const ClassPairs<T, float>& pairs) {
  check(loss, pairs);
  const ClassLoss<T> class_loss(loss, Hessian::exact, pairs.classes, pairs.class_counts);
  const std::int64_t stride = class_loss.tile_rows(), chunk = chunk_tile_count * stride;
  const std::int64_t chunks = (pairs.rows + chunk - 1) / chunk;
  std::vector<double> losses(static_cast<std::size_t>(chunks)), weights(losses.size());
  parallel_for(chunks, [&](std::int64_t i) {
    const typename ClassLoss<T>::Scratch scratch(pairs.classes, stride);
    std::array<double, static_cast<std::size_t>(block_elements)> of_rows{};
    const std::int64_t end = std::min(pairs.rows, (i + 1) * chunk);
    double loss_sum = 0, weight_sum = 0;
    for (std::int64_t at = i * chunk; at < end; at += stride) {
      const std::int64_t count = std::min(stride, end - at);
      T* const labels = scratch.vectors[0];
      read_labels(loss, pairs.labels, pairs.classes, at, count, labels);
      const auto tile = read_scores(class_loss, pairs.scores, pairs.classes, at, count, labels, scratch.tiles[0]);
      class_loss.losses(tile, count, scratch, of_rows.data());
      for (std::int64_t k = 0; k < count; ++k) {
        const double w = pairs.weights ? static_cast<double>(pairs.weights[at + k]) : 1.0;
        if (w != 0) loss_sum += w * of_rows[static_cast<std::size_t>(k)], weight_sum += w;
      }
    }
    losses[static_cast<std::size_t>(i)] = loss_sum, weights[static_cast<std::size_t>(i)] = weight_sum;
  });
  return {.loss = combine_block_sums(losses), .weight = combine_block_sums(weights)};
}

#define PERDITA_INSTANTIATE(T, Out) \
  template PairReport class_pairs(const AnyLoss&, const ClassPairs<T, Out>&, const PairOptions&);
PERDITA_INSTANTIATE(float, float)
PERDITA_INSTANTIATE(double, float)
PERDITA_INSTANTIATE(double, double)
#undef PERDITA_INSTANTIATE
template LossSums class_sums(const AnyLoss&, const ClassPairs<float, float>&);
template LossSums class_sums(const AnyLoss&, const ClassPairs<double, float>&);

}  // namespace perdita::boosting
