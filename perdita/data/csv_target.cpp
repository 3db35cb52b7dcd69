#include "perdita/data/csv_target.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/date.hpp"

namespace perdita::data::detail {

namespace {

using Target = CsvOptions::Target;

// Bounds the memory that a small file takes.
constexpr std::size_t most_classes = std::size_t{1} << 18;
constexpr std::size_t most_counted = std::size_t{1} << 12;
/// Up to so many classes of a small table are never taken for identifiers.
constexpr std::size_t fewest_identifiers = 10;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

std::optional<float> number_of(const std::string& name) {
  float value = 0;
  return parse_number(name, value) == NumberStatus::ok ? std::optional(value) : std::nullopt;
}

}  // namespace

CsvTarget::CsvTarget(const CsvReader& reader, Target kind)
    : reader_(reader),
      column_(reader.layout().column),
      kind_(kind),
      has_words_(kind == Target::label),
      is_label_(kind == Target::label),
      profile_(most_counted) {}

void CsvTarget::refuse(const CsvField& field, NumberStatus status) const {
  std::string_view valid = "a number such as -1.5 or 2e3";
  if (status == NumberStatus::not_finite) valid = "a finite number";
  if (status == NumberStatus::too_large) valid = "an absolute value up to 3.4e38";
  reader_.refuse(field, column_, status, valid);
}

void CsvTarget::add(const CsvField& field) {
  float& number = numbers_.emplace_back();
  if (is_label_) return;
  const NumberStatus status = parse_number(field.text, number);
  if (status == NumberStatus::ok) return;
  if (status == NumberStatus::not_finite || status == NumberStatus::too_large) refuse(field, status);
  number = missing;
  has_words_ |= status == NumberStatus::not_a_number;
}

void CsvTarget::add_word(const CsvField& field) {
  if (!is_label_) profile_.add(field);
  if (kind_ == Target::number) return;
  if (is_missing_marker(field.text)) {
    labels_.push_back(-1);
    return;
  }
  const auto next = static_cast<std::int32_t>(classes_.size());
  labels_.push_back(classes_.emplace(to_utf8(field.value()), next).first->second);
  if (classes_.size() > most_classes) {
    fail<DataError>("read_csv: {}: line {}, {}: more than {} different labels (valid: fewer, or task=regression)",
                    reader_.file(), field.line, reader_.column_name(column_), most_classes);
  }
}

bool CsvTarget::decide() {
  if (is_label_) return false;
  is_date_ = profile_.kind() == ColumnKind::date;
  if (is_date_) return true;
  if (kind_ == Target::number) refuse(*profile_.first_word(), NumberStatus::not_a_number);
  check_labels();
  is_label_ = true;
  return false;
}

/// Of labels that were not asked for.
void CsvTarget::check_labels() const {
  if (profile_.has_decimal_commas()) refuse_decimal_comma(reader_, column_, *profile_.first_word());
  if (profile_.is_mostly_numbers()) {
    const CsvField& word = *profile_.first_word();
    fail<DataError>(
        "read_csv: {}: line {}, {}: the target is not a number, got {}, but {} of {} targets are (valid: numbers, or "
        "task=multiclass for labels)",
        reader_.file(), word.line, reader_.column_name(column_), printable(word.text), profile_.numbers(),
        profile_.present());
  }
  const auto labels = static_cast<std::int64_t>(classes_.size());
  if (classes_.size() > fewest_identifiers && 2 * labels > profile_.present()) {
    fail<DataError>(
        "read_csv: {}: the target, {}, has {} different labels in {} rows, as identifiers and free text have (valid: "
        "target=COLUMN for another column, or task=multiclass to train on these labels)",
        reader_.file(), reader_.column_name(column_), labels, profile_.present());
  }
}

void CsvTarget::add_date(std::int64_t row, const CsvField& field) {
  const auto days = parse_date(field.text);
  numbers_[static_cast<std::size_t>(row)] = days ? static_cast<float>(*days) : missing;
}

bool CsvTarget::may_be_lossy() const {
  if (is_label_) return false;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (float number : numbers_) {  // a comparison with NaN is false
    low = number < low ? number : low;
    high = number > high ? number : high;
  }
  return low <= high && perdita::data::detail::may_be_lossy(low, high);
}

void CsvTarget::measure(const CsvField& field, Rounding& rounding) const {
  if (const auto value = parse_double(is_date_ ? ColumnKind::date : ColumnKind::number, field.text))
    rounding.add(*value);
}

bool CsvTarget::is_missing(std::size_t row) const { return is_label_ ? labels_[row] < 0 : std::isnan(numbers_[row]); }

/// Labels were numbered as they came; their order is that of the names. Returns the place of each.
std::vector<std::int64_t> CsvTarget::sort_classes() {
  for (const auto& [name, label] : classes_) class_names_.push_back(name);
  std::ranges::sort(class_names_);
  if (std::ranges::all_of(class_names_, [](const std::string& name) { return number_of(name).has_value(); }))
    std::ranges::stable_sort(class_names_, {}, [](const std::string& name) { return *number_of(name); });
  std::vector<std::int64_t> place(classes_.size());
  for (std::size_t i = 0; i < place.size(); ++i)
    place[static_cast<std::size_t>(classes_.find(class_names_[i])->second)] = static_cast<std::int64_t>(i);
  return place;
}

Array CsvTarget::take(const std::vector<std::int64_t>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (!is_label_) {
    Array targets = Array::empty({count}, DType::float32);
    std::ranges::transform(rows, targets.data<float>(),
                           [&](std::int64_t row) { return numbers_[static_cast<std::size_t>(row)]; });
    return targets;
  }
  const std::vector<std::int64_t> place = sort_classes();
  Array targets = Array::empty({count}, DType::int64);
  std::ranges::transform(rows, targets.data<std::int64_t>(), [&](std::int64_t row) {
    return place[static_cast<std::size_t>(labels_[static_cast<std::size_t>(row)])];
  });
  return targets;
}

}  // namespace perdita::data::detail
