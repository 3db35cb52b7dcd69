#include "perdita/data/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/csv_inputs.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/csv_selection.hpp"
#include "perdita/data/csv_target.hpp"
#include "perdita/data/gzip.hpp"

namespace perdita::data {

namespace {

using detail::CsvField;
using detail::CsvQuery;
using detail::CsvText;

// Bounds the memory that a small file takes.
constexpr std::int64_t most_columns = std::int64_t{1} << 18;

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view file, const CsvOptions& options)
      : text_(text),
        reader_(CsvText(text, std::string(file)), {options.header, options.separator},
                {CsvQuery::Kind::inputs_and_target, options.target, detail::selects_by_name(options), most_columns}),
        selection_(detail::select_columns(reader_, options)),
        target_(reader_, options.kind),
        inputs_(reader_, selection_, most_records()) {
    reader_.require_record();
  }

  CsvTable parse() {
    read_numbers();
    if (inputs_.has_words() || target_.has_words()) read_words();
    measure();
    if (inputs_.must_encode()) {
      visit_all([&](std::int64_t row, std::size_t input, const CsvField& field) { inputs_.encode(row, input, field); },
                [](std::int64_t, const CsvField&) {});
    }
    return finish();
  }

 private:
  /// How many records there can be: no more than lines, and each takes a byte for every column. One more for a last
  /// one that breaks off.
  std::int64_t most_records() const {
    const auto lines = std::ranges::count_if(text_, [](char c) { return c == '\n' || c == '\r'; }) + 1;
    return std::min<std::int64_t>(lines, static_cast<std::int64_t>(text_.size()) / reader_.layout().columns) + 1;
  }

  /// Calls visit(row, input, field) for each input and visit_target(row, field) for each target. Returns the number of
  /// rows.
  std::int64_t visit_all(auto&& visit, auto&& visit_target) {
    const std::int64_t columns = reader_.layout().columns, target = reader_.layout().column;
    const auto& inputs = selection_.inputs;
    std::int64_t row = 0;
    for (reader_.rewind(); reader_.at_record(); ++row) {
      std::size_t input = 0;
      for (std::int64_t column = 0; column < columns; ++column) {
        const CsvField field = reader_.next();
        if (column == target) {
          visit_target(row, field);
        } else if (input < inputs.size() && inputs[input] == column) {
          visit(row, input++, field);
        }
      }
    }
    return row;
  }

  void read_numbers() {
    count_ =
        visit_all([&](std::int64_t row, std::size_t input, const CsvField& field) { inputs_.add(row, input, field); },
                  [&](std::int64_t, const CsvField& field) { target_.add(field); });
  }

  void read_words() {
    visit_all([&](std::int64_t, std::size_t input, const CsvField& field) { inputs_.add_word(input, field); },
              [&](std::int64_t, const CsvField& field) {
                if (target_.has_words()) target_.add_word(field);
              });
    inputs_.decide();
    if (!target_.has_words() || !target_.decide()) return;
    visit_all([](std::int64_t, std::size_t, const CsvField&) {},
              [&](std::int64_t row, const CsvField& field) { target_.add_date(row, field); });
  }

  /// Numbers that float32 cannot distinguish: those of inputs are shifted, a target is refused.
  void measure() {
    const bool of_inputs = inputs_.must_measure(count_), of_target = target_.may_be_lossy();
    if (!of_inputs && !of_target) return;
    detail::Rounding rounding;
    visit_all([&](std::int64_t, std::size_t input, const CsvField& field) { inputs_.measure(input, field); },
              [&](std::int64_t, const CsvField& field) {
                if (of_target) target_.measure(field, rounding);
              });
    inputs_.set_offsets();
    if (!of_target || !rounding.is_lossy()) return;
    fail<DataError>(
        "read_csv: {}: the values of {} differ too little relative to their size to be represented in float32, in "
        "which networks are trained (valid: values minus a constant, such as their mean)",
        reader_.file(), reader_.column_name(reader_.layout().column));
  }

  CsvTable finish() {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 0; row < count_; ++row) {
      if (!target_.is_missing(static_cast<std::size_t>(row))) rows.push_back(row);
    }
    if (rows.empty()) {
      fail<DataError>(
          "read_csv: {}: the target, {}, is missing in all {} rows (valid: target=COLUMN for another column)",
          reader_.file(), reader_.column_name(reader_.layout().column), count_);
    }
    CsvTable table;
    const auto& names = reader_.layout().names;
    const std::int64_t target = reader_.layout().column;
    table.target_name = names.empty() ? fmt::format("{}", target) : names[static_cast<std::size_t>(target)];
    if (selection_.leaves_index_out) {
      table.left_out.emplace_back(
          "column 0 has no name, as the row names of R and pandas; a name in the header keeps it");
    }
    inputs_.take(rows, table);
    if (selection_.has_only_index)
      table.warnings.emplace_back(
          "the only input is the first column, which has no name, as the row names of R and pandas");
    table.targets = target_.take(rows);
    table.class_names = target_.class_names();
    table.rows_without_target = count_ - std::ssize(rows);
    if (table.rows_without_target > 0) table.rows = std::move(rows);
    return table;
  }

  std::string_view text_;
  detail::CsvReader reader_;
  detail::CsvSelection selection_;
  detail::CsvTarget target_;
  detail::CsvInputs inputs_;
  std::int64_t count_ = 0;
};

}  // namespace

CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options) {
  return CsvParser(text, name, options).parse();
}

CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  const std::string content = read_file(path);
  if (!detail::is_gzip(content)) return parse_csv(content, path.string(), options);
  return parse_csv(detail::read_gzip_text(content, "read_csv", path.string()), path.string(), options);
}

}  // namespace perdita::data
