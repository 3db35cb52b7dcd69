// Class labels of any integer type, checked once at the border and handed to kernels in one form.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "perdita/core/buffer.hpp"
#include "perdita/core/dtype.hpp"

namespace perdita::kernels {

/// For losses in which every row counts.
inline constexpr std::int64_t no_ignore_index = std::numeric_limits<std::int64_t>::min();

/// Labels as kernels take them: one std::int32_t a row, -1 where the row is ignored.
struct Labels {
  Buffer buffer;
  std::int64_t used = 0;  ///< rows that are not ignored
  double weight_sum = 0;  ///< of the used rows' class weights; `used` without weights
  const std::int32_t* data() const { return static_cast<const std::int32_t*>(buffer.data()); }
};

/// Reads `count` labels of dtype int64, int32 or uint8, of which the first is that of row `first_row`. Throws
/// DTypeError for another dtype, and IndexError that names `operation`, the first offending row, its label and the
/// valid range. ignore_index may lie in the range or outside.
template <class T>
Labels read_labels(std::string_view operation, DType dtype, const void* labels, std::int64_t count,
                   std::int64_t classes, std::int64_t ignore_index, const T* class_weights, std::int64_t first_row = 0);

/// Of each row the classes that it lists, as kernels take them.
struct LabelLists {
  Buffer labels, ends;
  const std::int32_t* label_data() const { return static_cast<const std::int32_t*>(labels.data()); }
  /// Where the labels of each row end.
  const std::int64_t* end_data() const { return static_cast<const std::int64_t*>(ends.data()); }
};

/// Reads [rows, classes], of which each row counts up to its first -1. Throws IndexError that names `operation`, the
/// first offending position, its label and the valid range.
LabelLists read_label_lists(std::string_view operation, const std::int64_t* lists, std::int64_t rows,
                            std::int64_t classes);

}  // namespace perdita::kernels
