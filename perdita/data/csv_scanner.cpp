#include "perdita/data/csv_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

std::string CsvField::value() const {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    value += text[i];
    if (quoted && text[i] == '"') ++i;
  }
  return value;
}

CsvScanner::CsvScanner(std::string_view text, char separator, std::string_view file, std::size_t first_line)
    : at_(text.data()), end_(text.data() + text.size()), line_(first_line), separator_(separator), file_(file) {}

void CsvScanner::take_line_end() {
  if (*at_ == '\r' && at_ + 1 < end_ && at_[1] == '\n') ++at_;
  ++at_;
  ++line_;
}

bool CsvScanner::at_record() {
  for (;;) {
    const char* p = at_;
    while (p < end_ && is_space(*p)) ++p;
    if (p == end_) return false;
    if (!is_line_end(*p)) return true;
    at_ = p;
    take_line_end();
  }
}

CsvField CsvScanner::next() {
  CsvField field;
  field.line = line_;
  while (at_ < end_ && is_space(*at_)) ++at_;
  if (at_ < end_ && *at_ == '"') {
    quoted(field);
  } else {
    plain(field);
  }
  if (at_ == end_) {
    field.ends_record = true;
  } else if (*at_ == separator_) {
    ++at_;
  } else {
    field.ends_record = true;
    take_line_end();
  }
  return field;
}

void CsvScanner::plain(CsvField& field) {
  const char* start = at_;
  while (at_ < end_ && *at_ != separator_ && !is_line_end(*at_)) ++at_;
  const char* stop = at_;
  while (stop > start && is_space(stop[-1])) --stop;
  field.text = {start, stop};
}

void CsvScanner::quoted(CsvField& field) {
  field.quoted = true;
  const char* start = ++at_;
  for (;; ++at_) {
    if (at_ == end_) fail<DataError>("read_csv: {}: line {}: a quoted field is not closed", file_, field.line);
    if (*at_ == '\n' || (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n'))) ++line_;
    if (*at_ != '"') continue;
    if (at_ + 1 == end_ || at_[1] != '"') break;
    ++at_;  // a doubled quote stands for one
  }
  field.text = {start, at_};
  ++at_;
  while (at_ < end_ && is_space(*at_)) ++at_;
  if (at_ < end_ && *at_ != separator_ && !is_line_end(*at_)) {
    fail<DataError>("read_csv: {}: line {}: {} follows a closing quote (valid: {} or the end of the line)", file_,
                    line_, printable({at_, 1}), printable({&separator_, 1}));
  }
}

namespace {

bool is_missing(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  std::string lower;
  for (char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower == "nan" || lower == "-nan" || lower == "na" || lower == "n/a" || lower == "null" || lower == "?" ||
         lower == "<na>" || lower == "#n/a";
}

/// from_chars says "out of range" for 1e-999 and 1e999 alike, and leaves the number as it was. `text` is a number other
/// than 0: whether its size is below 1.
bool is_tiny(std::string_view text) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = text.substr(0, e);
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<std::int64_t>(digits.find_first_of("123456789"));
  std::int64_t exponent = 0;
  if (e < text.size()) {
    std::string_view written = text.substr(e + 1);
    if (written.starts_with('+')) written.remove_prefix(1);
    if (std::from_chars(written.data(), written.data() + written.size(), exponent).ec != std::errc())
      exponent = std::int64_t{written.starts_with('-') ? -1 : 1} << 40;
  }
  return (point > first ? point - first : point - first + 1) + exponent <= 0;  // digits before the point
}

template <class T>
NumberStatus parse_any(std::string_view text, T& number) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stopped == end) {
    if (std::isfinite(number)) return NumberStatus::ok;
    return std::isnan(number) ? NumberStatus::missing : NumberStatus::not_finite;
  }
  if (error == std::errc::result_out_of_range && stopped == end) {
    if (!is_tiny(text)) return NumberStatus::too_large;
    double wide = 0;  // holds floats below the normal ones
    if (std::from_chars(text.data(), end, wide).ec != std::errc()) wide = 0;
    number = static_cast<T>(wide);
    return NumberStatus::ok;
  }
  return is_missing(text) ? NumberStatus::missing : NumberStatus::not_a_number;
}

}  // namespace

std::optional<std::int64_t> parse_index(std::string_view text) {
  std::int64_t index = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, index);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return index;
}

NumberStatus parse_number(std::string_view text, float& number) { return parse_any(text, number); }
NumberStatus parse_number(std::string_view text, double& number) { return parse_any(text, number); }

}  // namespace perdita::data::detail
