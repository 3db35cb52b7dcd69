#include "perdita/data/label_counts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/csv_reader.hpp"
#include "perdita/data/row_readers.hpp"

namespace perdita::data {

namespace {

using Header = CsvFormat::Header;
using detail::parse_index;

/// Hands out the file's numbers some at a time: use(number of the first row, whole numbers row by row).
template <class Use>
void read_whole_numbers(RowReader& rows, Use&& use) {
  const std::int64_t columns = rows.row_elements(), block = std::max<std::int64_t>(1, (1 << 16) / columns);
  std::vector<std::byte> memory(static_cast<std::size_t>(block * rows.row_bytes()));
  std::vector<std::int64_t> numbers;
  for (std::int64_t first = 0;; first += block) {
    const std::int64_t count = rows.read(first, block, memory.data());
    numbers.resize(static_cast<std::size_t>(count * columns));
    visit_dtype(rows.dtype, [&]<class T>() {
      const T* from = reinterpret_cast<const T*>(memory.data());
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if constexpr (std::is_floating_point_v<T>) {
          if (!(std::abs(from[i]) < T(1e15)) || from[i] != std::floor(from[i])) {
            fail<DataError>("{}: row {} contains {} (valid: integers)", rows.name,
                            first + static_cast<std::int64_t>(i) / columns, from[i]);
          }
        }
        numbers[i] = static_cast<std::int64_t>(from[i]);
      }
    });
    use(first, numbers);
    if (count < block) return;
  }
}

void check_one_column(const RowReader& rows) {
  if (rows.row_elements() == 1) return;
  fail<DataError>("{}: each row has {} numbers (valid: 1)", rows.name, rows.row_elements());
}

// Both bound the memory that a small file takes.
constexpr std::int64_t most_labels = std::int64_t{1} << 18, most_columns = std::int64_t{1} << 16;

/// The labels of a column of text, and how often each occurs.
class LabelColumn {
 public:
  LabelColumn(const std::filesystem::path& path, std::string column, const CsvFormat& format)
      : text_(read_file(path)),
        reader_(detail::CsvText(text_, path.string()), format,
                {.kind = detail::CsvQuery::Kind::labels, .column = std::move(column), .most_columns = most_columns}),
        chosen_(reader_.layout().column) {
    while (reader_.at_record()) add();
    const detail::CsvLayout& layout = reader_.layout();
    if (format.header == Header::detect && !layout.by_name) {  // the first label, or the column's name
      const std::string& first = layout.names[static_cast<std::size_t>(chosen_)];
      if (parse_index(first) || counts_.contains(first) || is_missing(first)) ++counts_[first];
    }
    refuse_missing();
    if (counts_.empty()) fail<DataError>("read_csv: {}: there are no labels", reader_.file());
  }

  const std::map<std::string, std::int64_t>& counts() const { return counts_; }

 private:
  static bool is_missing(const std::string& label) {
    double ignored;
    return detail::parse_number(label, ignored) == detail::NumberStatus::missing;
  }

  /// Among words "nan" may be one more; among indices it is a label that is missing.
  void refuse_missing() const {
    const auto bad = std::ranges::find_if(counts_, [](const auto& entry) { return is_missing(entry.first); });
    if (bad == counts_.end()) return;
    const bool only_indices = std::ranges::all_of(
        counts_, [](const auto& entry) { return parse_index(entry.first) || is_missing(entry.first); });
    if (only_indices)
      fail<DataError>("read_csv: {}: a label is missing, got {} (valid: class indices)", reader_.file(),
                      detail::printable(bad->first));
  }

  void add() {
    for (std::int64_t column = 0; column < reader_.layout().columns; ++column) {
      const detail::CsvField field = reader_.next();
      if (column != chosen_) continue;
      if (field.text.empty()) reader_.refuse(field, column, detail::NumberStatus::missing, "a label");
      ++counts_[field.value()];
      if (std::ssize(counts_) > most_labels)
        fail<DataError>("read_csv: {}: line {}, {}: more than {} different labels", reader_.file(), field.line,
                        reader_.column_name(column), most_labels);
    }
  }

  std::string text_;
  detail::CsvReader reader_;
  std::int64_t chosen_;
  std::map<std::string, std::int64_t> counts_;
};

LabelCounts count_words(const LabelColumn& column, const std::string& file, const LabelFileOptions& options) {
  LabelCounts found;
  for (const auto& [word, count] : column.counts()) {
    found.names.push_back(word);
    found.counts.push_back(count);
  }
  if (options.num_classes && *options.num_classes != std::ssize(found.names)) {
    fail<DataError>("{}: the file has {} different labels, but num_classes is {}", file, found.names.size(),
                    *options.num_classes);
  }
  return found;
}

std::vector<std::int64_t> counts_of(std::span<const std::int64_t> labels, const LabelFileOptions& options,
                                    const std::string& where) {
  try {
    return count_classes(labels, options.num_classes, options.ignore_index);
  } catch (const IndexError& error) {
    fail<IndexError>("{}: {}", where, error.what());
  }
}

LabelCounts count_text(const std::string& spec, const LabelFileOptions& options) {
  const auto [path, column_name] = detail::split_spec(spec);
  const LabelColumn column(path, column_name, options.format);
  const auto is_word = [](const auto& entry) { return !parse_index(entry.first); };
  if (std::ranges::any_of(column.counts(), is_word)) return count_words(column, path.string(), options);
  std::vector<std::int64_t> labels;
  for (const auto& [text, count] : column.counts()) labels.push_back(*parse_index(text));
  LabelCounts found{counts_of(labels, options, path.string()), {}};
  for (const auto& [text, count] : column.counts()) {
    const std::int64_t label = *parse_index(text);
    if (label != options.ignore_index) found.counts[static_cast<std::size_t>(label)] += count - 1;
  }
  return found;
}

bool is_text(const std::string& spec) {
  constexpr std::array<std::string_view, 3> extensions{".csv", ".tsv", ".txt"};
  return std::ranges::find(extensions, detail::split_spec(spec).first.extension().string()) != extensions.end();
}

}  // namespace

LabelCounts count_labels(const std::string& spec, const LabelFileOptions& options) {
  if (is_text(spec)) return count_text(spec, options);
  const auto rows = open_rows(spec);
  check_one_column(*rows);
  LabelCounts found;
  read_whole_numbers(*rows, [&](std::int64_t first, std::span<const std::int64_t> labels) {
    const auto counts = counts_of(labels, options, fmt::format("{}, from row {} on", rows->name, first));
    if (counts.size() > found.counts.size()) found.counts.resize(counts.size());
    for (std::size_t c = 0; c < counts.size(); ++c) found.counts[c] += counts[c];
  });
  return found;
}

BinaryCounts count_binary_labels(const std::string& spec, const RowOptions& options) {
  const auto rows = open_rows(spec, options);
  const auto columns = static_cast<std::size_t>(rows->row_elements());
  BinaryCounts found{std::vector<std::int64_t>(columns), std::vector<std::int64_t>(columns)};
  read_whole_numbers(*rows, [&](std::int64_t first, std::span<const std::int64_t> labels) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != 0 && labels[i] != 1) {
        fail<DataError>("{}: row {} contains {} (valid: 0 and 1)", rows->name,
                        static_cast<std::size_t>(first) + i / columns, labels[i]);
      }
      ++(labels[i] == 1 ? found.positives : found.negatives)[i % columns];
    }
  });
  return found;
}

std::vector<std::int64_t> read_counts(const std::string& spec, const RowOptions& options) {
  const auto rows = open_rows(spec, options);
  check_one_column(*rows);
  std::vector<std::int64_t> counts;
  read_whole_numbers(*rows, [&](std::int64_t, std::span<const std::int64_t> numbers) {
    counts.insert(counts.end(), numbers.begin(), numbers.end());
  });
  return counts;
}

}  // namespace perdita::data
