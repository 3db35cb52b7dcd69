#include "perdita/tensor/pool.hpp"

#include <array>
#include <mutex>
#include <new>

namespace perdita::detail {

namespace {

constexpr std::size_t granule = 64;
constexpr std::size_t classes = 16;  // up to 1024 bytes
constexpr int batch = 64;            // blocks that move between a thread's list and the common one

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  int count = 0;

  void push(FreeBlock* block) {
    block->next = std::exchange(head, block);
    ++count;
  }
  FreeBlock* pop() {
    --count;
    return std::exchange(head, head->next);
  }
};

// A thread that only frees what another allocates (a data loader feeding a training loop) must not hoard: lists of a
// thread are bounded and exchange whole batches with these.
struct CommonLists {
  std::mutex mutex;
  std::array<FreeList, classes> lists;

  static CommonLists& instance() {
    static auto* lists = new CommonLists;  // outlives every static tensor
    return *lists;
  }
  void give(std::size_t size_class, FreeList& from, int count) {
    std::lock_guard lock(mutex);
    for (int i = 0; i < count; ++i) lists[size_class].push(from.pop());
  }
  void take(std::size_t size_class, FreeList& to) {
    std::lock_guard lock(mutex);
    for (int i = 0; i < batch && lists[size_class].head; ++i) to.push(lists[size_class].pop());
  }
};

// Without constructor and destructor: reached without a check, readable while other thread-local objects and those of
// static storage die.
constinit thread_local std::array<FreeList, classes> thread_lists{};
constinit thread_local bool lists_are_gone = false;

/// Gives the lists of a thread away when it ends. Touched once a thread, where its first block comes from.
struct Farewell {
  ~Farewell() {
    lists_are_gone = true;
    for (std::size_t c = 0; c < classes; ++c) CommonLists::instance().give(c, thread_lists[c], thread_lists[c].count);
  }
};

[[gnu::noinline, maybe_unused]] void* allocate_slowly(std::size_t size_class) {
  if (size_class < classes && !lists_are_gone) {
    thread_local Farewell farewell;
    FreeList& list = thread_lists[size_class];
    CommonLists::instance().take(size_class, list);
    if (list.head) return list.pop();
  }
  return ::operator new((size_class + 1) * granule);
}

}  // namespace

// AddressSanitizer can only watch what goes through operator new and delete.
#ifdef __SANITIZE_ADDRESS__
constexpr bool is_watched = true;
#else
constexpr bool is_watched = false;
#endif

void* pool_allocate(std::size_t bytes) {
  if constexpr (is_watched) return ::operator new(bytes);
  const std::size_t size_class = (bytes - 1) / granule;
  if (size_class >= classes || !thread_lists[size_class].head) return allocate_slowly(size_class);
  return thread_lists[size_class].pop();
}

void pool_release(void* block, std::size_t bytes) noexcept {
  const std::size_t size_class = (bytes - 1) / granule;
  if (is_watched || size_class >= classes || lists_are_gone) return ::operator delete(block);
  FreeList& list = thread_lists[size_class];
  list.push(static_cast<FreeBlock*>(block));
  if (list.count > 4 * batch) CommonLists::instance().give(size_class, list, 2 * batch);
}

}  // namespace perdita::detail
