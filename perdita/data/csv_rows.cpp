#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/csv_scanner.hpp"
#include "perdita/data/row_readers.hpp"

namespace perdita::data::detail {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;
// What a few bytes may claim is bounded, lest a small file takes a lot of memory.
constexpr std::size_t most_line_bytes = std::size_t{16} << 20;
constexpr std::int64_t most_columns = std::int64_t{1} << 20;

/// Hands out a file's text in pieces that end at a line's end.
class Pieces {
 public:
  explicit Pieces(std::shared_ptr<const InputFile> file) : file_(std::move(file)) {}

  /// The next piece, which stays valid until the next call; empty at the end. A line longer than a block makes it grow.
  std::string_view next() {
    text_.erase(0, used_);
    for (used_ = cut(); used_ == 0 && !at_end_; used_ = cut()) {
      const std::size_t kept = text_.size();
      if (kept > most_line_bytes) {
        fail<DataError>("read_csv: {}: a line has more than {} bytes, from byte {} on (is a quote not closed?)",
                        file_->path().string(), most_line_bytes, offset_ - kept);
      }
      text_.resize(kept + std::max(block_bytes, kept));
      const std::size_t wanted = text_.size() - kept, got = file_->read(offset_, text_.data() + kept, wanted);
      text_.resize(kept + got);
      offset_ += got;
      at_end_ = got < wanted;
    }
    return std::string_view(text_).substr(0, used_);
  }

 private:
  /// Behind the last line end that is not within quotes; a carriage return at the very end may have its newline yet to
  /// come.
  std::size_t cut() const {
    if (at_end_) return text_.size();
    std::size_t end = text_.rfind('\n');
    if (end == std::string::npos && text_.size() > 1) end = text_.rfind('\r', text_.size() - 2);
    if (end == std::string::npos) return 0;
    const auto quotes = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '"');
    return quotes % 2 == 0 ? end + 1 : 0;
  }

  std::shared_ptr<const InputFile> file_;
  std::string text_;
  std::uint64_t offset_ = 0;
  std::size_t used_ = 0;
  bool at_end_ = false;
};

bool is_number(const CsvField& field) {
  double ignored;
  const NumberStatus status = parse_number(field.text, ignored);
  return status != NumberStatus::not_a_number && (status != NumberStatus::missing || !field.text.empty());
}

class CsvRows : public RowReader {
 public:
  CsvRows(std::shared_ptr<const InputFile> file, const std::string& column, const RowOptions& options)
      : pieces_(file),
        piece_(pieces_.next()),
        separator_(guess_separator(piece_)),
        scanner_(piece_, separator_, file->path().native()) {
    name = file->path().string();
    dtype = DType::float64;
    if (!at_record()) fail<DataError>("read_csv: {}: the file is empty", name);
    read_first_record(options);
    if (!column.empty()) {
      chosen_ = find(column);
    } else if (columns_ > 1) {
      row_shape = {columns_};
    }
  }

  std::int64_t read(std::int64_t, std::int64_t count, void* to) override {
    auto* numbers = static_cast<double*>(to);
    std::int64_t read = 0;
    for (; read < count && at_record(); ++read) {
      CsvField field;
      for (std::int64_t c = 0; c < columns_; ++c) {
        field = scanner_.next();
        if (chosen_ < 0 || chosen_ == c) *numbers++ = number(field, c);
        if (field.ends_record != (c + 1 == columns_)) wrong_length(field, c + 1);
      }
    }
    return read;
  }

 private:
  bool at_record() {
    while (!scanner_.at_record()) {
      const std::size_t line = scanner_.line();
      piece_ = pieces_.next();
      if (piece_.empty()) return false;
      scanner_ = CsvScanner(piece_, separator_, name, line);
    }
    return true;
  }

  void read_first_record(const RowOptions& options) {
    const CsvScanner start = scanner_;
    std::int64_t numbers = 0;
    for (CsvField field; !field.ends_record; ++columns_) {
      field = scanner_.next();
      if (columns_ == most_columns)
        fail<DataError>("read_csv: {}: line {} has more than {} fields", name, field.line, most_columns);
      numbers += is_number(field);
    }
    using Header = RowOptions::Header;
    const bool detects = options.header == Header::detect;
    if (detects && numbers > 0 && numbers < columns_) {
      fail<DataError>(
          "read_csv: {}: line {} has numbers and words: say whether it is a header (valid: yes or no; a table of "
          "pandas is written with index=False)",
          name, scanner_.line() - 1);
    }
    if (options.header == Header::no || (detects && numbers == columns_)) {
      scanner_ = start;
      return;
    }
    CsvScanner names = start;
    names_.reserve(static_cast<std::size_t>(columns_));
    while (std::ssize(names_) < columns_) names_.push_back(names.next().value());
  }

  std::int64_t find(const std::string& column) const {
    if (const auto found = find_column(names_, columns_, column)) return *found;
    fail<DataError>("read_csv: {}: there is no column {} (valid: {})", name, printable(column),
                    valid_columns(names_, columns_));
  }

  double number(const CsvField& field, std::int64_t column) const {
    constexpr double inf = std::numeric_limits<double>::infinity();
    double value = 0;
    switch (parse_number(field.text, value)) {
      case NumberStatus::missing:
        if (!field.text.empty()) return std::numeric_limits<double>::quiet_NaN();
        break;
      case NumberStatus::too_large:
        return field.text.starts_with('-') ? -inf : inf;
      case NumberStatus::not_a_number:
        break;
      default:
        return value;
    }
    fail<DataError>("read_csv: {}: line {}, column {}: {} is not a number", name, field.line, column,
                    printable(field.text));
  }

  [[noreturn]] void wrong_length(CsvField field, std::int64_t seen) {
    const std::size_t line = field.line;
    for (; !field.ends_record; ++seen) field = scanner_.next();
    fail<DataError>("read_csv: {}: line {} has {} fields (valid: {}, as in the first line)", name, line, seen,
                    columns_);
  }

  Pieces pieces_;
  std::string_view piece_;
  char separator_;
  CsvScanner scanner_;
  std::vector<std::string> names_;
  std::int64_t columns_ = 0, chosen_ = -1;
};

}  // namespace

std::unique_ptr<RowReader> csv_rows(std::shared_ptr<const InputFile> file, const std::string& column,
                                    const RowOptions& options) {
  return std::make_unique<CsvRows>(std::move(file), column, options);
}

}  // namespace perdita::data::detail
