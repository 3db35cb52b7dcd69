// Tensor: a handle to a strided array of numbers, with its history for automatic differentiation.
//
// Copying a Tensor copies the handle; views share memory. Elementwise operators on floating tensors are recorded and
// computed when their elements are needed (see recorded.hpp); other operations are eager. Operators on tensors are in
// operators.hpp, functions in functions.hpp, gradients in autograd.hpp; perdita/tensor/all.hpp includes them all.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/core/dtype.hpp"
#include "perdita/core/shape.hpp"
#include "perdita/tensor/pool.hpp"

namespace perdita {

namespace detail {
struct TensorImpl;
}

template <class T>
concept Number = std::is_arithmetic_v<T>;

class Tensor {
 public:
  /// An undefined tensor, used for absent optional arguments. Only defined() may be called.
  Tensor() noexcept;
  /// A number: rank 0. float32 (int64, bool) unless an operator meets a tensor of its kind, whose dtype it then takes.
  template <Number T>
  explicit Tensor(T value)
      : Tensor(number(static_cast<double>(value), std::is_same_v<T, bool> ? DType::boolean
                                                  : std::is_integral_v<T> ? DType::int64
                                                                          : DType::float32)) {}

  // ---- construction ----
  static Tensor empty(const Shape& shape, DType dtype = DType::float32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::float32);
  static Tensor ones(const Shape& shape, DType dtype = DType::float32);
  static Tensor full(const Shape& shape, double value, DType dtype = DType::float32);
  /// begin, begin + step, ... below end. Throws ValueError when step is 0 or leads away from end.
  static Tensor arange(double begin, double end, double step = 1, DType dtype = DType::int64);
  static Tensor arange(std::int64_t end) { return arange(0, static_cast<double>(end)); }
  /// Uniform in [0, 1) and standard normal; element i is a pure function of (seed, stream, i).
  static Tensor rand(const Shape& shape, std::uint64_t seed, std::uint64_t stream = 0, DType dtype = DType::float32);
  static Tensor randn(const Shape& shape, std::uint64_t seed, std::uint64_t stream = 0, DType dtype = DType::float32);
  /// Copies `values`. Throws ShapeError unless their number fits `shape`; without one the tensor has rank 1.
  template <Number T>
  static Tensor from(const std::vector<T>& values, const Shape& shape);
  template <Number T>
  static Tensor from(const std::vector<T>& values) {
    return from(values, {static_cast<std::int64_t>(values.size())});
  }
  template <Number T>
  static Tensor from(std::initializer_list<T> values) {
    return from(std::vector<T>(values));
  }
  template <Number T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape) {
    return from(std::vector<T>(values), shape);
  }
  /// Shares the array's memory.
  static Tensor from(const Array& array);

  // ---- properties ----
  bool defined() const { return static_cast<bool>(impl_); }
  DType dtype() const;
  const Shape& shape() const;
  const Strides& strides() const;
  int rank() const { return shape().rank(); }
  std::int64_t numel() const { return perdita::numel(shape()); }
  /// The size of one dimension; negative ones count from the end.
  std::int64_t size(int dim) const;
  bool is_contiguous() const;

  // ---- elements ----
  /// The elements, in row-major order. Throws DTypeError unless T is the dtype, ShapeError unless contiguous.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(raw_data(dtype_of<T>(), false));
  }
  /// The same for writing: counts as a change in place (recorded readers are computed first, and backward() through
  /// an operation that had saved the old values is an error).
  template <class T>
  T* mutable_data() const {
    return static_cast<T*>(raw_data(dtype_of<T>(), true));
  }
  /// The number of a tensor with one element. Throws ShapeError for others.
  double item() const;
  template <Number T>
  T item() const {
    return static_cast<T>(item());
  }
  /// A copy of the elements, converted to T, in row-major order.
  template <class T>
  std::vector<T> to_vector() const;
  /// The elements as an Array; shares memory with a contiguous tensor that fills its block.
  Array to_array() const;

  // ---- conversion ----
  Tensor to(DType dtype) const;  ///< itself when it has that dtype; differentiable between floating dtypes
  Tensor contiguous() const;     ///< itself when contiguous
  Tensor clone() const;          ///< a contiguous copy; differentiable

  // ---- views: they share memory and are differentiable. Throw ShapeError or IndexError ----
  /// One size may be -1. Copies when the strides do not allow a view; view() throws instead.
  Tensor reshape(const Shape& shape) const;
  Tensor view(const Shape& shape) const;
  Tensor flatten(int first_dim = 0, int last_dim = -1) const;
  Tensor transpose(int dim0, int dim1) const;
  Tensor t() const;  ///< the transpose of a matrix
  Tensor permute(const Dims& order) const;
  Tensor select(int dim, std::int64_t index) const;
  /// Elements begin, begin + step, ... below end of one dimension; begin and end count from the end when negative and
  /// are clamped, as in Python. step > 0.
  Tensor slice(int dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1) const;
  Tensor squeeze(int dim) const;  ///< drops a dimension of size 1; does nothing to another
  Tensor squeeze() const;
  Tensor unsqueeze(int dim) const;
  Tensor expand(const Shape& shape) const;  ///< repeats dimensions of size 1 without copying

  // ---- in-place operations. Throw GraphError on a tensor whose gradient is recorded, unless under NoGrad ----
  const Tensor& fill_(double value) const;
  const Tensor& zero_() const { return fill_(0); }
  const Tensor& copy_(const Tensor& source) const;  ///< broadcasts and converts
  const Tensor& add_(const Tensor& other, double alpha = 1) const;
  const Tensor& add_(double value) const;
  const Tensor& mul_(const Tensor& other) const;
  const Tensor& mul_(double value) const;

  // ---- gradients ----
  bool requires_grad() const;
  /// Only for leaves (GraphError) of floating dtype (DTypeError).
  const Tensor& set_requires_grad(bool requires_grad = true) const;
  /// Made by the user and not by an operation that recorded its gradient.
  bool is_leaf() const;
  /// The gradient accumulated by backward(); undefined at first.
  Tensor grad() const;
  /// Throws ShapeError or DTypeError when `gradient` does not fit. An undefined one clears it.
  void set_grad(const Tensor& gradient) const;
  /// The same memory without its history.
  Tensor detach() const;
  /// Adds d(this)/d(leaf) to grad() of every leaf. Throws GraphError if no leaf requires a gradient, if this has
  /// several elements and no `gradient` is passed, or if the graph has already been freed.
  void backward(bool retain_graph = false) const;
  void backward(const Tensor& gradient, bool retain_graph = false) const;

  /// For the parts that implement tensors.
  explicit Tensor(detail::Ref<detail::TensorImpl> impl);
  detail::TensorImpl* impl() const { return impl_.get(); }
  Tensor(const Tensor&);
  Tensor(Tensor&&) noexcept;
  Tensor& operator=(const Tensor&);
  Tensor& operator=(Tensor&&) noexcept;
  ~Tensor();

 private:
  static Tensor number(double value, DType dtype);
  void* raw_data(DType dtype, bool writes) const;

  detail::Ref<detail::TensorImpl> impl_;
};

/// Shape, dtype and elements; long tensors are shortened in the middle.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

}  // namespace perdita
