#include <array>

#include "perdita/boosting/element_policies.hpp"
#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/core/sum.hpp"
#include "perdita/losses/parameter_range.hpp"

namespace perdita::boosting {

namespace {

constexpr std::int64_t chunk_elements = 16384;

/// The values that targets may have for a booster.
Interval target_interval(const AnyLoss& loss) {
  if (score_kind_of(loss) == ScoreKind::classes) return zero_or_one;
  return std::visit([]<class Loss>(const Loss& one) { return target_domain(one); }, loss.loss);
}

template <class T, class Out>
void check(const AnyLoss& loss, const ElementPairs<T, Out>& pairs) {
  if (pairs.count < 0) fail<ShapeError>("element_pairs: count is {} (valid: 0 or more)", pairs.count);
  if (takes_class_counts(info_of(loss))) {
    fail<ShapeError>(
        "loss {}: there is one score per row, but class counts change the scores of each class (valid: one "
        "score per class, also for two classes)",
        info_of(loss).name);
  }
  if (loss.missing) fail<ValueError>("loss {}: missing is not supported in boosting (valid: none)", info_of(loss).name);
  if (loss.label_smoothing > 0) {
    fail<ValueError>(
        "loss {}: label_smoothing is {}, but there is one score per row (valid: 0, or one score per class)",
        info_of(loss).name, loss.label_smoothing);
  }
}

/// Throws ValueError with the first target that is not valid; `begin` is the index of the first target of the block.
template <class T>
void check_targets(const AnyLoss& loss, const Interval& valid, const T* targets, std::int64_t count,
                   std::int64_t begin) {
  if (run(detail::TargetsKernel<T>{}, targets, count, valid)) return;
  const auto contains = [&](T target) { return valid.contains(static_cast<double>(target)) && std::isfinite(target); };
  const std::int64_t i = std::find_if_not(targets, targets + count, contains) - targets;
  fail<ValueError>(
      "loss {}: target[{}] is {} (valid: {})", info_of(loss).name, begin + i, targets[i],
      valid.ends_only ? fmt::format("{} or {}", valid.low, valid.high) : fmt::format("finite, {}", to_string(valid)));
}

/// The arrays of a chunk: scores, targets, weights, g, h, values, and those of the policy.
template <class T>
struct Chunk {
  static constexpr std::int64_t own_arrays = 6;
  detail::Workspace<T> arrays{own_arrays + detail::ElementPolicy<T>::scratch_arrays, block_elements};
  std::array<T*, 3> scratch{arrays[own_arrays], arrays[own_arrays + 1], arrays[own_arrays + 2]};
  T *const g = arrays[3], *const h = arrays[4], *const values = arrays[5];
};

template <class T, class Out>
PairReport pairs_of_chunk(const AnyLoss& any, const detail::ElementPolicy<T>& loss, const ElementPairs<T, Out>& pairs,
                          const PairOptions& options, std::int64_t begin, std::int64_t end) {
  const Interval valid = target_interval(any);
  Chunk<T> chunk;
  PairReport report;
  for (std::int64_t at = begin; at < end; at += block_elements) {
    const std::int64_t count = std::min(block_elements, end - at);
    const T* const y = detail::read_block(pairs.scores, at, count, chunk.arrays[0]);
    const T* const t = detail::read_block(pairs.targets, at, count, chunk.arrays[1]);
    check_targets(any, valid, t, count, at);
    const T* const w = pairs.weights ? detail::read_block(pairs.weights, at, count, chunk.arrays[2]) : nullptr;
    loss.compute(y, t, count, chunk.g, chunk.h, chunk.scratch.data());
    detail::finish_block(chunk.g, chunk.h, w, count, options, at, pairs.gradient, pairs.hessian, report);
  }
  return report;
}

}  // namespace

template <class T, class Out>
PairReport element_pairs(const AnyLoss& loss, const ElementPairs<T, Out>& pairs, const PairOptions& options) {
  detail::check_least(options.least);
  const PairOptions resolved{resolve(options.hessian, loss, true), options.least};
  check(loss, pairs);
  const detail::ElementPolicy<T> element_loss(loss, resolved.hessian);
  const std::int64_t chunks = (pairs.count + chunk_elements - 1) / chunk_elements;
  std::vector<PairReport> reports(static_cast<std::size_t>(chunks));
  parallel_for(chunks, [&](std::int64_t i) {
    reports[static_cast<std::size_t>(i)] = pairs_of_chunk(loss, element_loss, pairs, resolved, i * chunk_elements,
                                                          std::min(pairs.count, (i + 1) * chunk_elements));
  });
  PairReport all;
  for (const PairReport& report : reports) all = detail::merged(all, report);
  return all;
}

template <class T>
LossSums element_sums(const AnyLoss& loss, const ElementPairs<T, float>& pairs) {
  check(loss, pairs);
  const Interval valid = target_interval(loss);
  const detail::ElementPolicy<T> element_loss(loss, Hessian::exact);
  const std::int64_t chunks = (pairs.count + chunk_elements - 1) / chunk_elements;
  std::array<std::vector<double>, 4> sums;
  for (std::vector<double>& sum : sums) sum.resize(static_cast<std::size_t>(chunks));
  parallel_for(chunks, [&](std::int64_t i) {
    Chunk<T> chunk;
    LossSums part;
    const std::int64_t end = std::min(pairs.count, (i + 1) * chunk_elements);
    for (std::int64_t at = i * chunk_elements; at < end; at += block_elements) {
      const std::int64_t count = std::min(block_elements, end - at);
      const T* const y = detail::read_block(pairs.scores, at, count, chunk.arrays[0]);
      const T* const t = detail::read_block(pairs.targets, at, count, chunk.arrays[1]);
      check_targets(loss, valid, t, count, at);
      element_loss.differentiate(y, t, count, chunk.values, chunk.g, chunk.h, chunk.scratch.data());
      for (std::int64_t k = 0; k < count; ++k) {
        const double w = pairs.weights ? static_cast<double>(pairs.weights[at + k]) : 1.0;
        if (w == 0) continue;
        part.loss += w * static_cast<double>(chunk.values[k]);
        part.first += w * static_cast<double>(chunk.g[k]);
        part.second += w * static_cast<double>(chunk.h[k]);
        part.weight += w;
      }
    }
    const auto k = static_cast<std::size_t>(i);
    sums[0][k] = part.loss, sums[1][k] = part.first, sums[2][k] = part.second, sums[3][k] = part.weight;
  });
  return {combine_block_sums(sums[0]), combine_block_sums(sums[1]), combine_block_sums(sums[2]),
          combine_block_sums(sums[3])};
}

#define PERDITA_INSTANTIATE(T, Out) \
  template PairReport element_pairs(const AnyLoss&, const ElementPairs<T, Out>&, const PairOptions&);
PERDITA_INSTANTIATE(float, float)
PERDITA_INSTANTIATE(double, float)
PERDITA_INSTANTIATE(double, double)
#undef PERDITA_INSTANTIATE
template LossSums element_sums(const AnyLoss&, const ElementPairs<float, float>&);
template LossSums element_sums(const AnyLoss&, const ElementPairs<double, float>&);

}  // namespace perdita::boosting
