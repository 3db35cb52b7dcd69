#include "perdita/core/shape.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace perdita {

std::int64_t numel(const Shape& shape) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) count *= size;
  return count;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", ")); }

Strides contiguous_strides(const Shape& shape) {
  Strides strides(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) strides[i] = strides[i + 1] * std::max<std::int64_t>(shape[i + 1], 1);
  return strides;
}

bool is_contiguous(const Shape& shape, const Strides& strides) {
  if (numel(shape) == 0) return true;
  std::int64_t expected = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view operation) {
  Shape result(std::max(a.rank(), b.rank()), 1);
  for (int i = 1; i <= result.rank(); ++i) {
    const std::int64_t size_a = i <= a.rank() ? a[a.rank() - i] : 1;
    const std::int64_t size_b = i <= b.rank() ? b[b.rank() - i] : 1;
    if (size_a != size_b && size_a != 1 && size_b != 1) {
      fail<ShapeError>(
          "{}: shapes {} and {} cannot be broadcast together: sizes {} and {} differ (valid: the same, or 1)",
          operation, a, b, size_a, size_b);
    }
    result[result.rank() - i] = size_a == 1 ? size_b : size_a;
  }
  return result;
}

Strides broadcast_strides(const Shape& shape, const Strides& strides, const Shape& to) {
  Strides result(to.rank(), 0);
  for (int i = 1; i <= shape.rank(); ++i) {
    const int from = shape.rank() - i;
    if (shape[from] != 1) result[to.rank() - i] = strides[from];
  }
  return result;
}

int normalize_dim(int dim, int rank, std::string_view operation) {
  const int slots = std::max(rank, 1);
  if (dim < -slots || dim >= slots) {
    fail<IndexError>("{}: dimension {} is out of range for a tensor of rank {} (valid: {}..{})", operation, dim, rank,
                     -slots, slots - 1);
  }
  return dim < 0 ? dim + slots : dim;
}

void collapse(Shape& shape, std::span<Strides> operands) {
  int kept = -1;  // the dimension that the next one may join
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    const bool joins = kept >= 0 && std::ranges::all_of(operands, [&](const Strides& strides) {
                         return strides[kept] == strides[i] * shape[i];
                       });
    if (joins) {
      shape[kept] *= shape[i];
    } else {
      shape[++kept] = shape[i];
    }
    for (Strides& strides : operands) strides[kept] = strides[i];
  }
  while (shape.rank() > kept + 1) {
    shape.erase(shape.rank() - 1);
    for (Strides& strides : operands) strides.erase(strides.rank() - 1);
  }
}

}  // namespace perdita
