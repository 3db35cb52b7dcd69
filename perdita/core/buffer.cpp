#include "perdita/core/buffer.hpp"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

namespace perdita {

// Size classes: four per power of two, so that at most a fifth of a block is waste. Free blocks wait in one list per
// class behind a mutex; small ones first in a few places of their thread, which cost no lock.
class BufferCache {
 public:
  using Block = Buffer::Block;

  static BufferCache& instance() {
    static BufferCache* cache = new BufferCache;  // outlives every static Buffer
    return *cache;
  }

  Block* take(std::size_t bytes) {
    const int size_class = class_of(bytes);
    const std::size_t capacity = capacity_of(size_class);
    Block* block = size_class < front_classes ? pop(front_.lists[static_cast<std::size_t>(size_class)]) : nullptr;
    if (!block) block = take_common(size_class);
    if (!block) block = from_system(size_class, capacity);
    count_use(capacity);
    block->references.store(1, std::memory_order_relaxed);
    block->bytes = bytes;
    return block;
  }

  void give_back(Block* block) {
    in_use_.fetch_sub(capacity_of(block->size_class), std::memory_order_relaxed);
    if (block->size_class < front_classes && !front_.is_gone) {
      List& list = front_.lists[static_cast<std::size_t>(block->size_class)];
      if (list.count < front_places) return push(list, block);
    }
    give_common(block);
  }

  BufferStatistics statistics() {
    std::lock_guard lock(mutex_);
    const std::size_t in_use = in_use_.load(std::memory_order_relaxed);
    return {system_allocations_, in_use, from_system_ - in_use, peak_.load(std::memory_order_relaxed)};
  }

  void reset_peak() { peak_.store(in_use_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

  void clear() {
    empty_front();
    std::lock_guard lock(mutex_);
    for (List& list : common_) {
      while (Block* block = pop(list)) {
        from_system_ -= capacity_of(block->size_class);
        std::free(block->data);
        delete block;
      }
    }
  }

 private:
  struct List {
    Block* head = nullptr;
    int count = 0;
  };
  static constexpr int front_classes = 33;  // up to 16 KB
  static constexpr int front_places = 8;
  /// A thread's own free blocks. No destructor: also there for objects that die after a thread's last.
  struct Front {
    std::array<List, front_classes> lists;
    bool is_gone;
  };
  static constinit thread_local Front front_;

  /// Gives a thread's blocks to all when it ends.
  struct Farewell {
    ~Farewell() {
      instance().empty_front();
      front_.is_gone = true;
    }
  };

  static Block* pop(List& list) {
    if (!list.head) return nullptr;
    --list.count;
    return std::exchange(list.head, list.head->next_free);
  }
  static void push(List& list, Block* block) {
    block->next_free = std::exchange(list.head, block);
    ++list.count;
  }

  Block* take_common(int size_class) {
    thread_local Farewell farewell;
    std::lock_guard lock(mutex_);
    return pop(common_[static_cast<std::size_t>(size_class)]);
  }
  void give_common(Block* block) {
    std::lock_guard lock(mutex_);
    push(common_[static_cast<std::size_t>(block->size_class)], block);
  }
  void empty_front() {
    for (List& list : front_.lists) {
      while (Block* block = pop(list)) give_common(block);
    }
  }

  static constexpr std::size_t smallest = 64;
  static constexpr std::size_t huge_page = std::size_t{1} << 21;

  static int class_of(std::size_t bytes) {
    if (bytes <= smallest) return 0;
    const int power = std::bit_width(bytes - 1) - 1;  // 2^power <= bytes - 1 < 2^(power+1)
    const int quarter = static_cast<int>(((bytes - 1) >> (power - 2)) & 3);
    return (power - 6) * 4 + quarter + 1;
  }
  static std::size_t capacity_of(int size_class) {
    if (size_class == 0) return smallest;
    const int power = (size_class - 1) / 4 + 6, quarter = (size_class - 1) % 4;
    return (std::size_t{5} + static_cast<std::size_t>(quarter)) << (power - 2);
  }

  Block* from_system(int size_class, std::size_t capacity) {
    const std::size_t alignment = capacity >= huge_page ? huge_page : 64;
    const std::size_t rounded = (capacity + alignment - 1) / alignment * alignment;
    void* data = std::aligned_alloc(alignment, rounded);
    if (!data) throw std::bad_alloc();
    // Touching 4 KB pages one by one costs more than most losses; a hint, so its refusal is no error.
    if (capacity >= huge_page) madvise(data, rounded, MADV_HUGEPAGE);
    auto* block = new Block;
    block->data = data;
    block->size_class = size_class;
    std::lock_guard lock(mutex_);
    ++system_allocations_;
    from_system_ += capacity;
    return block;
  }

  void count_use(std::size_t capacity) {
    const std::size_t now = in_use_.fetch_add(capacity, std::memory_order_relaxed) + capacity;
    std::size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }

  std::atomic<std::size_t> in_use_{0}, peak_{0};
  std::mutex mutex_;
  std::array<List, 256> common_{};
  std::size_t from_system_ = 0;  // bytes
  std::uint64_t system_allocations_ = 0;
};

constinit thread_local BufferCache::Front BufferCache::front_{};

Buffer Buffer::allocate(std::size_t bytes) { return Buffer(BufferCache::instance().take(bytes)); }

Buffer Buffer::wrap(void* data, std::size_t bytes, void (*release)(void*), void* context) {
  auto* block = new Block;
  block->data = data;
  block->bytes = bytes;
  block->release = release;
  block->context = context;
  return Buffer(block);
}

void Buffer::release() {
  if (!block_ || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block_->size_class >= 0) {
    BufferCache::instance().give_back(block_);
  } else {
    if (block_->release) block_->release(block_->context);
    delete block_;
  }
}

BufferStatistics buffer_statistics() { return BufferCache::instance().statistics(); }
void reset_peak_buffer_statistics() { BufferCache::instance().reset_peak(); }
void release_cached_buffers() { BufferCache::instance().clear(); }

}  // namespace perdita
