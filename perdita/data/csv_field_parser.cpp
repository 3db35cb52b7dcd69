#include "perdita/data/csv_field_parser.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "perdita/core/escape.hpp"
#include "perdita/data/date.hpp"

namespace perdita::data::detail {

namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<BooleanWord> parse_boolean(std::string_view text) {
  constexpr std::array<std::array<std::string_view, 2>, 4> pairs{
      {{"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"}}};
  for (int pair = 0; pair < 4 && text.size() <= 5; ++pair) {
    for (int value = 0; value < 2; ++value) {
      if (equal_ignoring_case(text, pairs[static_cast<std::size_t>(pair)][static_cast<std::size_t>(value)]))
        return BooleanWord{pair, value == 1};
    }
  }
  return std::nullopt;
}

bool is_missing_marker(std::string_view text) {
  if (text.size() > 4) return false;
  float ignored;
  return parse_number(text, ignored) == NumberStatus::missing;
}

std::optional<double> parse_double(ColumnKind kind, std::string_view text) {
  if (kind == ColumnKind::date) return parse_date(text);
  double number = 0;
  return parse_number(text, number) == NumberStatus::ok ? std::optional(number) : std::nullopt;
}

std::string to_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string converted;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      converted += c;
    } else {
      converted += static_cast<char>(0xC0 | byte >> 6);
      converted += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return converted;
}

FieldParser::FieldParser(const TableColumn& column) : column_(column) {
  for (const std::string& name : column.categories)
    categories_.emplace(name, static_cast<std::int32_t>(categories_.size()));
}

std::optional<float> FieldParser::parse_number_field(std::string_view text) const {
  float number = 0;
  double wide = 0;
  // Without an offset the nearest float, which is not always that of the nearest double.
  const NumberStatus status = column_.offset == 0 ? parse_number(text, number) : parse_number(text, wide);
  if (status == NumberStatus::missing) return missing;
  if (status != NumberStatus::ok) return std::nullopt;
  if (column_.offset == 0) return number;
  number = static_cast<float>(wide - column_.offset);
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::optional<float> FieldParser::parse(const CsvField& field) const {
  if (column_.kind == ColumnKind::number) return parse_number_field(field.text);
  if (is_missing_marker(field.text)) return missing;
  switch (column_.kind) {
    case ColumnKind::boolean:
      if (const auto word = parse_boolean(field.text)) return word->value ? 1.0f : 0.0f;
      if (field.text == "0" || field.text == "1") return field.text == "1" ? 1.0f : 0.0f;
      return std::nullopt;
    case ColumnKind::date:
      if (const auto days = parse_date(field.text)) return static_cast<float>(*days - column_.offset);
      return std::nullopt;
    default:
      break;
  }
  auto found = categories_.find(field.text);
  if (found == categories_.end()) found = categories_.find(to_utf8(field.value()));
  if (found == categories_.end()) return std::nullopt;
  return static_cast<float>(found->second);
}

}  // namespace perdita::data::detail
