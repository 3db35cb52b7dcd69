#include "perdita/kernels/labels.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "perdita/kernels/blocks.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::kernels {

namespace {

constexpr std::int64_t labels_per_block = 65536;

struct Counts {
  std::int64_t used = 0, bad = 0;
};

/// No branch, so that the compiler makes vectors of it.
struct Narrow {
  template <class Target, class Label>
  PERDITA_INLINE Counts operator()(Target, const Label* labels, std::int32_t* out, std::int64_t begin, std::int64_t end,
                                   std::int64_t classes, std::int64_t ignore_index) const {
    Counts counts;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto label = static_cast<std::int64_t>(labels[i]);
      const bool is_used = label != ignore_index;
      out[i] = is_used ? static_cast<std::int32_t>(label) : -1;
      counts.used += is_used;
      counts.bad += is_used & ((label < 0) | (label >= classes));
    }
    return counts;
  }
};

void keep_least(std::atomic<std::int64_t>& least, std::int64_t candidate) {
  for (std::int64_t known = least; candidate < known && !least.compare_exchange_weak(known, candidate);) {
  }
}

template <class Label, class T>
Labels read(std::string_view operation, const Label* labels, std::int64_t count, std::int64_t classes,
            std::int64_t ignore_index, const T* class_weights) {
  Labels result;
  result.buffer = Buffer::allocate(static_cast<std::size_t>(count) * sizeof(std::int32_t));
  auto* const out = static_cast<std::int32_t*>(result.buffer.data());
  std::atomic<std::int64_t> used{0}, first_bad_block{count};
  result.weight_sum = sum_over_blocks(count, labels_per_block, [&](std::int64_t begin, std::int64_t end) {
    const Counts counts = run(Narrow{}, labels, out, begin, end, classes, ignore_index);
    if (counts.bad > 0) {
      keep_least(first_bad_block, begin);
      return 0.0;
    }
    used += counts.used;
    if (!class_weights) return static_cast<double>(counts.used);
    double weights = 0;
    for (std::int64_t i = begin; i < end; ++i) weights += out[i] < 0 ? 0.0 : static_cast<double>(class_weights[out[i]]);
    return weights;
  });
  if (std::int64_t bad = first_bad_block; bad < count) {
    const auto is_bad = [&](Label given) {
      const auto label = static_cast<std::int64_t>(given);
      return label != ignore_index && (label < 0 || label >= classes);
    };
    bad = std::find_if(labels + bad, labels + count, is_bad) - labels;
    fail<IndexError>("{}: target[{}] is {}, but input has {} classes (valid: 0..{}{})", operation, bad,
                     static_cast<std::int64_t>(labels[bad]), classes, classes - 1,
                     ignore_index == no_ignore_index ? "" : fmt::format(", or ignore_index {}", ignore_index));
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
