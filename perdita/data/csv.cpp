#include "perdita/data/csv.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>

#include "perdita/core/file.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/precision.hpp"

namespace perdita::data {

namespace {

using detail::CsvField;
using detail::CsvQuery;
using detail::CsvText;
using detail::NumberStatus;

// What a few bytes may claim is bounded, lest a small file takes a lot of memory.
constexpr std::int64_t most_columns = std::int64_t{1} << 18;
constexpr std::size_t most_classes = std::size_t{1} << 18;

bool is_number(const CsvField& field) {
  float ignored;
  const NumberStatus status = detail::parse_number(field.text, ignored);
  return status != NumberStatus::not_a_number && status != NumberStatus::missing;
}

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view file, const CsvOptions& options)
      : text_(text),
        options_(options),
        reader_(CsvText(text, std::string(file)), {options.header, options.separator},
                {CsvQuery::Kind::inputs_and_target, options.target, most_columns}),
        target_(reader_.layout().column) {
    reader_.require_record();
  }

  CsvTable parse() {
    name_columns();
    read_records();
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
  std::int64_t columns() const { return reader_.layout().columns; }

  /// Without a header the names are the indices.
  void name_columns() {
    table_.input_names = reader_.layout().names;
    for (std::int64_t i = std::ssize(table_.input_names); i < columns(); ++i)
      table_.input_names.push_back(fmt::format("{}", i));
    table_.target_name = table_.input_names[static_cast<std::size_t>(target_)];
    table_.input_names.erase(table_.input_names.begin() + target_);
  }

  /// How many records there can be: no more than lines, and each takes a byte for every column. One more for a last
  /// one that breaks off.
  std::int64_t most_records() const {
    const auto lines = std::ranges::count_if(text_, [](char c) { return c == '\n' || c == '\r'; }) + 1;
    return std::min<std::int64_t>(lines, static_cast<std::int64_t>(text_.size()) / columns()) + 1;
  }

  void read_records() {
    table_.inputs = Array::empty({most_records(), columns() - 1}, DType::float32);
    float* to = table_.inputs.data<float>();
    for (; reader_.at_record(); ++count_) {
      for (std::int64_t column = 0; column < columns(); ++column) {
        const CsvField field = reader_.next();
        if (column == target_) {
          add_target(field);
        } else if (const auto status = detail::parse_number(field.text, *to++); status != NumberStatus::ok) {
          refuse(field, column, status);
        }
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
    for (reader_.rewind(); reader_.at_record();) {
      std::size_t at = 0;
      for (std::int64_t column = 0; column < columns(); ++column) {
        const CsvField field = reader_.next();
        if (at == suspects.size() || suspects[at] != column) continue;
        double value = 0;
        detail::parse_number(field.text, value);
        found[at++].add(value);
      }
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i].is_lossy()) continue;
      fail<DataError>(
          "read_csv: {}: the values of {} differ too little relative to their size to be represented in float32, in "
          "which networks are trained (valid: values minus a constant, such as their mean)",
          reader_.file(), reader_.column_name(suspects[i]));
    }
  }

  [[noreturn]] void refuse(const CsvField& field, std::int64_t column, NumberStatus status) const {
    std::string_view valid = "a number such as -1.5 or 2e3";
    if (status == NumberStatus::not_finite) valid = "a finite number";
    if (status == NumberStatus::too_large) valid = "an absolute value up to 3.4e38";
    if (status == NumberStatus::not_a_number && column == target_ && options_.kind == CsvOptions::Target::detect)
      valid = "a number, like the first target; use task=multiclass for labels";
    reader_.refuse(field, column, status, valid);
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
    const auto [found, is_new] = classes_.emplace(field.value(), static_cast<std::int32_t>(classes_.size()));
    if (is_new) note_class(field);
    if (classes_.size() > most_classes) {
      fail<DataError>("read_csv: {}: line {}, {}: more than {} different labels (valid: fewer, or task=regression)",
                      reader_.file(), field.line, reader_.column_name(target_), most_classes);
    }
    labels_.push_back(found->second);
  }

  void note_class(const CsvField& field) {
    float ignored;
    const NumberStatus status = detail::parse_number(field.text, ignored);
    has_words_ |= status == NumberStatus::not_a_number;
    if (status == NumberStatus::missing && !missing_label_) missing_label_ = field;
  }

  /// Labels were numbered as they came; their order is that of the names. Among words NA may be one more; among numbers
  /// it is a label that is missing.
  void store_labels() {
    if (missing_label_ && !has_words_) refuse(*missing_label_, target_, NumberStatus::missing);
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

  std::string_view text_;
  const CsvOptions& options_;
  detail::CsvReader reader_;
  std::int64_t target_, count_ = 0;
  bool is_label_ = false, has_words_ = false;
  std::optional<CsvField> missing_label_;
  std::vector<float> numbers_;        // the targets, or
  std::vector<std::int32_t> labels_;  // theirs by classes_
  std::unordered_map<std::string, std::int32_t> classes_;
  CsvTable table_;
};

}  // namespace

CsvTable parse_csv(std::string_view text, std::string_view name, const CsvOptions& options) {
  return CsvParser(text, name, options).parse();
}

CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return parse_csv(read_file(path), path.string(), options);
}

}  // namespace perdita::data
