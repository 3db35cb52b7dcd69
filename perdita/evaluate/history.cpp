#include "perdita/evaluate/history.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/json.hpp"

namespace perdita::evaluate {
namespace {

std::string_view name_of_nonfinite(double value) { return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"; }

double nonfinite_of(std::string_view name) {
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

/// Gives the nulls of a record their values back: "train_loss=nan lr=inf".
void restore_nonfinite(Record& record, const std::string& note) {
  std::istringstream words(note);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.rfind('=');
    if (equals == std::string::npos) continue;
    for (auto& [key, value] : record.values) {
      if (key == word.substr(0, equals)) value = nonfinite_of(word.substr(equals + 1));
    }
  }
}

/// Calls visit(line, line number, offset behind the line) for each line that ends in a newline.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  std::size_t start = 0;
  for (std::int64_t number = 1;; ++number) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return;
    visit(text.substr(start, end - start), number, end + 1);
    start = end + 1;
  }
}

Record parse(const std::filesystem::path& path, std::string_view line, std::int64_t number) {
  try {
    return record_from_json(line);
  } catch (const DataError& error) {
    fail<DataError>("read_history: {}:{}: {}", path.string(), number, error.what());
  }
}

}  // namespace

std::optional<double> Record::find(std::string_view key) const {
  for (const auto& [name, value] : values) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::string to_json(const Record& record) {
  nlohmann::ordered_json object;
  object["kind"] = record.kind;
  if (record.epoch != 0) object["epoch"] = record.epoch;
  if (record.step != 0) object["step"] = record.step;
  std::string note;
  for (const auto& [key, value] : record.values) {
    object[key] = value;  // null if not finite
    if (!std::isfinite(value)) note += fmt::format("{}{}={}", note.empty() ? "" : " ", key, name_of_nonfinite(value));
  }
  if (!note.empty()) object["nonfinite"] = note;
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Record record_from_json(std::string_view line) {
  const auto object = data::parse_json<nlohmann::ordered_json>(line, "record_from_json: the line");
  if (!object.is_object()) {
    fail<DataError>("record_from_json: got {} (valid: one JSON object)", data::detail::printable(line, 60));
  }
  if (!object.contains("kind") || !object["kind"].is_string()) {
    fail<DataError>("record_from_json: \"kind\" is missing or not a string in {}", data::detail::printable(line, 60));
  }
  Record record;
  std::string note;
  for (const auto& [key, value] : object.items()) {
    if (key == "kind") {
      record.kind = value.get<std::string>();
    } else if (key == "epoch" || key == "step") {
      constexpr std::uint64_t most = std::uint64_t{1} << 53;
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
        fail<DataError>("record_from_json: {} is {} (valid: an integer, 0..{})", key,
                        value.dump(-1, ' ', true).substr(0, 60), most);
      }
      (key == "epoch" ? record.epoch : record.step) = value.get<std::int64_t>();
    } else if (key == "nonfinite" && value.is_string()) {
      note = value.get<std::string>();
    } else if (value.is_number()) {
      record.values.emplace_back(key, value.get<double>());
    } else if (value.is_null()) {
      record.values.emplace_back(key, std::numeric_limits<double>::quiet_NaN());
    }
  }
  restore_nonfinite(record, note);
  return record;
}

History History::create(const std::filesystem::path& path) {
  AppendFile file(path);
  file.truncate(0);
  return History(std::move(file));
}

History History::resume(const std::filesystem::path& path, std::int64_t epoch) {
  std::size_t keep = 0;
  if (epoch != 0) {
    for_each_line(read_file(path), [&](std::string_view line, std::int64_t number, std::size_t end) {
      if (keep != 0) return;  // what follows goes, whatever it is
      const Record record = parse(path, line, number);
      if (record.kind == "epoch" && record.epoch == epoch) keep = end;
    });
    if (keep == 0) fail<DataError>("History::resume: {} has no record of epoch {}", path.string(), epoch);
  }
  AppendFile file(path);
  file.truncate(keep);
  return History(std::move(file));
}

History History::resume_at(const std::filesystem::path& path, std::uint64_t bytes) {
  const std::string text = read_file(path);
  if (bytes > text.size() || (bytes > 0 && text[bytes - 1] != '\n')) {
    fail<DataError>(
        "History::resume_at: {} has {} bytes and no line that ends after {} (valid: the file of the run that "
        "is resumed)",
        path.string(), text.size(), bytes);
  }
  AppendFile file(path);
  file.truncate(bytes);
  return History(std::move(file));
}

void History::write(const Record& record) {
  file_.append(to_json(record) + '\n');
  if (record.kind != "step") file_.sync();
}

void History::write_steps(std::span<const Record> records) {
  std::string lines;
  for (const Record& record : records) lines += to_json(record) + '\n';
  if (!lines.empty()) file_.append(lines);
}

std::vector<Record> read_history(const std::filesystem::path& path) {
  std::vector<Record> records;
  for_each_line(read_file(path), [&](std::string_view line, std::int64_t number, std::size_t) {
    records.push_back(parse(path, line, number));
  });
  return records;
}

Curve curve(const std::vector<Record>& records, std::string_view kind, std::string_view key) {
  Curve result;
  for (const Record& record : records) {
    if (record.kind != kind) continue;
    const auto value = record.find(key);
    if (!value) continue;
    result.x.push_back(static_cast<double>(kind == "step" ? record.step : record.epoch));
    result.y.push_back(*value);
  }
  return result;
}

}  // namespace perdita::evaluate
