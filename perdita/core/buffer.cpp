#include "perdita/core/buffer.hpp"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

namespace perdita {

// Size classes: four per power of two, so that at most a fifth of a block is waste. Free blocks wait in one list per
// class. A mutex is enough: blocks are taken a few times per operation, never inside a kernel.
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
    {
      std::lock_guard lock(mutex_);
      Block*& head = free_[static_cast<std::size_t>(size_class)];
      count_use(capacity);
      if (head) {
        Block* block = std::exchange(head, head->next_free);
        statistics_.bytes_cached -= capacity;
        block->references.store(1, std::memory_order_relaxed);
        block->bytes = bytes;
        return block;
      }
      ++statistics_.system_allocations;
    }
    return from_system(size_class, capacity, bytes);
  }

  void give_back(Block* block) {
    const std::size_t capacity = capacity_of(block->size_class);
    std::lock_guard lock(mutex_);
    Block*& head = free_[static_cast<std::size_t>(block->size_class)];
    block->next_free = std::exchange(head, block);
    statistics_.bytes_cached += capacity;
    statistics_.bytes_in_use -= capacity;
  }

  BufferStatistics statistics() {
    std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    std::lock_guard lock(mutex_);
    statistics_.peak_bytes_in_use = statistics_.bytes_in_use;
  }

  void clear() {
    std::lock_guard lock(mutex_);
    for (Block*& head : free_) {
      while (head) {
        Block* block = std::exchange(head, head->next_free);
        std::free(block->data);
        delete block;
      }
    }
    statistics_.bytes_cached = 0;
  }

 private:
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

  Block* from_system(int size_class, std::size_t capacity, std::size_t bytes) {
    const std::size_t alignment = capacity >= huge_page ? huge_page : 64;
    const std::size_t rounded = (capacity + alignment - 1) / alignment * alignment;
    void* data = std::aligned_alloc(alignment, rounded);
    if (!data) {
      std::lock_guard lock(mutex_);
      statistics_.bytes_in_use -= capacity;
      throw std::bad_alloc();
    }
    // Touching 4 KB pages one by one costs more than most losses; a hint, so its refusal is no error.
    if (capacity >= huge_page) madvise(data, rounded, MADV_HUGEPAGE);
    auto* block = new Block;
    block->data = data;
    block->bytes = bytes;
    block->size_class = size_class;
    return block;
  }

  void count_use(std::size_t capacity) {
    statistics_.bytes_in_use += capacity;
    if (statistics_.bytes_in_use > statistics_.peak_bytes_in_use) {
      statistics_.peak_bytes_in_use = statistics_.bytes_in_use;
    }
  }

  std::mutex mutex_;
  std::array<Block*, 256> free_{};
  BufferStatistics statistics_;
};

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
