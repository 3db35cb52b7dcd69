// What is behind a Tensor. For the sources of this part only.
#pragma once

#include <atomic>
#include <cstdint>

#include "perdita/core/buffer.hpp"
#include "perdita/tensor/node.hpp"
#include "perdita/tensor/tensor.hpp"

namespace perdita::detail {

struct Recorded;

/// A place in the list of the recorded operations that read a storage.
struct ReaderLink {
  Recorded* reader = nullptr;
  ReaderLink* previous = nullptr;
  ReaderLink* next = nullptr;
};

/// Memory shared by a tensor and its views.
struct Storage : Counted<Storage> {
  Buffer buffer;                          // none while the tensor is only recorded
  std::atomic<std::uint32_t> version{0};  // counts changes in place
  ReaderLink* readers = nullptr;          // guarded by the recording mutex
  void destroy() { delete this; }
};

struct TensorImpl : Counted<TensorImpl> {
  DType dtype = DType::float32;
  bool requires_grad = false;  // of a leaf
  bool is_number = false;      // a literal: takes the dtype of the tensor it meets
  std::atomic<bool> is_recorded{false};
  std::int64_t offset = 0;
  Shape shape;
  Strides strides;
  Ref<Storage> storage;
  Ref<Node> node;  // what made it, if its gradient is recorded
  Ref<TensorImpl> grad;
  Recorded* recorded = nullptr;    // the operation, while nobody has looked; guarded by the recording mutex
  std::uint64_t recorded_id = 0;   // of a tensor that was made by recording; stays when it is computed
  std::uint64_t collected_in = 0;  // scratch of Region::collect(), guarded likewise
  int position = 0;

  void destroy();
  /// Whether gradients flow into this tensor.
  bool tracks() const {
    return requires_grad || node || (is_recorded.load(std::memory_order_acquire) && recorded_tracks());
  }
  bool recorded_tracks() const;
  void* pointer() const {
    return static_cast<char*>(storage->buffer.data()) + offset * static_cast<std::int64_t>(size_of(dtype));
  }
};

/// A new body without elements.
Ref<TensorImpl> make_impl(const Shape& shape, DType dtype);
/// Another body over the same storage, without history.
Tensor alias(const Tensor& tensor, const Shape& shape, const Strides& strides, std::int64_t offset);

/// Computes a recorded tensor; afterwards it has elements. Does nothing to others.
void materialize(const Tensor& tensor);
inline void ensure_data(const Tensor& tensor) {
  if (tensor.impl()->is_recorded.load(std::memory_order_acquire)) materialize(tensor);
}
/// To be called before elements are written in place: computes what was recorded from the old ones, counts the change.
void before_write(const Tensor& tensor);

/// First element, whatever the strides. The tensor must have been computed.
template <class T>
T* pointer(const Tensor& tensor) {
  return static_cast<T*>(tensor.impl()->pointer());
}

/// Throws unless `tensor` is defined; `argument` reads "operation: argument".
void require_defined(const Tensor& tensor, const char* operation);

/// dst[...] = src[...], converting; same shapes (src may have strides of 0).
void copy_elements(const Tensor& source, const Tensor& target);

/// To be called before a leaf begins to require gradients: what reads it now is computed without.
void compute_readers(const Tensor& tensor);

}  // namespace perdita::detail
