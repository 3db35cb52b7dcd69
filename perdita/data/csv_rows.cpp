#include <limits>

#include "perdita/data/csv_reader.hpp"
#include "perdita/data/row_readers.hpp"

namespace perdita::data::detail {

namespace {

class CsvRows : public RowReader {
 public:
  CsvRows(std::shared_ptr<const InputFile> file, const std::string& column, const RowOptions& options)
      : reader_(CsvText(std::move(file)), options, {.column = column}), chosen_(reader_.layout().column) {
    name = reader_.file();
    dtype = DType::float64;
    reader_.require_record();
    if (chosen_ < 0 && columns() > 1) row_shape = {columns()};
  }

  std::int64_t read(std::int64_t, std::int64_t count, void* to) override {
    auto* numbers = static_cast<double*>(to);
    std::int64_t read = 0;
    for (; read < count && reader_.at_record(); ++read) {
      for (std::int64_t column = 0; column < columns(); ++column) {
        const CsvField field = reader_.next();
        if (chosen_ < 0 || chosen_ == column) *numbers++ = number(field, column);
      }
    }
    return read;
  }

 private:
  std::int64_t columns() const { return reader_.layout().columns; }

  /// NaN for a value that is marked as missing, infinite for one that is too large.
  double number(const CsvField& field, std::int64_t column) const {
    constexpr double inf = std::numeric_limits<double>::infinity();
    double value = 0;
    const NumberStatus status = parse_number(field.text, value);
    if (status == NumberStatus::ok || status == NumberStatus::not_finite) return value;
    if (status == NumberStatus::too_large) return field.text.starts_with('-') ? -inf : inf;
    if (status == NumberStatus::missing && !field.text.empty()) return std::numeric_limits<double>::quiet_NaN();
    reader_.refuse(field, column, status,
                   status == NumberStatus::missing ? "a number, or NaN" : "a number such as -1.5 or 2e3");
  }

  CsvReader reader_;
  std::int64_t chosen_;
};

}  // namespace

std::unique_ptr<RowReader> csv_rows(std::shared_ptr<const InputFile> file, const std::string& column,
                                    const RowOptions& options) {
  return std::make_unique<CsvRows>(std::move(file), column, options);
}

}  // namespace perdita::data::detail
