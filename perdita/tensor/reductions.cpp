// Reductions. Every one sees its operand as [outer, n, inner] and reduces the middle; each result is computed by one
// thread in a fixed order.
#include <cmath>
#include <cstring>

#include "perdita/core/sum.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/loops.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/recorded.hpp"
#include "perdita/tensor/reduce.hpp"

namespace perdita {

namespace detail {

std::int64_t Middle::lines() const { return outer * inner; }

Middle middle_of(const Tensor& x, int dim) {
  Middle middle;
  for (int d = 0; d < x.rank(); ++d) (d < dim ? middle.outer : d == dim ? middle.n : middle.inner) *= x.shape()[d];
  return middle;
}

Tensor dense_operand(const Tensor& x) {
  NoGrad no_grad;
  Tensor dense = x.contiguous();
  ensure_data(dense);
  return dense;
}

Shape reduced_shape(const Shape& shape, int dim, bool keepdim) {
  Shape result = shape;
  if (shape.rank() == 0) return result;
  if (keepdim)
    result[dim] = 1;
  else
    result.erase(dim);
  return result;
}

namespace {

/// Sums of `count` numbers at p: stretches of 64 in their own type, in eight lanes, the rest in double.
template <class T>
double sum_line(const T* p, std::int64_t count) {
  double total = 0;
  std::int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    T lanes[8];
    for (int k = 0; k < 8; ++k) lanes[k] = p[i + k];
    for (int j = 8; j < 64; j += 8) {
      for (int k = 0; k < 8; ++k) lanes[k] += p[i + j + k];
    }
    total += static_cast<double>(((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
                                 ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7])));
  }
  for (; i < count; ++i) total += static_cast<double>(p[i]);
  return total;
}

template <class T>
double sum_all(const T* p, std::int64_t count) {
  constexpr std::int64_t block = 1 << 14;
  if (count <= block) return sum_line(p, count);
  const std::int64_t blocks = (count + block - 1) / block;
  Buffer memory = Buffer::allocate(static_cast<std::size_t>(blocks) * sizeof(double));
  double* sums = static_cast<double*>(memory.data());
  perdita::parallel_for(blocks,
                        [&](std::int64_t b) { sums[b] = sum_line(p + b * block, std::min(block, count - b * block)); });
  return combine_block_sums({sums, static_cast<std::size_t>(blocks)});
}

/// Sums over the rows of [n, width], for a few columns: 8 rows in their own type, then double.
template <class T>
void sum_columns(const T* p, std::int64_t n, std::int64_t stride, std::int64_t width, double scale, T* out) {
  constexpr int most = 64;
  double total[most] = {};
  for (std::int64_t begin = 0; begin < n; begin += 8) {
    const std::int64_t end = std::min(n, begin + 8);
    T stretch[most] = {};
    for (std::int64_t r = begin; r < end; ++r) {
      const T* row = p + r * stride;
      if (width == most)
        for (int c = 0; c < most; ++c) stretch[c] += row[c];
      else
        for (std::int64_t c = 0; c < width; ++c) stretch[c] += row[c];
    }
    for (int c = 0; c < most; ++c) total[c] += static_cast<double>(stretch[c]);
  }
  for (std::int64_t c = 0; c < width; ++c) out[c] = static_cast<T>(total[c] * scale);
}

template <class T>
void sum_middle(const T* p, Middle m, double scale, T* out) {
  if (m.inner == 1) {
    if (m.outer == 1) {
      out[0] = static_cast<T>(sum_all(p, m.n) * scale);
      return;
    }
    for_each_line(m.outer, m.n, [&](std::int64_t o) { out[o] = static_cast<T>(sum_line(p + o * m.n, m.n) * scale); });
    return;
  }
  const std::int64_t strips = (m.inner + 63) / 64;
  for_each_line(m.outer * strips, m.n * 64, [&](std::int64_t i) {
    const std::int64_t o = i / strips, begin = i % strips * 64;
    sum_columns(p + o * m.n * m.inner + begin, m.n, m.inner, std::min<std::int64_t>(64, m.inner - begin), scale,
                out + o * m.inner + begin);
  });
}

void sum_integers(const std::int64_t* p, Middle m, std::int64_t* out) {
  for (std::int64_t o = 0; o < m.outer; ++o) {
    for (std::int64_t i = 0; i < m.inner; ++i) {
      std::int64_t total = 0;
      for (std::int64_t k = 0; k < m.n; ++k) total += p[(o * m.n + k) * m.inner + i];
      out[o * m.inner + i] = total;
    }
  }
}

/// scale * sum over the dimension(s) seen as the middle of dense `x`.
Tensor sum_dense(const Tensor& x, Middle m, const Shape& shape, double scale) {
  Tensor result = Tensor::empty(shape, x.dtype());
  if (x.dtype() == DType::int64) {
    sum_integers(pointer<std::int64_t>(x), m, pointer<std::int64_t>(result));
  } else {
    visit_floating(x.dtype(), "sum", [&]<class T>() { sum_middle(pointer<T>(x), m, scale, pointer<T>(result)); });
  }
  return result;
}

/// The gradient of a sum: the upstream one, for every element.
Tensor spread(const Tensor& upstream, const Shape& with_ones, const Shape& to, double scale) {
  const Tensor scaled = scale == 1 ? upstream : upstream * scale;
  return scaled.reshape(with_ones).expand(to);
}

Tensor sum_scaled(const Tensor& x, double scale, const char* name) {
  require_defined(x, name);
  if (is_narrow(x.dtype())) return sum_scaled(x.to(DType::float32), scale, name);
  if (x.impl()->is_recorded.load(std::memory_order_acquire) && is_floating(x.dtype())) {
    return sum_recorded(x, scale, name);
  }
  const Tensor source = is_floating(x.dtype()) ? x : x.to(DType::int64);
  const Tensor dense = dense_operand(source);
  const Shape ones(x.rank(), 1);
  return make_node(
      name, sum_dense(dense, {1, x.numel(), 1}, {}, scale), {&x},
      [ones, from = x.shape(), scale](BackwardContext& b) { b.set(0, spread(b.upstream(), ones, from, scale)); });
}

Tensor sum_dim(const Tensor& x, int dim, bool keepdim, double scale, const char* name) {
  if (is_narrow(x.dtype())) return sum_dim(x.to(DType::float32), dim, keepdim, scale, name);
  const Tensor source = is_floating(x.dtype()) ? x : x.to(DType::int64);
  const Tensor dense = dense_operand(source);
  Tensor result = sum_dense(dense, middle_of(x, dim), reduced_shape(x.shape(), dim, keepdim), scale);
  return make_node(name, std::move(result), {&x},
                   [ones = reduced_shape(x.shape(), dim, true), from = x.shape(), scale](BackwardContext& b) {
                     b.set(0, spread(b.upstream(), ones, from, scale));
                   });
}

}  // namespace

Tensor sum_to_shape(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Tensor result = x;
  if (const int extra = x.rank() - shape.rank(); extra > 0) {
    Shape merged{1};
    for (int d = 0; d < x.rank(); ++d) {
      if (d < extra)
        merged[0] *= x.shape()[d];
      else
        merged.push_back(x.shape()[d]);
    }
    result = sum(result.reshape(merged), 0);
  }
  for (int d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 1 && result.shape()[d] != 1) result = sum(result, d, true);
  }
  return result;
}

}  // namespace detail

using namespace detail;

Tensor sum(const Tensor& x) { return sum_scaled(x, 1, "sum"); }

Tensor sum(const Tensor& x, int dim, bool keepdim) {
  require_defined(x, "sum");
  const int d = normalize_dim(dim, x.rank(), "sum");
  if (x.rank() == 0) return sum(x);
  return sum_dim(x, d, keepdim, 1, "sum");
}

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  require_defined(x, "sum");
  std::array<bool, max_rank> reduce{};
  for (std::int64_t dim : dims) {
    bool& flag = reduce[static_cast<std::size_t>(normalize_dim(static_cast<int>(dim), x.rank(), "sum"))];
    if (flag) fail<ValueError>("sum: dims {} name dimension {} twice", dims, dim);
    flag = true;
  }
  Tensor result = x;
  for (int d = x.rank() - 1; d >= 0; --d) {
    if (reduce[static_cast<std::size_t>(d)]) result = sum(result, d, keepdim);
  }
  return result;
}

Tensor mean(const Tensor& x) {
  require_defined(x, "mean");
  if (!is_floating(x.dtype())) fail<DTypeError>("mean: expected float32 or float64, got {}", name_of(x.dtype()));
  return sum_scaled(x, 1.0 / static_cast<double>(x.numel()), "mean");
}

Tensor mean(const Tensor& x, int dim, bool keepdim) {
  require_defined(x, "mean");
  if (!is_floating(x.dtype())) fail<DTypeError>("mean: expected float32 or float64, got {}", name_of(x.dtype()));
  if (x.rank() == 0) return mean(x);
  const int d = normalize_dim(dim, x.rank(), "mean");
  return sum_dim(x, d, keepdim, 1.0 / static_cast<double>(x.shape()[d]), "mean");
}

namespace {

/// Position of the first largest (smallest) element of a line, or of the first NaN.
template <class T, class Better>
std::int64_t best_of(const T* p, std::int64_t n, std::int64_t step, Better better) {
  std::int64_t best = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    const T value = p[k * step];
    if (value != value) return k;
    if (better(value, p[best * step])) best = k;
  }
  return best;
}

/// result(line, position, value) for the best element of every line.
template <class Result>
void find_best(const Tensor& dense, Middle m, bool largest, const char* name, Result result) {
  if (m.n == 0) fail<ShapeError>("{}: the reduction of shape {} is over no elements", name, dense.shape());
  visit_dtype(dense.dtype(), [&]<class T>() {
    const T* p = pointer<T>(dense);
    for_each_line(m.lines(), m.n, [&](std::int64_t line) {
      const T* begin = p + line / m.inner * m.n * m.inner + line % m.inner;
      const std::int64_t at = largest ? best_of(begin, m.n, m.inner, [](T a, T b) { return a > b; })
                                      : best_of(begin, m.n, m.inner, [](T a, T b) { return a < b; });
      result(line, at, begin + at * m.inner);
    });
  });
}

/// Those elements that equal the extreme one share its gradient.
Tensor extreme(const Tensor& x, Middle m, const Shape& shape, const Shape& ones, bool largest, const char* name) {
  const Tensor dense = dense_operand(x.detach());
  Tensor result = Tensor::empty(shape, x.dtype());
  find_best(dense, m, largest, name,
            [out = static_cast<char*>(result.impl()->pointer()), bytes = size_of(x.dtype())](
                std::int64_t line, std::int64_t, const auto* value) {
              std::memcpy(out + static_cast<std::size_t>(line) * bytes, value, bytes);
            });
  if (!is_floating(x.dtype())) return result;
  return make_node(
      name, result, {&x}, [saved = Saved(x), ones, extreme_value = Saved(result.detach())](BackwardContext& b) {
        const Tensor& input = saved.get(b.name());
        const Tensor is_best = (input.detach() == extreme_value.get(b.name()).reshape(ones)).to(input.dtype());
        const Tensor ties = sum_to_shape(is_best, ones);
        b.set(0, is_best * (b.upstream().reshape(ones) / ties));
      });
}

Tensor extreme_all(const Tensor& x, bool largest, const char* name) {
  require_defined(x, name);
  return extreme(x, {1, x.numel(), 1}, {}, Shape(x.rank(), 1), largest, name);
}

Tensor extreme_dim(const Tensor& x, int dim, bool keepdim, bool largest, const char* name) {
  require_defined(x, name);
  const int d = normalize_dim(dim, x.rank(), name);
  if (x.rank() == 0) return extreme_all(x, largest, name);
  return extreme(x, middle_of(x, d), reduced_shape(x.shape(), d, keepdim), reduced_shape(x.shape(), d, true), largest,
                 name);
}

}  // namespace

Tensor max(const Tensor& x) { return extreme_all(x, true, "max"); }
Tensor min(const Tensor& x) { return extreme_all(x, false, "min"); }
Tensor amax(const Tensor& x, int dim, bool keepdim) { return extreme_dim(x, dim, keepdim, true, "amax"); }
Tensor amin(const Tensor& x, int dim, bool keepdim) { return extreme_dim(x, dim, keepdim, false, "amin"); }

Tensor argmax(const Tensor& x) {
  require_defined(x, "argmax");
  return argmax(x.detach().reshape({x.numel()}), 0);
}

Tensor argmax(const Tensor& x, int dim, bool keepdim) {
  require_defined(x, "argmax");
  const int d = normalize_dim(dim, x.rank(), "argmax");
  if (x.rank() == 0) return Tensor::zeros({}, DType::int64);
  const Tensor dense = dense_operand(x.detach());
  Tensor result = Tensor::empty(reduced_shape(x.shape(), d, keepdim), DType::int64);
  find_best(dense, middle_of(x, d), true, "argmax",
            [out = pointer<std::int64_t>(result)](std::int64_t line, std::int64_t at, const auto*) { out[line] = at; });
  return result;
}

}  // namespace perdita
