// Memory for small objects that live briefly: tensor bodies, graph nodes. A few nanoseconds instead of malloc's dozens.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace perdita::detail {

/// Blocks of up to 1024 bytes wait in lists of this thread; larger ones go to operator new.
void* pool_allocate(std::size_t bytes);
void pool_release(void* block, std::size_t bytes) noexcept;

/// Base of classes that live in the pool. Deleting through a base class needs a virtual destructor, as always.
struct Pooled {
  static void* operator new(std::size_t bytes) { return pool_allocate(bytes); }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* block, std::size_t bytes) noexcept { pool_release(block, bytes); }
};

/// Counts its handles; T::destroy() is called when the last one goes.
template <class T>
class Counted : public Pooled {
 public:
  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      static_cast<T*>(const_cast<Counted*>(this))->destroy();
    }
  }
  /// A handle to an object that another thread may be destroying: false if it is too late.
  bool try_retain() const {
    std::int32_t count = references_.load(std::memory_order_relaxed);
    while (count > 0) {
      if (references_.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
    }
    return false;
  }
  std::int32_t handles() const { return references_.load(std::memory_order_acquire); }
  bool is_unique() const { return handles() == 1; }

 private:
  mutable std::atomic<std::int32_t> references_{0};
};

/// A handle to a Counted object, or to none.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(T* object) : object_(object) {
    if (object_) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }
  /// Takes over a count that try_retain() has made.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

 private:
  T* object_ = nullptr;
};

}  // namespace perdita::detail
