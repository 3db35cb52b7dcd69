#include "perdita/kernels/labels.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

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

void check_classes(std::string_view operation, std::int64_t classes) {
  if (classes > std::numeric_limits<std::int32_t>::max()) {
    fail<ShapeError>("{}: input has {} classes (valid: at most 2147483647)", operation, classes);
  }
}

/// How many classes a row lists.
std::int64_t list_length(std::string_view operation, const std::int64_t* lists, std::int64_t row,
                         std::int64_t classes) {
  const std::int64_t* const list = lists + row * classes;
  std::int64_t length = 0;
  for (; length < classes && list[length] != -1; ++length) {
    if (list[length] >= 0 && list[length] < classes) continue;
    fail<IndexError>("{}: target[{}] is {}, but input has {} classes (valid: 0..{}, or -1 for the end)", operation,
                     row * classes + length, list[length], classes, classes - 1);
  }
  return length;
}

void keep_least(std::atomic<std::int64_t>& least, std::int64_t candidate) {
  for (std::int64_t known = least; candidate < known && !least.compare_exchange_weak(known, candidate);) {
  }
}

template <class Label, class T>
Labels read(std::string_view operation, const Label* labels, std::int64_t count, std::int64_t classes,
            std::int64_t ignore_index, const T* class_weights, std::int64_t first_row) {
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
    fail<IndexError>("{}: target[{}] is {}, but input has {} classes (valid: 0..{}{})", operation, first_row + bad,
                     static_cast<std::int64_t>(labels[bad]), classes, classes - 1,
                     ignore_index == no_ignore_index ? "" : fmt::format(", or ignore_index {}", ignore_index));
  }
  result.used = used;
  return result;
}

}  // namespace

template <class T>
Labels read_labels(std::string_view operation, DType dtype, const void* labels, std::int64_t count,
                   std::int64_t classes, std::int64_t ignore_index, const T* class_weights, std::int64_t first_row) {
  check_classes(operation, classes);
  const auto read_as = [&]<class Label>(const Label* data) {
    return read(operation, data, count, classes, ignore_index, class_weights, first_row);
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

LabelLists read_label_lists(std::string_view operation, const std::int64_t* lists, std::int64_t rows,
                            std::int64_t classes) {
  check_classes(operation, classes);
  LabelLists result{{}, Buffer::allocate(static_cast<std::size_t>(rows) * sizeof(std::int64_t))};
  auto* const ends = static_cast<std::int64_t*>(result.ends.data());
  constexpr std::int64_t block = 1024;
  const auto for_each_row = [&](const auto& body) {
    parallel_for((rows + block - 1) / block, [&](std::int64_t i) {
      for (std::int64_t row = i * block; row < std::min(rows, (i + 1) * block); ++row) body(row);
    });
  };
  for_each_row([&](std::int64_t row) { ends[row] = list_length(operation, lists, row, classes); });
  std::partial_sum(ends, ends + rows, ends);
  result.labels = Buffer::allocate(static_cast<std::size_t>(rows > 0 ? ends[rows - 1] : 0) * sizeof(std::int32_t));
  auto* const labels = static_cast<std::int32_t*>(result.labels.data());
  for_each_row([&](std::int64_t row) {
    const std::int64_t begin = row > 0 ? ends[row - 1] : 0;
    for (std::int64_t j = begin; j < ends[row]; ++j)
      labels[j] = static_cast<std::int32_t>(lists[row * classes + j - begin]);
  });
  return result;
}

template Labels read_labels(std::string_view, DType, const void*, std::int64_t, std::int64_t, std::int64_t,
                            const float*, std::int64_t);
template Labels read_labels(std::string_view, DType, const void*, std::int64_t, std::int64_t, std::int64_t,
                            const double*, std::int64_t);

}  // namespace perdita::kernels
