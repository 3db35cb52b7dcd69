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

struct ThreadLists {
  std::array<FreeList, classes> lists;
  ~ThreadLists();
};
// Tensors of static storage die after their thread's lists: this flag has no destructor and stays readable.
thread_local bool lists_are_gone = false;
thread_local ThreadLists thread_lists;

ThreadLists::~ThreadLists() {
  lists_are_gone = true;
  for (std::size_t c = 0; c < classes; ++c) CommonLists::instance().give(c, lists[c], lists[c].count);
}

}  // namespace

void* pool_allocate(std::size_t bytes) {
  const std::size_t size_class = (bytes + granule - 1) / granule - 1;
  if (size_class >= classes || lists_are_gone) return ::operator new((size_class + 1) * granule);
  FreeList& list = thread_lists.lists[size_class];
  if (!list.head) {
    CommonLists::instance().take(size_class, list);
    if (!list.head) return ::operator new((size_class + 1) * granule);
  }
  return list.pop();
}

void pool_release(void* block, std::size_t bytes) noexcept {
  const std::size_t size_class = (bytes + granule - 1) / granule - 1;
  if (size_class >= classes || lists_are_gone) return ::operator delete(block);
  FreeList& list = thread_lists.lists[size_class];
  list.push(static_cast<FreeBlock*>(block));
  if (list.count > 4 * batch) CommonLists::instance().give(size_class, list, 2 * batch);
}

}  // namespace perdita::detail
