#include "perdita/kernels/lovasz.hpp"

#include <atomic>
#include <bit>
#include <numeric>

#include "perdita/core/buffer.hpp"
#include "perdita/core/error.hpp"
#include "perdita/kernels/lovasz_errors.hpp"
#include "perdita/kernels/overlap_pieces.hpp"
#include "perdita/kernels/radix_sort.hpp"

namespace perdita::kernels {

namespace {

/// The pixels of one item in one mask. Errors lie in the place of the slopes until these are known.
template <class T>
struct Pixels {
  const OverlapTask<T>& task;
  T* errors;
  const T *logits, *targets;
  const std::int32_t* labels;
  std::int32_t own;

  Pixels(const OverlapTask<T>& task_, std::int64_t item, std::int64_t mask, T* slopes)
      : task(task_), own(static_cast<std::int32_t>(mask)) {
    const std::int64_t inner = task.layout.inner, offset = (item * task.layout.classes + mask) * inner;
    errors = slopes + offset;
    logits = task.logits + offset;
    targets = task.targets ? task.targets + offset : nullptr;
    labels = task.targets ? nullptr : task.labels + item * inner;
  }

  bool is_inside(std::int64_t i) const { return targets ? targets[i] == T(1) : labels[i] == own; }

  /// Those of the hinge are found here, those of the softmax are there.
  ErrorCounts count(std::int64_t begin, std::int64_t end) const {
    if (targets) {
      return run(HingeErrorsKernel<T>{}, logits + begin, targets + begin, errors + begin, end - begin, task.ignored);
    }
    std::int32_t wrong = 0, inside = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      wrong += errors[i] != T(0);
      inside += labels[i] == own;
    }
    return {wrong, inside, 0};
  }
  /// The derivative of the loss by what the slopes are of, where that by the error is `weight`.
  T slope(bool inside, double weight) const { return static_cast<T>(targets && inside ? -weight : weight); }
};

/// The mask of one class in some items: its pixels are counted and sorted in blocks.
template <class T>
class Weigher {
 public:
  using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Entry = Keyed<Key>;

  /// alone: other threads have masks of their own.
  Weigher(const OverlapTask<T>& task, std::int64_t first_item, std::int64_t items, std::int64_t mask, bool alone,
          T* slopes)
      : task_(task), first_item_(first_item), items_(items), class_(mask), alone_(alone), slopes_(slopes) {}

  /// Returns whether all pixels are valid.
  bool weigh(LovaszMask& mask) {
    const std::int64_t candidates = count();
    const Buffer memory = Buffer::allocate(static_cast<std::size_t>(2 * candidates) * sizeof(Entry));
    Entry* const entries = static_cast<Entry*>(memory.data());
    fill(entries);
    mask = {write(radix_sort(entries, entries + candidates, candidates, alone_), candidates), size_};
    return is_valid_;
  }

 private:
  static constexpr std::int64_t block = 65536;

  std::int64_t inner() const { return task_.layout.inner; }
  Pieces pieces() const { return {items_, inner(), block}; }
  Pixels<T> pixels_of(std::int64_t item) const { return {task_, first_item_ + item, class_, slopes_}; }

  /// A positive number's bits, from the largest down; NaN comes first.
  static constexpr Key magnitude = ~Key{0} >> 1;
  static Key key_of(T error) { return ~(std::bit_cast<Key>(error) & magnitude); }
  static T error_of(Key key) { return std::bit_cast<T>(static_cast<Key>(~key & magnitude)); }

  /// Sets where each piece's entries begin; returns how many there are.
  std::int64_t count() {
    std::vector<ErrorCounts> counts(static_cast<std::size_t>(pieces().count()));
    pieces().each([&](std::int64_t piece, std::int64_t item, std::int64_t begin, std::int64_t end) {
      counts[static_cast<std::size_t>(piece)] = pixels_of(item).count(begin, end);
    });
    begins_.assign(1, 0);
    for (const ErrorCounts& piece : counts) {
      begins_.push_back(begins_.back() + piece.wrong);
      size_ += piece.inside;
      is_valid_ &= piece.invalid == 0;
    }
    return begins_.back();
  }

  /// An entry's value is the pixel's place among the mask's, times 2, plus 1 inside the mask.
  void fill(Entry* entries) const {
    pieces().each([&](std::int64_t piece, std::int64_t item, std::int64_t begin, std::int64_t) {
      const Pixels<T> pixels = pixels_of(item);
      const auto at = static_cast<std::size_t>(piece);
      Entry *to = entries + begins_[at], *const last = entries + begins_[at + 1];
      for (std::int64_t i = begin; to != last; ++i) {
        const T error = pixels.errors[i];
        const auto place = static_cast<std::uint32_t>(item * inner() + i);
        *to = {key_of(error), 2 * place + pixels.is_inside(i)};
        to += error != T(0);  // else the next one takes its place
      }
    });
  }

  /// The slopes of the sorted pixels; returns the loss.
  double write(const Entry* sorted, std::int64_t candidates) const {
    const Pieces blocks{1, candidates, block};
    std::vector<std::int64_t> inside(static_cast<std::size_t>(blocks.count()) + 1);
    std::vector<double> losses(static_cast<std::size_t>(blocks.count()));
    blocks.each([&](std::int64_t b, std::int64_t, std::int64_t begin, std::int64_t end) {
      std::int64_t found = 0;
      for (std::int64_t k = begin; k < end; ++k) found += sorted[k].value & 1;
      inside[static_cast<std::size_t>(b) + 1] = found;
    });
    std::partial_sum(inside.begin(), inside.end(), inside.begin());
    blocks.each([&](std::int64_t b, std::int64_t, std::int64_t begin, std::int64_t end) {
      const auto at = static_cast<std::size_t>(b);
      losses[at] = write_block(sorted, begin, end, inside[at]);
    });
    return std::accumulate(losses.begin(), losses.end(), 0.0);
  }

  /// `hits` of the pixels before these belong to the mask.
  double write_block(const Entry* sorted, std::int64_t begin, std::int64_t end, std::int64_t hits) const {
    std::int64_t both = size_ + begin - hits;  // in the union: the mask, and others so far
    double loss = 0;
    for (std::int64_t k = begin; k < end; ++k) {
      const bool is_hit = sorted[k].value & 1;
      const auto all = static_cast<double>(both), left = static_cast<double>(size_ - hits);
      const double weight = both == 0 ? 1.0 : (is_hit ? 1.0 : left) / (is_hit ? all : all * (all + 1));
      hits += is_hit;
      both += !is_hit;
      const auto error = static_cast<double>(error_of(sorted[k].key));
      loss += weight == 0 ? 0 : weight * error;  // a pixel that counts nothing may have an infinite error
      const std::int64_t place = sorted[k].value >> 1, item = items_ == 1 ? 0 : place / inner();
      const Pixels<T> pixels = pixels_of(item);
      pixels.errors[place - item * inner()] = pixels.slope(is_hit, weight);
    }
    return loss;
  }

  const OverlapTask<T>& task_;
  std::int64_t first_item_, items_, class_, size_ = 0;
  bool alone_;
  T* slopes_;
  bool is_valid_ = true;
  std::vector<std::int64_t> begins_;
};

template <class T>
void softmax_errors(const OverlapTask<T>& task, T* errors) {
  using Kernel = SoftmaxErrorsKernel<T>;
  const auto size = static_cast<std::size_t>(Kernel::scratch_size(task.layout.classes));
  pieces_of(task).each([&](std::int64_t, std::int64_t item, std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(size * sizeof(T));
    run(Kernel{}, task, item, begin, end, static_cast<T*>(scratch.data()), errors);
  });
}

}  // namespace

template <class T>
bool lovasz(const OverlapTask<T>& task, bool batch, LovaszMask* masks, T* slopes) {
  const ClassLayout& layout = task.layout;
  const std::int64_t items = batch ? layout.outer : 1, groups = batch ? 1 : layout.outer;
  if (items * layout.inner > std::int64_t{1} << 31) {
    fail<ShapeError>("lovasz_loss: a mask has {} pixels (valid: at most 2147483648)", items * layout.inner);
  }
  if (!task.targets) softmax_errors(task, slopes);
  const std::int64_t count = groups * layout.classes;
  // Several masks at a time, or one by several threads: the order that is sorted into is the same.
  const bool alone = count >= 2 * num_threads() || num_threads() == 1;
  std::atomic<bool> is_valid{true};
  const auto weigh = [&](std::int64_t mask) {
    Weigher<T> weigher(task, mask / layout.classes * items, items, mask % layout.classes, alone, slopes);
    if (!weigher.weigh(masks[mask])) is_valid = false;
  };
  if (alone)
    parallel_for(count, weigh);
  else
    for (std::int64_t mask = 0; mask < count; ++mask) weigh(mask);
  return is_valid;
}

template <class T>
void lovasz_softmax_gradient(const OverlapTask<T>& task, bool batch, const T* slopes, const double* by_losses,
                             T* gradient) {
  const std::int64_t classes = task.layout.classes;
  const auto size = static_cast<std::size_t>(SoftmaxGradient<T>::scratch_size(classes));
  pieces_of(task).each([&](std::int64_t, std::int64_t item, std::int64_t begin, std::int64_t end) {
    const Buffer scratch = Buffer::allocate(size * sizeof(T));
    run(SoftmaxErrorsGradientKernel<T>{}, task, slopes, by_losses + (batch ? 0 : item * classes), item, begin, end,
        static_cast<T*>(scratch.data()), gradient);
  });
}

template bool lovasz(const OverlapTask<float>&, bool, LovaszMask*, float*);
template bool lovasz(const OverlapTask<double>&, bool, LovaszMask*, double*);
template void lovasz_softmax_gradient(const OverlapTask<float>&, bool, const float*, const double*, float*);
template void lovasz_softmax_gradient(const OverlapTask<double>&, bool, const double*, const double*, double*);

}  // namespace perdita::kernels
