// Memory: 64-byte aligned blocks, counted by reference, returned to a cache and not to the system.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace perdita {

/// A shared handle to a block of memory. Copies share the block; the last one returns it to the cache.
class Buffer {
 public:
  Buffer() = default;
  /// At least `bytes` bytes, uninitialised, 64-byte aligned. Throws std::bad_alloc.
  static Buffer allocate(std::size_t bytes);
  /// Memory owned by someone else: `release(context)` is called when the last handle goes.
  static Buffer wrap(void* data, std::size_t bytes, void (*release)(void*), void* context);

  Buffer(const Buffer& other) : block_(other.block_) { retain(); }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() { release(); }

  explicit operator bool() const { return block_ != nullptr; }
  void* data() const { return block_ ? block_->data : nullptr; }
  std::size_t size() const { return block_ ? block_->bytes : 0; }
  /// Whether this is the only handle: the block may then be overwritten.
  bool is_unique() const { return block_ && block_->references.load(std::memory_order_acquire) == 1; }
  friend bool operator==(const Buffer& a, const Buffer& b) { return a.block_ == b.block_; }

 private:
  friend class BufferCache;
  struct Block {
    std::atomic<std::int64_t> references{1};
    void* data = nullptr;
    std::size_t bytes = 0;  // as asked for
    int size_class = -1;    // -1: not from the cache
    void (*release)(void*) = nullptr;
    void* context = nullptr;
    Block* next_free = nullptr;
  };
  explicit Buffer(Block* block) : block_(block) {}
  void retain() const {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void release();
  Block* block_ = nullptr;
};

/// What the cache holds and has asked the system for.
struct BufferStatistics {
  std::uint64_t system_allocations = 0;  ///< blocks ever taken from the system
  std::size_t bytes_in_use = 0;
  std::size_t bytes_cached = 0;
  std::size_t peak_bytes_in_use = 0;
};
BufferStatistics buffer_statistics();
/// Sets peak_bytes_in_use to bytes_in_use.
void reset_peak_buffer_statistics();
/// Gives all cached blocks back to the system, but for a few small ones that other threads keep at hand.
void release_cached_buffers();

}  // namespace perdita
