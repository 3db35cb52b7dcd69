#include "perdita/data/csv_profile.hpp"

#include <algorithm>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/date.hpp"

namespace perdita::data::detail {

namespace {

/// Whether the text is a number if its only comma is replaced by a point.
bool has_decimal_comma(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || text.size() > 40 || text.find('.') != std::string_view::npos) return false;
  std::string with_point(text);
  with_point[comma] = '.';
  double ignored;
  return parse_number(with_point, ignored) == NumberStatus::ok;
}

}  // namespace

void ColumnProfile::add(const CsvField& field) {
  float ignored;
  const NumberStatus status = parse_number(field.text, ignored);
  if (status == NumberStatus::missing) return;
  ++present_;
  const bool is_number = status != NumberStatus::not_a_number;
  numbers_ += is_number;
  decimal_commas_ += !is_number && has_decimal_comma(field.text);
  if (!is_number && !first_word_) first_word_ = field;
  const auto word = parse_boolean(field.text);
  boolean_pairs_ &= word ? 1u << word->pair : 0u;
  are_dates_ = are_dates_ && parse_date(field.text).has_value();
  if (is_overfull_) return;
  if (values_.contains(field.text)) return;
  std::string text = to_utf8(field.value());
  if (values_.contains(text)) return;
  if (values_.size() < most_categories_) {
    values_.insert(std::move(text));
  } else {
    is_overfull_ = true;
    values_ = {};
  }
}

ColumnKind ColumnProfile::kind() const {
  if (present_ > 0 && boolean_pairs_ != 0) return ColumnKind::boolean;
  if (present_ > 0 && are_dates_) return ColumnKind::date;
  return ColumnKind::category;
}

bool ColumnProfile::is_identifier(std::size_t least) const {
  return is_overfull_ || (distinct() > least && 2 * static_cast<std::int64_t>(distinct()) > present_);
}

std::vector<std::string> ColumnProfile::categories() const {
  std::vector<std::string> names(values_.begin(), values_.end());
  std::ranges::sort(names);
  return names;
}

void refuse_decimal_comma(const CsvReader& reader, std::int64_t column, const CsvField& field) {
  fail<DataError>(
      "read_csv: {}: line {}, {}: the numbers have a decimal comma, got {} (valid: a decimal point, as the program tr "
      "writes with the arguments , .)",
      reader.file(), field.line, reader.column_name(column), printable(field.text));
}

}  // namespace perdita::data::detail
