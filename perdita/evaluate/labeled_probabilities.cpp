#include "perdita/evaluate/labeled_probabilities.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"

namespace perdita::evaluate {

namespace {

constexpr double range_slack = 1e-5;  // rounding of a softmax in single precision
constexpr double sum_slack = 1e-2;    // rounding to float16, and to a few digits in text

// To start threads takes longer than to process a small part.
constexpr std::int64_t part_elements = 16384, most_parts = 64;

void check_shapes(const NamedArray& scores, const NamedArray& labels) {
  const Shape& shape = scores.array.shape;
  if (shape.rank() != 2 || shape[1] < 2 || shape[1] > most_audited_classes) {
    fail<ShapeError>("audit: {} has shape {} (valid: [N, classes] with 2..{} classes)", scores.name, shape,
                     most_audited_classes);
  }
  const Shape& given = labels.array.shape;
  if (given.rank() < 1 || given.rank() > 2 || (given.rank() == 2 && given[1] != 1)) {
    fail<ShapeError>("audit: {} has shape {} (valid: [N] or [N, 1], one class index per row)", labels.name, given);
  }
  if (shape[0] != given[0]) {
    fail<ShapeError>("audit: {} has {} row(s), {} has {} (valid: the same number of rows)", scores.name, shape[0],
                     labels.name, given[0]);
  }
  if (shape[0] == 0) fail<DataError>("audit: {} has no rows (valid: at least one)", scores.name);
}

template <class From>
std::vector<std::int32_t> read_labels(const NamedArray& labels, std::int64_t classes) {
  const auto count = static_cast<std::size_t>(labels.array.size());
  const From* const given = labels.array.data<From>();
  std::vector<std::int32_t> read(count);
  for (std::size_t row = 0; row < count; ++row) {
    const From label = given[row];
    bool is_class = false;
    if constexpr (std::is_floating_point_v<From>)
      is_class = label >= 0 && label < static_cast<From>(classes) && label == std::floor(label);
    else
      is_class = static_cast<std::int64_t>(label) >= 0 && static_cast<std::int64_t>(label) < classes;
    if (!is_class) {
      fail<IndexError>("audit: {}: target[{}] is {} (valid: integers 0..{})", labels.name, row, label, classes - 1);
    }
    read[row] = static_cast<std::int32_t>(label);
  }
  return read;
}

/// What a row is, if it is not a distribution.
template <class T>
[[noreturn]] void refuse_row(const NamedArray& scores, Scale scale, std::int64_t row, const T* p,
                             std::int64_t classes) {
  const std::int64_t elements = row * classes;
  const auto given = [&](std::int64_t k) {
    return visit_dtype(scores.array.dtype,
                       [&]<class From>() { return static_cast<double>(scores.array.data<From>()[elements + k]); });
  };
  const std::string_view valid = scale == Scale::logits ? "finite logits, or -inf for some classes"
                                 : scale == Scale::probabilities
                                     ? "probabilities in [0, 1]; for logits set the scale to logits"
                                     : "log-probabilities of at most 0";
  double sum = 0;
  for (std::int64_t k = 0; k < classes; ++k) {
    const auto value = static_cast<double>(p[k]);
    // One logit that is not finite makes NaN of the whole row; a row of -inf has none that differs.
    const bool is_cause =
        scale != Scale::logits || !(given(k) < std::numeric_limits<double>::infinity()) || k == classes - 1;
    if (!(value >= 0 && value <= 1 + range_slack) && is_cause)
      fail<DataError>("audit: {}: row {} contains {} (valid: {})", scores.name, row, given(k), valid);
    sum += value;
  }
  fail<DataError>("audit: {}: the probabilities of row {} have sum {:.6g} (valid: 1, within {})", scores.name, row, sum,
                  sum_slack);
}

/// The predicted class of each row of a part. Returns the first row that is not a distribution, or -1.
template <class T>
std::int64_t predict_part(LabeledProbabilities<T>& data, std::int64_t part) {
  constexpr T most = T(1 + range_slack);
  for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row) {
    const T* const p = data.row(row);
    T sum = 0, largest = 0, least = 0;
    for (std::int64_t k = 0; k < data.classes; ++k) {
      sum += p[k];
      largest = std::max(largest, p[k]);
      least = std::min(least, p[k]);
    }
    // The sum is NaN if one of the probabilities is.
    if (!(std::abs(sum - T(1)) <= T(sum_slack)) || least < 0 || largest > most) return row;
    std::int32_t predicted = 0;
    while (p[predicted] != largest) ++predicted;
    data.predicted[static_cast<std::size_t>(row)] = predicted;
  }
  return -1;
}

/// Softmax, or exp, of the rows of a part in place.
template <class T>
void to_probabilities(LabeledProbabilities<T>& data, std::int64_t part, Scale scale) {
  for (std::int64_t row = data.first_row(part); row < data.first_row(part + 1); ++row) {
    T* const p = const_cast<T*>(data.row(row));
    T* const end = p + data.classes;
    const bool is_logits = scale == Scale::logits;
    const T shift = is_logits ? *std::max_element(p, end) : T(0);
    T sum = 0;
    for (T* at = p; at < end; ++at) sum += * at = std::exp(*at - shift);
    for (T* at = p; is_logits && at < end; ++at) *at /= sum;
  }
}

/// The elements as T, where they lie if they are not to be changed.
template <class T>
Array elements_as(const Array& from, bool may_share) {
  if (may_share && from.dtype == dtype_of<T>()) return from;
  Array to = Array::empty(from.shape, dtype_of<T>());
  visit_dtype(from.dtype, [&]<class From>() {
    constexpr std::int64_t piece = 1 << 16;
    const std::int64_t count = from.size();
    parallel_for((count + piece - 1) / piece, [&](std::int64_t i) {
      const std::int64_t end = std::min(count, (i + 1) * piece);
      std::transform(from.data<From>() + i * piece, from.data<From>() + end, to.data<T>() + i * piece,
                     [](From x) { return static_cast<T>(x); });
    });
  });
  return to;
}

}  // namespace

NamedArray read_all(data::RowReader& reader) {
  constexpr std::int64_t some = std::int64_t{1} << 20;  // rows of a text, whose number is not known before its end
  std::int64_t capacity = reader.rows.value_or(some), count = 0;
  Shape shape = reader.row_shape;
  const auto with_rows = [&](std::int64_t rows) {
    Shape all{rows};
    for (std::int64_t i = 0; i < shape.rank(); ++i) all.push_back(shape[i]);
    return all;
  };
  Array all = Array::empty(with_rows(capacity), reader.dtype);
  const auto at = [&](std::int64_t row) { return static_cast<char*>(all.buffer.data()) + row * reader.row_bytes(); };
  while (const std::int64_t read = reader.read(count, capacity - count, at(count))) {
    count += read;
    if (count < capacity) continue;
    if (reader.rows) break;
    capacity *= 2;
    Array larger = Array::empty(with_rows(capacity), reader.dtype);
    std::memcpy(larger.buffer.data(), all.buffer.data(), static_cast<std::size_t>(count * reader.row_bytes()));
    all = std::move(larger);
  }
  all.shape = with_rows(count);
  return {std::move(all), reader.name};
}

template <class T>
LabeledProbabilities<T> label_probabilities(const NamedArray& scores, const NamedArray& labels, Scale scale) {
  check_shapes(scores, labels);
  LabeledProbabilities<T> data{.rows = scores.array.shape[0], .classes = scores.array.shape[1]};
  data.parts = std::clamp<std::int64_t>(scores.array.size() / part_elements, 1, most_parts);
  data.labels = visit_dtype(labels.array.dtype, [&]<class From>() { return read_labels<From>(labels, data.classes); });
  data.class_counts.resize(static_cast<std::size_t>(data.classes));
  for (const std::int32_t label : data.labels) ++data.class_counts[static_cast<std::size_t>(label)];
  data.probabilities = elements_as<T>(scores.array, scale == Scale::probabilities);
  data.predicted.resize(static_cast<std::size_t>(data.rows));
  std::vector<std::int64_t> refused(static_cast<std::size_t>(data.parts), -1);
  parallel_for(data.parts, [&](std::int64_t part) {
    if (scale != Scale::probabilities) to_probabilities(data, part, scale);
    refused[static_cast<std::size_t>(part)] = predict_part(data, part);
  });
  for (const std::int64_t row : refused) {
    if (row >= 0) refuse_row(scores, scale, row, data.row(row), data.classes);
  }
  return data;
}

template LabeledProbabilities<float> label_probabilities(const NamedArray&, const NamedArray&, Scale);
template LabeledProbabilities<double> label_probabilities(const NamedArray&, const NamedArray&, Scale);

}  // namespace perdita::evaluate
