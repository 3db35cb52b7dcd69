#include "perdita/data/csv.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>

#include "perdita/core/file.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/csv_scanner.hpp"
#include "perdita/data/precision.hpp"

namespace perdita::data {

namespace {

using detail::CsvField;
using detail::CsvScanner;
using detail::NumberStatus;

// What a few bytes may claim is bounded, lest a small file takes a lot of memory.
constexpr std::size_t most_columns = std::size_t{1} << 18, most_classes = std::size_t{1} << 18;

bool is_number(const CsvField& field) {
  float ignored;
  const NumberStatus status = detail::parse_number(field.text, ignored);
  return status != NumberStatus::not_a_number && status != NumberStatus::missing;
}

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view file, const CsvOptions& options)
      : text_(text), file_(file), options_(options), scanner_(text, options.separator, file), records_(scanner_) {}

  CsvTable parse() {
    read_first_record();
    read_records();
    if (count_ == 0) fail<DataError>("read_csv: {}: no data after the header", file_);
    check_precision();
    table_.inputs.shape = {count_, columns() - 1};
    if (is_label_) {
      store_labels();
    } else {
      table_.targets = Array::empty({count_}, DType::float32);
      std::ranges::copy(numbers_, table_.targets.data<float>());
    }
    return std::move(table_);
  }

 private:
  std::int64_t columns() const { return static_cast<std::int64_t>(names_.size()); }
  std::string column_name(std::int64_t column) const {
    if (!has_header_) return fmt::format("column {}", column);
    return fmt::format("column {} {}", column, detail::printable(names_[static_cast<std::size_t>(column)]));
  }

  /// Names the columns, finds the target, and leaves the scanner at the first record of data.
  void read_first_record() {
    if (!scanner_.at_record()) fail<DataError>("read_csv: {}: the file is empty", file_);
    const CsvScanner start = scanner_;
    std::vector<CsvField> fields;
    do {
      if (fields.size() == most_columns) {
        fail<DataError>("read_csv: {}: line {} has more than {} fields", file_, fields[0].line, most_columns);
      }
      fields.push_back(scanner_.next());
    } while (!fields.back().ends_record);
    if (fields.size() < 2) {
      fail<DataError>("read_csv: {}: line {} has one field (valid: at least 2, inputs and a target, separated by {})",
                      file_, fields[0].line, detail::printable({&options_.separator, 1}));
    }
    for (const CsvField& field : fields) names_.push_back(field.value());
    const bool by_name = !options_.target.empty() && !detail::parse_index(options_.target);
    has_header_ = options_.header == CsvOptions::Header::yes ||
                  (options_.header == CsvOptions::Header::detect && (by_name || detect_header(fields)));
    target_ = find_target();
    if (!has_header_) {
      scanner_ = start;
      for (std::size_t i = 0; i < names_.size(); ++i) names_[i] = fmt::format("{}", i);
    }
    table_.target_name = names_[static_cast<std::size_t>(target_)];
    table_.input_names = names_;
    table_.input_names.erase(table_.input_names.begin() + target_);
  }

  /// Inputs are numbers, so a first line of other things is a header; a line of both needs a word from the user.
  bool detect_header(const std::vector<CsvField>& fields) {
    target_ = find_target();
    int numbers = 0, words = 0;
    for (std::int64_t i = 0; i < columns(); ++i) {
      const CsvField& field = fields[static_cast<std::size_t>(i)];
      float ignored;
      if (i == target_ || detail::parse_number(field.text, ignored) == NumberStatus::missing) continue;
      ++(is_number(field) ? numbers : words);
    }
    if (numbers > 0 && words > 0) {
      fail<DataError>(
          "read_csv: {}: line {} has numbers and words among its inputs: say whether it is a header "
          "(valid: header=yes, header=no)",
          file_, fields[0].line);
    }
    return words > 0;
  }

  std::int64_t find_target() const {
    const std::string& wanted = options_.target;
    if (wanted.empty()) return columns() - 1;
    if (has_header_) {
      const auto found = std::ranges::find(names_, wanted);
      if (found != names_.end()) {
        if (std::find(found + 1, names_.end(), wanted) != names_.end()) {
          fail<DataError>("read_csv: {}: two columns are named {}; give the target as an index", file_,
                          detail::printable(wanted));
        }
        return found - names_.begin();
      }
    }
    const auto index = detail::parse_index(wanted);
    if (index && *index >= -columns() && *index < columns()) return *index < 0 ? *index + columns() : *index;
    std::string valid = fmt::format("an index {}..{}", -columns(), columns() - 1);
    if (has_header_) {
      valid += ", or a name:";
      for (std::size_t i = 0; i < std::min<std::size_t>(names_.size(), 20); ++i) {
        valid += fmt::format(" {}", detail::printable(names_[i]));
      }
      if (names_.size() > 20) valid += " ...";
    }
    fail<DataError>("read_csv: {}: target column {} not found (valid: {})", file_, detail::printable(wanted), valid);
  }

  /// How many records there can be: no more than lines, and each takes a byte for every column. One more for a last
  /// one that breaks off.
  std::int64_t most_records() const {
    const auto lines = std::ranges::count_if(text_, [](char c) { return c == '\n' || c == '\r'; }) + 1;
    return std::min<std::int64_t>(lines, static_cast<std::int64_t>(text_.size()) / columns()) + 1;
  }

  void read_records() {
    records_ = scanner_;
    table_.inputs = Array::empty({most_records(), columns() - 1}, DType::float32);
    float* to = table_.inputs.data<float>();
    for (; scanner_.at_record(); ++count_) {
      CsvField field;
      for (std::int64_t column = 0; column < columns(); ++column) {
        field = scanner_.next();
        if (column == target_) {
          add_target(field);
        } else if (const auto status = detail::parse_number(field.text, *to++); status != NumberStatus::ok) {
          refuse(field, column, status);
        }
        if (field.ends_record != (column + 1 == columns())) wrong_length(field, column + 1);
      }
    }
  }

  /// Columns whose floats lie close together are looked at again, in double precision.
  std::vector<std::int64_t> suspect_columns() const {
    std::vector<std::int64_t> suspects;
    const float* const inputs = table_.inputs.data<float>();
    const std::int64_t width = columns() - 1;
    for (std::int64_t column = 0; column < columns(); ++column) {
      if (column == target_ && is_label_) continue;
      const std::int64_t input = column < target_ ? column : column - 1;
      float low = std::numeric_limits<float>::infinity(), high = -low;
      for (std::int64_t row = 0; row < count_; ++row) {
        const float value = column == target_ ? numbers_[static_cast<std::size_t>(row)] : inputs[row * width + input];
        low = std::min(low, value), high = std::max(high, value);
      }
      if (detail::may_be_lossy(low, high)) suspects.push_back(column);
    }
    return suspects;
  }

  void check_precision() {
    const std::vector<std::int64_t> suspects = suspect_columns();
    if (suspects.empty()) return;
    std::vector<detail::Rounding> found(suspects.size());
    for (scanner_ = records_; scanner_.at_record();) {
      std::size_t at = 0;
      for (std::int64_t column = 0; column < columns(); ++column) {
        const CsvField field = scanner_.next();
        if (at == suspects.size() || suspects[at] != column) continue;
        double value = 0;
        detail::parse_number(field.text, value);
        found[at++].add(value);
      }
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i].is_lossy()) continue;
      fail<DataError>(
          "read_csv: {}: the numbers of {} lie too close together for their size: float32, in which networks are "
          "trained, rounds their differences away (valid: the same less a constant, such as their mean)",
          file_, column_name(suspects[i]));
    }
  }

  [[noreturn]] void wrong_length(CsvField field, std::int64_t seen) {
    const std::size_t line = field.line;
    for (; !field.ends_record; ++seen) field = scanner_.next();
    fail<DataError>("read_csv: {}: line {} has {} fields (valid: {}, as in the first line)", file_, line, seen,
                    columns());
  }

  [[noreturn]] void refuse(const CsvField& field, std::int64_t column, NumberStatus status) const {
    const std::string where = fmt::format("read_csv: {}: line {}, {}", file_, field.line, column_name(column));
    const std::string text = detail::printable(field.text);
    switch (status) {
      case NumberStatus::missing:
        fail<DataError>("{}: the value is missing: {} (valid: a number)", where, text);
      case NumberStatus::not_finite:
        fail<DataError>("{}: {} is not finite (valid: a finite number)", where, text);
      case NumberStatus::too_large:
        fail<DataError>("{}: {} is too large (valid: up to 3.4e38 in size)", where, text);
      default:
        fail<DataError>("{}: {} is not a number{}", where, text,
                        column == target_ && options_.kind == CsvOptions::Target::detect
                            ? ", as the first target is (valid: all numbers, or task=multiclass)"
                            : "");
    }
  }

  /// The first target decides, where nothing else is said, whether they are numbers or labels.
  void add_target(const CsvField& field) {
    using Target = CsvOptions::Target;
    if (count_ == 0)
      is_label_ = options_.kind == Target::label || (options_.kind == Target::detect && !is_number(field));
    if (!is_label_) {
      const NumberStatus status = detail::parse_number(field.text, numbers_.emplace_back());
      if (status != NumberStatus::ok) refuse(field, target_, status);
      return;
    }
    if (field.text.empty()) refuse(field, target_, NumberStatus::missing);
    const auto found = classes_.emplace(field.value(), static_cast<std::int32_t>(classes_.size())).first;
    if (classes_.size() > most_classes) {
      fail<DataError>("read_csv: {}: line {}, {}: more than {} different labels (valid: fewer, or task=regression)",
                      file_, field.line, column_name(target_), most_classes);
    }
    labels_.push_back(found->second);
  }

  /// Labels were numbered as they came; their order is that of the names.
  void store_labels() {
    for (const auto& [name, label] : classes_) table_.class_names.push_back(name);
    sort_names(table_.class_names);
    std::vector<std::int64_t> place(classes_.size());
    for (std::size_t i = 0; i < place.size(); ++i)
      place[static_cast<std::size_t>(classes_.find(table_.class_names[i])->second)] = static_cast<std::int64_t>(i);
    table_.targets = Array::empty({count_}, DType::int64);
    std::ranges::transform(labels_, table_.targets.data<std::int64_t>(),
                           [&](std::int32_t label) { return place[static_cast<std::size_t>(label)]; });
  }

  static void sort_names(std::vector<std::string>& names) {
    std::ranges::sort(names);
    const auto number = [](const std::string& name) {
      float value = 0;
      return detail::parse_number(name, value) == NumberStatus::ok ? std::optional(value) : std::nullopt;
    };
    if (std::ranges::all_of(names, [&](const std::string& name) { return number(name).has_value(); })) {
      std::ranges::stable_sort(names, {}, [&](const std::string& name) { return *number(name); });
    }
  }

  std::string_view text_, file_;
  const CsvOptions& options_;
  CsvScanner scanner_, records_;  // the latter stands at the first record
  std::vector<std::string> names_;
  bool has_header_ = false;
  std::int64_t target_ = 0, count_ = 0;
  bool is_label_ = false;
  std::vector<float> numbers_;        // the targets, or
  std::vector<std::int32_t> labels_;  // theirs by classes_
  std::unordered_map<std::string, std::int32_t> classes_;
  CsvTable table_;
};

}  // namespace

CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options) {
  const char separator = options.separator;
  if (separator != ',' && separator != ';' && separator != '\t' && separator != '|') {
    fail<ValueError>("read_csv: separator is {} (valid: comma, semicolon, tab, |)", detail::printable({&separator, 1}));
  }
  return CsvParser(text, name, options).parse();
}

CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return parse_csv(read_file(path), path.string(), options);
}

}  // namespace perdita::data
