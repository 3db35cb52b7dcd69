// Shapes, strides and broadcasting. Everything is counted in elements, never in bytes.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "perdita/core/error.hpp"

namespace perdita {

inline constexpr int max_rank = 8;

/// A short list of dimension sizes or strides, kept inline: making one takes no memory.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  explicit Dims(std::span<const std::int64_t> values) {
    for (std::int64_t value : values) push_back(value);
  }
  Dims(int rank, std::int64_t value) {
    for (int i = 0; i < rank; ++i) push_back(value);
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int i) const { return values_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](int i) { return values_[static_cast<std::size_t>(i)]; }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + rank_; }
  std::int64_t back() const { return (*this)[rank_ - 1]; }

  void push_back(std::int64_t value) {
    if (rank_ == max_rank) fail<ShapeError>("a tensor has at most {} dimensions", max_rank);
    values_[static_cast<std::size_t>(rank_++)] = value;
  }
  void insert(int position, std::int64_t value) {
    push_back(value);
    for (int i = rank_ - 1; i > position; --i) std::swap((*this)[i], (*this)[i - 1]);
  }
  void erase(int position) {
    for (int i = position; i + 1 < rank_; ++i) (*this)[i] = (*this)[i + 1];
    --rank_;
  }

  friend bool operator==(const Dims& a, const Dims& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<std::int64_t, max_rank> values_{};
  int rank_ = 0;
};

using Shape = Dims;
using Strides = Dims;

/// Number of elements; 1 for the empty shape of a scalar.
std::int64_t numel(const Shape& shape);

/// "[2, 3]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// Row-major strides of a dense array.
Strides contiguous_strides(const Shape& shape);

/// Whether (shape, strides) walks a dense row-major array; dimensions of size 1 may have any stride.
bool is_contiguous(const Shape& shape, const Strides& strides);

/// The common shape by NumPy's rule. Throws ShapeError that names `operation` and both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b, std::string_view operation);

/// Strides that read an array of (shape, strides) as if it had the larger shape `to`: 0 where it repeats.
Strides broadcast_strides(const Shape& shape, const Strides& strides, const Shape& to);

/// A dimension counted from the end when negative. Throws IndexError that names `operation`.
int normalize_dim(int dim, int rank, std::string_view operation);

/// Merges neighbouring dimensions that every operand walks alike, drops those of size 1: what is left is the least
/// number of nested loops over all operands at once.
void collapse(Shape& shape, std::span<Strides> operands);

}  // namespace perdita

template <>
struct fmt::formatter<perdita::Dims> : fmt::formatter<std::string> {
  auto format(const perdita::Dims& dims, format_context& context) const {
    return formatter<std::string>::format(perdita::to_string(dims), context);
  }
};
