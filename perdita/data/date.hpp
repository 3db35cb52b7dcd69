// Dates and times of day as text.
#pragma once

#include <optional>
#include <string_view>

namespace perdita::data::detail {

/// The date in days since 1970-01-01 00:00 UTC, or the time of day as a fraction of a day; nothing if the whole text is
/// neither. Dates are those of ISO 8601 (2020-01-31, 2020-01-31T18:30:05.25Z, a blank instead of T, +01:00 instead of
/// Z), 2020/01/31 and 31.01.2020; times of day are 18:30 and 18:30:05.25. A time without a zone is taken as UTC.
std::optional<double> parse_date(std::string_view text);

}  // namespace perdita::data::detail
