// Gathering by index, and its transposes.
#include <algorithm>
#include <cstring>

#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/impl.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/reduce.hpp"

namespace perdita {

using namespace detail;

namespace {

/// The index, contiguous and computed, once every entry is known to be in [0, size).
Tensor checked_index(const Tensor& index, std::int64_t size, const char* operation) {
  require_defined(index, operation);
  if (index.dtype() != DType::int64)
    fail<DTypeError>("{}: index is {} (valid: int64)", operation, name_of(index.dtype()));
  const Tensor dense = dense_operand(index);
  const std::int64_t* at = pointer<std::int64_t>(dense);
  for (std::int64_t i = 0; i < dense.numel(); ++i) {
    if (at[i] < 0 || at[i] >= size) {
      fail<IndexError>("{}: index[{}] is {} (valid: 0..{})", operation, i, at[i], size - 1);
    }
  }
  return dense;
}

/// Whole slices of bytes from one dense array to another: slice i of the result is slice index[i] of x.
void copy_slices(const char* from, Middle m, const std::int64_t* index, std::int64_t count, std::size_t bytes,
                 char* to) {
  const std::size_t slice = static_cast<std::size_t>(m.inner) * bytes;
  for_each_line(m.outer * count, m.inner, [&](std::int64_t i) {
    const std::int64_t o = i / count, k = i % count;
    std::memcpy(to + static_cast<std::size_t>(i) * slice, from + static_cast<std::size_t>(o * m.n + index[k]) * slice,
                slice);
  });
}

void require_gather_shapes(const Shape& shape, const Shape& index, int dim) {
  bool fits = shape.rank() == index.rank();
  for (int d = 0; fits && d < shape.rank(); ++d) fits = d == dim || index[d] <= shape[d];
  if (!fits) fail<ShapeError>("gather: index of shape {} does not fit shape {} along dimension {}", index, shape, dim);
}

/// visit(position in the array indexed along dim, position in index) for every entry of index.
template <class Visit>
void for_each_gathered(const Shape& shape, int dim, const Tensor& index, Visit visit) {
  const Strides strides = contiguous_strides(shape);
  const Shape& size = index.shape();
  const std::int64_t* at = pointer<std::int64_t>(index);
  for (std::int64_t i = 0; i < index.numel(); ++i) {
    std::int64_t rest = i, place = at[i] * strides[dim];
    for (int d = size.rank() - 1; d >= 0; --d) {
      if (d != dim) place += rest % size[d] * strides[d];
      rest /= size[d];
    }
    visit(place, i);
  }
}

}  // namespace

Tensor gather(const Tensor& x, int dim, const Tensor& index) {
  require_defined(x, "gather");
  require_defined(index, "gather");
  const int d = normalize_dim(dim, x.rank(), "gather");
  if (x.rank() == 0) return gather(x.reshape({1}), 0, index.reshape({1})).reshape({});
  require_gather_shapes(x.shape(), index.shape(), d);
  const Tensor at = checked_index(index, x.shape()[d], "gather"), dense = dense_operand(x);
  Tensor result = Tensor::empty(index.shape(), x.dtype());
  visit_dtype(x.dtype(), [&]<class T>() {
    for_each_gathered(x.shape(), d, at,
                      [from = pointer<T>(dense), to = pointer<T>(result)](std::int64_t place, std::int64_t i) {
                        to[i] = from[place];
                      });
  });
  return make_node("gather", std::move(result), {&x}, [from = x.shape(), d, saved = Saved(at)](BackwardContext& b) {
    b.set(0, scatter_add(from, d, saved.get("gather"), b.upstream()));
  });
}

Tensor index_select(const Tensor& x, int dim, const Tensor& index) {
  require_defined(x, "index_select");
  require_defined(index, "index_select");
  if (x.rank() == 0) fail<ShapeError>("index_select: the tensor is a scalar (valid: rank 1 or more)");
  if (index.rank() != 1) fail<ShapeError>("index_select: index has shape {} (valid: rank 1)", index.shape());
  const int d = normalize_dim(dim, x.rank(), "index_select");
  const Tensor at = checked_index(index, x.shape()[d], "index_select"), dense = dense_operand(x);
  Shape to = x.shape();
  to[d] = at.numel();
  Tensor result = Tensor::empty(to, x.dtype());
  copy_slices(static_cast<const char*>(dense.impl()->pointer()), middle_of(dense, d), pointer<std::int64_t>(at),
              at.numel(), size_of(x.dtype()), static_cast<char*>(result.impl()->pointer()));
  return make_node("index_select", std::move(result), {&x},
                   [from = x.shape(), d, saved = Saved(at)](BackwardContext& b) {
                     b.set(0, index_add(from, d, saved.get("index_select"), b.upstream()));
                   });
}

Tensor index_rows(const Tensor& x, const Tensor& index) {
  require_defined(index, "index_rows");
  const Tensor rows = index_select(x, 0, index.reshape({index.numel()}));
  Shape to = index.shape();
  for (int d = 1; d < x.rank(); ++d) to.push_back(x.shape()[d]);
  return rows.reshape(to);
}

Tensor cat(const std::vector<Tensor>& tensors, int dim) {
  if (tensors.empty()) fail<ValueError>("cat: no tensors");
  for (const Tensor& tensor : tensors) require_defined(tensor, "cat");
  const int d = normalize_dim(dim, tensors[0].rank(), "cat");
  Shape to = tensors[0].shape();
  if (to.rank() == 0) fail<ShapeError>("cat: scalars have no dimension to join along (use stack)");
  DType dtype = tensors[0].dtype();
  to[d] = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Shape& shape = tensors[i].shape();
    bool fits = shape.rank() == to.rank();
    for (int k = 0; fits && k < to.rank(); ++k) fits = k == d || shape[k] == to[k];
    if (!fits) {
      fail<ShapeError>("cat: tensor {} has shape {}, the first {} (they may differ in dimension {} only)", i, shape,
                       tensors[0].shape(), d);
    }
    to[d] += shape[d];
    dtype = promote(dtype, tensors[i].dtype());
  }
  Tensor result = Tensor::empty(to, dtype);
  std::int64_t begin = 0;
  bool tracks = false;
  for (const Tensor& tensor : tensors) {
    ensure_data(tensor);
    copy_elements(tensor, alias(result, tensor.shape(), result.strides(), begin * result.strides()[d]));
    begin += tensor.shape()[d];
    tracks = tracks || tensor.impl()->tracks();
  }
  if (!tracks || !grad_enabled()) return result;
  std::vector<std::int64_t> sizes;
  for (const Tensor& tensor : tensors) sizes.push_back(tensor.shape()[d]);
  return make_node("cat", std::move(result), std::span<const Tensor>(tensors),
                   [d, sizes = std::move(sizes)](BackwardContext& b) {
                     std::int64_t from = 0;
                     for (std::size_t i = 0; i < sizes.size(); ++i) {
                       if (b.wants(static_cast<int>(i)))
                         b.set(static_cast<int>(i), b.upstream().slice(d, from, from + sizes[i]));
                       from += sizes[i];
                     }
                   });
}

Tensor stack(const std::vector<Tensor>& tensors, int dim) {
  if (tensors.empty()) fail<ValueError>("stack: no tensors");
  std::vector<Tensor> raised;
  for (const Tensor& tensor : tensors) {
    require_defined(tensor, "stack");
    if (tensor.shape() != tensors[0].shape()) {
      fail<ShapeError>("stack: tensor {} has shape {}, the first {}", raised.size(), tensor.shape(),
                       tensors[0].shape());
    }
    raised.push_back(tensor.unsqueeze(dim));
  }
  return cat(raised, normalize_dim(dim, tensors[0].rank() + 1, "stack"));
}

Tensor one_hot(const Tensor& labels, std::int64_t classes) {
  require_defined(labels, "one_hot");
  if (labels.dtype() != DType::int64)
    fail<DTypeError>("one_hot: labels are {} (valid: int64)", name_of(labels.dtype()));
  if (classes == -1) {
    if (labels.numel() == 0)
      fail<ValueError>("one_hot: the number of classes cannot be inferred, because there are no labels");
    classes = max(labels).item<std::int64_t>() + 1;
  }
  const Tensor at = checked_index(labels, std::max<std::int64_t>(classes, 0), "one_hot");
  Shape to = labels.shape();
  to.push_back(classes);
  Tensor result = Tensor::zeros(to, DType::int64);
  std::int64_t* out = pointer<std::int64_t>(result);
  for (std::int64_t i = 0; i < at.numel(); ++i) out[i * classes + pointer<std::int64_t>(at)[i]] = 1;
  return result;
}

namespace detail {

Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  const Tensor dense = dense_operand(source);
  Tensor result = Tensor::zeros(shape, source.dtype());
  visit_floating(source.dtype(), "scatter_add", [&]<class T>() {
    for_each_gathered(shape, dim, index,
                      [from = pointer<T>(dense), to = pointer<T>(result)](std::int64_t place, std::int64_t i) {
                        to[place] += from[i];
                      });
  });
  return make_node("scatter_add", std::move(result), {&source}, [dim, saved = Saved(index)](BackwardContext& b) {
    b.set(0, gather(b.upstream(), dim, saved.get("scatter_add")));
  });
}

Tensor index_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  const Tensor dense = dense_operand(source);
  Tensor result = Tensor::zeros(shape, source.dtype());
  const Middle m = middle_of(result, dim);
  const std::int64_t* at = pointer<std::int64_t>(index);
  visit_floating(source.dtype(), "index_add", [&]<class T>() {
    const T* from = pointer<T>(dense);
    T* to = pointer<T>(result);
    for_each_line(m.outer, index.numel() * m.inner, [&](std::int64_t o) {
      for (std::int64_t k = 0; k < index.numel(); ++k) {
        T* row = to + (o * m.n + at[k]) * m.inner;
        for (std::int64_t i = 0; i < m.inner; ++i) row[i] += from[(o * index.numel() + k) * m.inner + i];
      }
    });
  });
  return make_node("index_add", std::move(result), {&source}, [dim, saved = Saved(index)](BackwardContext& b) {
    b.set(0, index_select(b.upstream(), dim, saved.get("index_add")));
  });
}

}  // namespace detail
}  // namespace perdita
