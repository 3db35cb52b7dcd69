#include "perdita/data/date.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>

namespace perdita::data::detail {

namespace {

/// Takes pieces off the front of a text. After a mismatch all further pieces are mismatches.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  bool is_valid() const { return is_valid_; }
  bool at_end() const { return rest_.empty(); }
  char next() const { return rest_.empty() ? '\0' : rest_.front(); }

  /// A number of `least` to `most` digits.
  int digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < std::min(most, rest_.size()) && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    int number = 0;
    is_valid_ = is_valid_ && count >= least;
    if (!is_valid_) return 0;
    std::from_chars(rest_.data(), rest_.data() + count, number);
    rest_.remove_prefix(count);
    return number;
  }
  /// One of these characters.
  char one_of(std::string_view characters) {
    const char c = next();
    is_valid_ = is_valid_ && !rest_.empty() && characters.find(c) != std::string_view::npos;
    if (!is_valid_) return '\0';
    rest_.remove_prefix(1);
    return c;
  }
  bool take(char c) {
    if (next() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// A fraction "25" of a second, after its point.
  double fraction() {
    double value = 0, unit = 0.1;
    while (next() >= '0' && next() <= '9') {
      value += unit * (next() - '0');
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }
  void require(bool condition) { is_valid_ = is_valid_ && condition; }

 private:
  std::string_view rest_;
  bool is_valid_ = true;
};

/// HH:MM[:SS[.fraction]] in days.
double take_time(Pieces& text) {
  const int hour = text.digits(2, 2);
  text.one_of(":");
  const int minute = text.digits(2, 2);
  double second = 0;
  if (text.take(':')) {
    second = text.digits(2, 2);
    if (text.take('.')) second += text.fraction();
  }
  text.require(hour < 24 && minute < 60 && second < 61);  // 60: a leap second
  return (hour * 3600 + minute * 60 + second) / 86400;
}

/// Z or +HH:MM, in days east of UTC.
double take_zone(Pieces& text) {
  if (text.at_end() || text.take('Z')) return 0;
  const char sign = text.one_of("+-");
  const int hours = text.digits(2, 2);
  text.take(':');
  const int minutes = text.at_end() ? 0 : text.digits(2, 2);
  text.require(hours < 24 && minutes < 60);
  return (sign == '-' ? -1 : 1) * (hours * 60 + minutes) / 1440.0;
}

/// 2020-01-31, 2020/1/31 or 31.01.2020, in days since 1970-01-01.
double take_day(Pieces& text, bool starts_with_year) {
  int year = 0, month = 0, day = 0;
  if (starts_with_year) {
    year = text.digits(4, 4);
    const char separator = text.one_of("-/.");
    month = text.digits(1, 2);
    text.one_of({&separator, 1});
    day = text.digits(1, 2);
  } else {
    day = text.digits(1, 2);
    text.one_of(".");
    month = text.digits(1, 2);
    text.one_of(".");
    year = text.digits(4, 4);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  text.require(date.ok());
  return text.is_valid() ? static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) : 0;
}

}  // namespace

std::optional<double> parse_date(std::string_view text) {
  if (text.size() < 5 || text.size() > 40 || text[0] < '0' || text[0] > '9') return std::nullopt;
  Pieces pieces(text);
  double days = 0;
  if (text[2] == ':') {
    days = take_time(pieces);
  } else {
    days = take_day(pieces, text[1] != '.' && text[2] != '.');
    if (!pieces.at_end()) {
      pieces.one_of("T ");
      days += take_time(pieces);
      days -= take_zone(pieces);
    }
  }
  if (!pieces.is_valid() || !pieces.at_end()) return std::nullopt;
  return days;
}

}  // namespace perdita::data::detail
