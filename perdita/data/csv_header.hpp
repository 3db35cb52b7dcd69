// Detection of the header of a CSV table.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "perdita/data/csv_layout.hpp"

namespace perdita::data::detail {

/// The column with this index, which may be negative; nothing if the text is not an index of one of them.
std::optional<std::int64_t> index_of(std::string_view column, std::int64_t columns);

/// Whether the first record, at which the scanner stands, has names and no data. Throws DataError if it could be
/// either. Of a table for training the values of the next records are compared with it, and the target is not
/// considered, because it may hold labels.
bool is_header(const CsvScanner& scanner, std::string_view file, const CsvQuery& query, std::int64_t columns);

/// Whether the first record has names, and the next ones one field more: R writes the names of the rows without a
/// header.
bool is_shorter_header(CsvScanner scanner, std::int64_t columns);

}  // namespace perdita::data::detail
