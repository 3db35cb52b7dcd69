#include "perdita/kernels/labels.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "perdita/kernels/blocks.hpp"

namespace perdita::kernels {

namespace {

constexpr std::int64_t labels_per_block = 65536;

template <class Label, class T>
Labels read(std::string_view operation, const Label* labels, std::int64_t count, std::int64_t classes,
            std::int64_t ignore_index, const T* class_weights) {
  Labels result;
  result.buffer = Buffer::allocate(static_cast<std::size_t>(count) * sizeof(std::int32_t));
  auto* const out = static_cast<std::int32_t*>(result.buffer.data());
  std::atomic<std::int64_t> used{0};
  std::atomic<std::int64_t> first_bad{count};
  result.weight_sum = sum_over_blocks(count, labels_per_block, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t used_here = 0;
    double weights = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto label = static_cast<std::int64_t>(labels[i]);
      const bool ignored = label == ignore_index;
      if (!ignored && static_cast<std::uint64_t>(label) >= static_cast<std::uint64_t>(classes)) {
        for (std::int64_t known = first_bad; i < known && !first_bad.compare_exchange_weak(known, i);) {
        }
        break;
      }
      out[i] = ignored ? -1 : static_cast<std::int32_t>(label);
      used_here += !ignored;
      if (class_weights && !ignored) weights += static_cast<double>(class_weights[label]);
    }
    used += used_here;
    return class_weights ? weights : static_cast<double>(used_here);
  });
  if (const std::int64_t bad = first_bad; bad < count) {
    fail<IndexError>("{}: target[{}] is {}, but input has {} classes (valid: 0..{}, or ignore_index {})", operation,
                     bad, static_cast<std::int64_t>(labels[bad]), classes, classes - 1, ignore_index);
  }
  result.used = used;
  return result;
}

}  // namespace

template <class T>
Labels read_labels(std::string_view operation, DType dtype, const void* labels, std::int64_t count,
                   std::int64_t classes, std::int64_t ignore_index, const T* class_weights) {
  if (classes > std::numeric_limits<std::int32_t>::max()) {
    fail<ShapeError>("{}: input has {} classes (valid: at most 2147483647)", operation, classes);
  }
  const auto read_as = [&]<class Label>(const Label* data) {
    return read(operation, data, count, classes, ignore_index, class_weights);
  };
  switch (dtype) {
    case DType::int64:
      return read_as(static_cast<const std::int64_t*>(labels));
    case DType::int32:
      return read_as(static_cast<const std::int32_t*>(labels));
    case DType::uint8:
      return read_as(static_cast<const std::uint8_t*>(labels));
    default:
      fail<DTypeError>("{}: target holds {} (valid: class indices as int64, int32 or uint8)", operation,
                       name_of(dtype));
  }
}

template Labels read_labels(std::string_view, DType, const void*, std::int64_t, std::int64_t, std::int64_t,
                            const float*);
template Labels read_labels(std::string_view, DType, const void*, std::int64_t, std::int64_t, std::int64_t,
                            const double*);

}  // namespace perdita::kernels
