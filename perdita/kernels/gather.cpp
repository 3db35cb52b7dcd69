#include "perdita/kernels/gather.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "perdita/kernels/narrow.hpp"

namespace perdita::detail {

namespace {

// Rows are often short (ten classes, say), so a repeated number is written four at a time, past the end of the row.
template <class T>
void repeat(T* target, T value, std::int64_t count) {
  static_assert(gather_overshoot == 3);
  const T four[4] = {value, value, value, value};
  for (std::int64_t i = 0; i < count; i += 4) std::memcpy(target + i, four, sizeof four);
}

template <class T, class U, class Convert>
void gather_row(T* target, const U* row, std::int64_t stride, std::int64_t count, Convert convert) {
  if (stride == 0) {
    repeat(target, convert(*row), count);
  } else if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) target[i] = convert(row[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) target[i] = convert(row[i * stride]);
  }
}

template <class T, class U, class Convert>
void gather_rows(T* target, const U* data, const StridedArray& source, std::int64_t begin, std::int64_t count,
                 Convert convert) {
  const Shape& shape = source.shape;
  if (shape.rank() == 0) return repeat(target, convert(*data), count);
  const int last = shape.rank() - 1;
  Dims at(shape.rank(), 0);
  for (int i = last; i >= 0; --i) {
    at[i] = begin % shape[i];
    begin /= shape[i];
  }
  std::int64_t outer = 0;  // offset of the row
  for (int i = 0; i < last; ++i) outer += at[i] * source.strides[i];
  for (;;) {
    const std::int64_t stride = source.strides[last], run = std::min(shape[last] - at[last], count);
    gather_row(target, data + outer + at[last] * stride, stride, run, convert);
    target += run;
    count -= run;
    if (count == 0) return;
    at[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      outer += source.strides[i];
      if (++at[i] < shape[i]) break;
      outer -= at[i] * source.strides[i];
      at[i] = 0;
    }
  }
}

// A short row that repeats, as a bias does: one period is gathered, then doubled by copies of what is there.
template <class T>
void extend_periodically(T* target, std::int64_t period, std::int64_t count) {
  for (std::int64_t filled = period; filled < count;) {
    const std::int64_t more = std::min(filled, count - filled);
    std::memcpy(target + filled, target, static_cast<std::size_t>(more) * sizeof(T));
    filled += more;
  }
}

template <class T>
void gather_narrow(T* target, const StridedArray& source, std::int64_t begin, std::int64_t count) {
  if constexpr (std::is_same_v<T, float>) {
    if (source.is_dense() && !source.is_scalar())
      return widen(target, static_cast<const std::uint16_t*>(source.data) + begin, source.dtype, count);
  }
  visit_narrow(source.dtype, [&]<class U>() {
    gather_rows(target, static_cast<const U*>(source.data), source, begin, count,
                [](U x) { return static_cast<T>(static_cast<float>(x)); });
  });
}

}  // namespace

StridedArray strided_array(const void* data, DType dtype, const Shape& shape, const Strides& strides) {
  StridedArray array{data, dtype, shape, strides};
  collapse(array.shape, std::span(&array.strides, 1));
  return array;
}

template <class T>
void gather(T* target, const StridedArray& source, std::int64_t begin, std::int64_t count) {
  const bool repeats_rows = source.shape.rank() == 2 && source.strides[0] == 0;
  const std::int64_t wanted = repeats_rows ? std::min(count, source.shape[1]) : count;
  if (source.dtype == DType::boolean) {  // a byte that may hold anything but 0 for true
    gather_rows(target, static_cast<const std::uint8_t*>(source.data), source, begin, wanted,
                [](std::uint8_t x) { return static_cast<T>(x != 0); });
  } else if (is_narrow(source.dtype)) {
    gather_narrow(target, source, begin, wanted);
  } else {
    visit_dtype(source.dtype, [&]<class U>() {
      gather_rows(target, static_cast<const U*>(source.data), source, begin, wanted,
                  [](U x) { return static_cast<T>(x); });
    });
  }
  extend_periodically(target, wanted, count);
}

template void gather<float>(float*, const StridedArray&, std::int64_t, std::int64_t);
template void gather<double>(double*, const StridedArray&, std::int64_t, std::int64_t);

}  // namespace perdita::detail
