#include "perdita/data/csv_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

// More different values than these are identifiers or free text. Both bound the memory that a small file takes.
constexpr std::size_t most_categories = std::size_t{1} << 12, most_asked_categories = std::size_t{1} << 16;
/// Two values in three rows are not identifiers yet.
constexpr std::size_t fewest_identifiers = 2;
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

}  // namespace

CsvInputs::CsvInputs(const CsvReader& reader, const CsvSelection& selection, std::int64_t most_rows)
    : reader_(reader),
      selection_(selection),
      is_asked_(selection.inputs.size()),
      is_left_out_(selection.inputs.size()),
      profiles_(selection.inputs.size()) {
  const auto& names = reader.layout().names;
  for (std::int64_t column : selection.inputs) {
    const std::size_t input = columns_.size();
    columns_.push_back(
        {.name = names.empty() ? fmt::format("{}", column) : to_utf8(names[static_cast<std::size_t>(column)])});
    is_asked_[input] = std::ranges::binary_search(selection.categories, column);
    if (!is_asked_[input]) continue;
    profiles_[input] = std::make_unique<ColumnProfile>(most_asked_categories);
    has_words_ = true;
  }
  values_ = Array::empty({most_rows, static_cast<std::int64_t>(width())}, DType::float32);
}

void CsvInputs::add(std::int64_t row, std::size_t input, const CsvField& field) {
  float& number = value(row, input);
  const NumberStatus status = parse_number(field.text, number);
  if (status == NumberStatus::ok) return;
  number = missing;
  if (status == NumberStatus::missing || profiles_[input]) return;
  if (status == NumberStatus::not_a_number) {
    profiles_[input] = std::make_unique<ColumnProfile>(most_categories);
    has_words_ = true;
    return;
  }
  reader_.refuse(field, selection_.inputs[input], status,
                 status == NumberStatus::not_finite ? "a finite number" : "an absolute value up to 3.4e38");
}

void CsvInputs::decide() {
  for (std::size_t input = 0; input < width(); ++input) {
    if (!profiles_[input]) continue;
    decide(input, *profiles_[input]);
    profiles_[input].reset();
  }
}

void CsvInputs::decide(std::size_t input, const ColumnProfile& profile) {
  TableColumn& column = columns_[input];
  column.kind = is_asked_[input] ? ColumnKind::category : profile.kind();
  if (column.kind != ColumnKind::category || profile.present() == 0) return;
  if (!is_asked_[input] && profile.has_decimal_commas())
    refuse_decimal_comma(reader_, selection_.inputs[input], *profile.first_word());
  if (!is_asked_[input] && profile.is_mostly_numbers()) suspect_word(input, profile);
  if (!(is_asked_[input] ? profile.is_overfull() : profile.is_identifier(fewest_identifiers))) {
    column.categories = profile.categories();
    return;
  }
  const std::string count = profile.is_overfull() ? fmt::format("more than {}", profile.distinct() - 1)
                                                  : fmt::format("{}", profile.distinct());
  leave_out(input,
            fmt::format("{} different values in {} rows, as identifiers and free text have{}", count, profile.present(),
                        is_asked_[input] ? "" : fmt::format("; category={} keeps it", column.name)));
}

/// A word among numbers may be an error. If the column would be left out because of it, that is one too.
void CsvInputs::suspect_word(std::size_t input, const ColumnProfile& profile) {
  const CsvField& word = *profile.first_word();
  if (profile.is_identifier(fewest_identifiers)) {
    fail<DataError>(
        "read_csv: {}: line {}, {}: the value is not a number, got {}, but {} of {} values are (valid: a number or a "
        "marker of missing values; drop={} leaves the column out)",
        reader_.file(), word.line, column_name(input), printable(word.text), profile.numbers(), profile.present(),
        columns_[input].name);
  }
  warnings_.push_back(fmt::format(
      "{} is read as categories, because line {} has {}, although {} of {} values are numbers (drop={} leaves it out)",
      column_name(input), word.line, printable(word.text), profile.numbers(), profile.present(), columns_[input].name));
}

void CsvInputs::leave_out(std::size_t input, std::string_view reason) {
  left_out_.push_back(fmt::format("{} has {}", column_name(input), reason));
  is_left_out_[input] = true;
}

bool CsvInputs::must_measure(std::int64_t rows) {
  roundings_.resize(width());
  bool found = false;
  for (std::size_t input = 0; input < width(); ++input) {
    const ColumnKind kind = columns_[input].kind;
    if (is_left_out_[input] || kind == ColumnKind::category || kind == ColumnKind::boolean) continue;
    float low = std::numeric_limits<float>::infinity(), high = -low;
    for (std::int64_t row = 0; row < rows; ++row) {
      const float number = value(row, input);  // a comparison with NaN is false
      low = number < low ? number : low;
      high = number > high ? number : high;
    }
    if (kind == ColumnKind::number && low > high) leave_out(input, "no values");
    if (kind == ColumnKind::date || (low <= high && may_be_lossy(low, high))) {
      roundings_[input] = std::make_unique<Rounding>();
      found = true;
    }
  }
  return found;
}

void CsvInputs::set_offsets() {
  for (std::size_t input = 0; input < width(); ++input) {
    if (roundings_[input] && roundings_[input]->is_lossy())
      columns_[input].offset = std::floor(roundings_[input]->low());
  }
}

bool CsvInputs::must_encode() {
  parsers_.resize(width());
  bool found = false;
  for (std::size_t input = 0; input < width(); ++input) {
    const TableColumn& column = columns_[input];
    if (is_left_out_[input] || (column.kind == ColumnKind::number && column.offset == 0)) continue;
    parsers_[input] = std::make_unique<FieldParser>(column);
    found = true;
  }
  return found;
}

void CsvInputs::encode(std::int64_t row, std::size_t input, const CsvField& field) {
  if (parsers_[input]) value(row, input) = parsers_[input]->parse(field).value_or(missing);
}

void CsvInputs::take(const std::vector<std::int64_t>& rows, CsvTable& table) {
  std::vector<std::size_t> kept;
  for (std::size_t input = 0; input < width(); ++input) {
    if (is_left_out_[input]) continue;
    kept.push_back(input);
    table.columns.push_back(std::move(columns_[input]));
  }
  table.left_out.insert(table.left_out.end(), left_out_.begin(), left_out_.end());
  table.warnings = std::move(warnings_);
  if (kept.empty()) {
    fail<DataError>("read_csv: {}: no input is left ({})", reader_.file(), table.left_out.back());
  }
  float* to = values_.data<float>();  // the place is never behind that of the value
  for (std::int64_t row : rows) {
    for (std::size_t input : kept) *to++ = value(row, input);
  }
  values_.shape = {std::ssize(rows), std::ssize(kept)};
  table.inputs = std::move(values_);
}

}  // namespace perdita::data::detail
