#include "perdita/kernels/overlap.hpp"

#include <atomic>
#include <vector>

#include "perdita/kernels/overlap_pieces.hpp"
#include "perdita/kernels/overlap_sigmoid.hpp"
#include "perdita/kernels/overlap_softmax.hpp"

namespace perdita::kernels {

namespace {

void add(OverlapSums& total, const OverlapSums& part) {
  total.tp += part.tp;
  total.fp += part.fp;
  total.fn += part.fn;
}

template <bool squared, class T>
bool sigmoid_sums(const OverlapTask<T>& task, OverlapSums* sums) {
  const Pieces pieces = pieces_of(task);
  std::vector<OverlapSums> parts(static_cast<std::size_t>(pieces.rows * pieces.blocks()));
  std::atomic<bool> fits{true};
  pieces.each([&](std::int64_t piece, std::int64_t mask, std::int64_t begin, std::int64_t end) {
    const std::int64_t first = mask * pieces.size + begin;
    const SigmoidPart part =
        run(SigmoidOverlapKernel<T, squared>{}, task.logits + first, task.targets + first, end - begin, task.ignored);
    parts[static_cast<std::size_t>(piece)] = part.sums;
    if (part.outside != 0) fits = false;
  });
  for (std::int64_t mask = 0, piece = 0; mask < pieces.rows; ++mask) {
    sums[mask] = {};
    for (std::int64_t b = 0; b < pieces.blocks(); ++b) add(sums[mask], parts[static_cast<std::size_t>(piece++)]);
  }
  return fits;
}

template <bool squared, class T>
void softmax_sums(const OverlapTask<T>& task, OverlapSums* sums) {
  using Kernel = SoftmaxOverlapKernel<T, squared>;
  const Pieces pieces = pieces_of(task);
  const std::int64_t classes = task.layout.classes;
  std::vector<OverlapSums> parts(static_cast<std::size_t>(pieces.rows * pieces.blocks() * classes));
  pieces.each([&](std::int64_t piece, std::int64_t item, std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(static_cast<std::size_t>(Kernel::scratch_size(classes)) * sizeof(T));
    run(Kernel{}, task, item, begin, end, static_cast<T*>(scratch.data()), parts.data() + piece * classes);
  });
  std::fill_n(sums, pieces.rows * classes, OverlapSums{});
  for (std::int64_t item = 0, piece = 0; item < pieces.rows; ++item) {
    for (std::int64_t b = 0; b < pieces.blocks(); ++b, ++piece) {
      for (std::int64_t k = 0; k < classes; ++k)
        add(sums[item * classes + k], parts[static_cast<std::size_t>(piece * classes + k)]);
    }
  }
}

template <bool squared, class T>
void sigmoid_gradient(const OverlapTask<T>& task, const OverlapSums* slopes, T* gradient) {
  const Pieces pieces = pieces_of(task);
  const auto bytes = static_cast<std::size_t>(pieces.size) * sizeof(T);
  // Each mask begins where the last one ends.
  const bool streaming =
      bytes % 16 == 0 && perdita::detail::is_worth_streaming(gradient, bytes * static_cast<std::size_t>(pieces.rows));
  pieces.each([&](std::int64_t, std::int64_t mask, std::int64_t begin, std::int64_t end) {
    const std::int64_t first = mask * pieces.size + begin;
    run(SigmoidOverlapGradientKernel<T, squared>{}, task.logits + first, task.targets + first, gradient + first,
        end - begin, task.ignored, slopes[mask], streaming);
  });
}

template <bool squared, class T>
void softmax_gradient(const OverlapTask<T>& task, const OverlapSums* slopes, T* gradient) {
  const std::int64_t size = SoftmaxGradient<T>::scratch_size(task.layout.classes);
  pieces_of(task).each([&](std::int64_t, std::int64_t item, std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(static_cast<std::size_t>(size) * sizeof(T));
    run(SoftmaxOverlapGradientKernel<T, squared>{}, task, slopes, item, begin, end, static_cast<T*>(scratch.data()),
        gradient);
  });
}

}  // namespace

template <class T>
bool overlap_sums(const OverlapTask<T>& task, OverlapSums* sums) {
  if (task.targets) return task.squared ? sigmoid_sums<true>(task, sums) : sigmoid_sums<false>(task, sums);
  task.squared ? softmax_sums<true>(task, sums) : softmax_sums<false>(task, sums);
  return true;
}

template <class T>
void overlap_gradient(const OverlapTask<T>& task, const OverlapSums* slopes, T* gradient) {
  if (task.targets)
    task.squared ? sigmoid_gradient<true>(task, slopes, gradient) : sigmoid_gradient<false>(task, slopes, gradient);
  else
    task.squared ? softmax_gradient<true>(task, slopes, gradient) : softmax_gradient<false>(task, slopes, gradient);
}

template bool overlap_sums(const OverlapTask<float>&, OverlapSums*);
template bool overlap_sums(const OverlapTask<double>&, OverlapSums*);
template void overlap_gradient(const OverlapTask<float>&, const OverlapSums*, float*);
template void overlap_gradient(const OverlapTask<double>&, const OverlapSums*, double*);

}  // namespace perdita::kernels
