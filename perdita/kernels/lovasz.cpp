#include "perdita/kernels/lovasz.hpp"

#include <bit>
#include <numeric>

#include "perdita/core/buffer.hpp"
#include "perdita/core/error.hpp"
#include "perdita/kernels/radix_sort.hpp"

namespace perdita::kernels {

namespace {

/// One mask at a time: its pixels are counted and sorted in blocks.
template <class T>
class Weigher {
 public:
  using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Entry = Keyed<Key>;

  Weigher(const LovaszTask<T>& task, std::int64_t first_item, std::int64_t items, std::int64_t mask, T* weights)
      : task_(task), first_item_(first_item), items_(items), class_(mask), weights_(weights) {}

  /// Returns how many pixels belong to the mask.
  std::int64_t weigh() {
    const std::int64_t candidates = count();
    const Buffer memory = Buffer::allocate(static_cast<std::size_t>(2 * candidates) * sizeof(Entry));
    Entry* const entries = static_cast<Entry*>(memory.data());
    fill(entries);
    write(radix_sort(entries, entries + candidates, candidates), candidates);
    return size_;
  }

 private:
  static constexpr std::int64_t block = 65536;

  std::int64_t inner() const { return task_.layout.inner; }
  std::int64_t blocks_of_item() const { return (inner() + block - 1) / block; }
  std::int64_t offset_of(std::int64_t item) const { return (item * task_.layout.classes + class_) * inner(); }

  /// A positive number's bits, from the largest down; NaN comes first.
  static Key key_of(T error) { return ~(std::bit_cast<Key>(error) & (~Key{0} >> 1)); }

  /// visit(piece, item, begin, end) for the mask's pixels, in parallel.
  template <class Visit>
  void each_piece(const Visit& visit) const {
    parallel_for(items_ * blocks_of_item(), [&](std::int64_t piece) {
      const std::int64_t begin = piece % blocks_of_item() * block;
      visit(static_cast<std::size_t>(piece), first_item_ + piece / blocks_of_item(), begin,
            std::min(inner(), begin + block));
    });
  }

  bool is_inside(std::int64_t item, std::int64_t pixel) const {
    if (task_.targets) return task_.targets[offset_of(item) + pixel] == T(1);
    return task_.labels[item * inner() + pixel] == class_;
  }

  /// Sets the weights to 0, and where each piece's entries begin; returns how many there are.
  std::int64_t count() {
    begins_.assign(static_cast<std::size_t>(items_ * blocks_of_item()) + 1, 0);
    std::vector<std::int64_t> inside(begins_.size());
    each_piece([&](std::size_t piece, std::int64_t item, std::int64_t begin, std::int64_t end) {
      const T* const errors = task_.errors + offset_of(item);
      std::fill(weights_ + offset_of(item) + begin, weights_ + offset_of(item) + end, T(0));
      std::int64_t candidates = 0, found = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        candidates += errors[i] != T(0);
        found += is_inside(item, i);
      }
      begins_[piece + 1] = candidates;
      inside[piece] = found;
    });
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    size_ = std::accumulate(inside.begin(), inside.end(), std::int64_t{0});
    return begins_.back();
  }

  /// An entry's value is the pixel's place among the mask's, times 2, plus 1 inside the mask.
  void fill(Entry* entries) const {
    each_piece([&](std::size_t piece, std::int64_t item, std::int64_t begin, std::int64_t end) {
      const T* const errors = task_.errors + offset_of(item);
      Entry* to = entries + begins_[piece];
      for (std::int64_t i = begin; i < end; ++i) {
        if (errors[i] == T(0)) continue;
        const auto place = static_cast<std::uint32_t>((item - first_item_) * inner() + i);
        *to++ = {key_of(errors[i]), 2 * place + is_inside(item, i)};
      }
    });
  }

  void write(const Entry* sorted, std::int64_t candidates) const {
    const std::int64_t blocks = (candidates + block - 1) / block;
    std::vector<std::int64_t> inside(static_cast<std::size_t>(blocks) + 1);
    const auto each_block = [&](const auto& visit) {
      parallel_for(blocks, [&](std::int64_t b) {
        visit(static_cast<std::size_t>(b), b * block, std::min(candidates, (b + 1) * block));
      });
    };
    each_block([&](std::size_t b, std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) inside[b + 1] += sorted[k].value & 1;
    });
    std::partial_sum(inside.begin(), inside.end(), inside.begin());
    each_block([&](std::size_t b, std::int64_t begin, std::int64_t end) {
      std::int64_t hits = inside[b], both = size_ + begin - hits;  // in the union: the mask, and others so far
      for (std::int64_t k = begin; k < end; ++k) {
        const bool is_hit = sorted[k].value & 1;
        const auto all = static_cast<double>(both), left = static_cast<double>(size_ - hits);
        const double weight = is_hit ? 1 / all : both == 0 ? 1.0 : left / (all * (all + 1));
        (is_hit ? hits : both) += 1;
        const std::int64_t place = sorted[k].value >> 1;
        weights_[offset_of(first_item_ + place / inner()) + place % inner()] = static_cast<T>(weight);
      }
    });
  }

  const LovaszTask<T>& task_;
  std::int64_t first_item_, items_, class_, size_ = 0;
  T* weights_;
  std::vector<std::int64_t> begins_;
};

}  // namespace

template <class T>
void lovasz_weights(const LovaszTask<T>& task, T* weights, std::int64_t* sizes) {
  const ClassLayout& layout = task.layout;
  const std::int64_t items = task.batch ? layout.outer : 1, groups = task.batch ? 1 : layout.outer;
  if (items * layout.inner > std::int64_t{1} << 31) {
    fail<ShapeError>("lovasz_loss: a mask has {} pixels (valid: at most 2147483648)", items * layout.inner);
  }
  const auto weigh = [&](std::int64_t mask) {
    sizes[mask] = Weigher<T>(task, mask / layout.classes * items, items, mask % layout.classes, weights).weigh();
  };
  const std::int64_t masks = groups * layout.classes;
  // Several masks at a time, or one by several threads: the order that is sorted into is the same.
  if (masks >= 2 * num_threads() || num_threads() == 1)
    parallel_for(masks, weigh);
  else
    for (std::int64_t mask = 0; mask < masks; ++mask) weigh(mask);
}

template void lovasz_weights(const LovaszTask<float>&, float*, std::int64_t*);
template void lovasz_weights(const LovaszTask<double>&, double*, std::int64_t*);

}  // namespace perdita::kernels
