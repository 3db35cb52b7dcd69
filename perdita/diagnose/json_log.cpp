// Logs in JSON, as several programs write them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"
#include "perdita/diagnose/log_table.hpp"

namespace perdita::diagnose {

namespace {

using Json = nlohmann::ordered_json;

/// Words that programs write for numbers that JSON does not have.
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string word = value.get<std::string>();
  if (word == "NaN" || word == "nan") return LogValue::unknown;
  if (word == "Infinity" || word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-Infinity" || word == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

/// The numbers of an object as one row; nested objects become names with slashes.
void add_row(const Json& object, const std::string& prefix, std::int64_t row, LogTable& table) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      add_row(value, prefix + key + "/", row, table);
    } else if (const auto number = number_of(value)) {
      table.values.push_back({.column = table.column(prefix + key), .row = row, .value = *number});
    }
  }
}

LogTable of_list(const std::filesystem::path& path, const Json& list, std::string format) {
  LogTable table{.path = path, .format = std::move(format), .columns = {}, .values = {}};
  std::int64_t row = 0;
  for (const Json& entry : list) {
    if (entry.is_object()) add_row(entry, "", row, table);
    ++row;
  }
  return table;
}

/// "log_history" of transformers. Its last entry sums up the run and is not a step of it.
LogTable of_trainer_state(const std::filesystem::path& path, const Json& state) {
  Json steps = Json::array();
  for (const Json& entry : state["log_history"]) {
    if (entry.is_object() && !entry.contains("train_runtime")) steps.push_back(entry);
  }
  return of_list(path, steps, "trainer_state.json of transformers");
}

bool is_list_of_numbers(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const Json& each) { return number_of(each).has_value() || each.is_null(); });
}

/// {"loss": [..], "val_loss": [..]}, as History.history of Keras.
bool is_object_of_lists(const Json& object) {
  return object.is_object() && !object.empty() && std::ranges::all_of(object, is_list_of_numbers);
}

/// {"train": {"logloss": [..]}, "valid": {..}}.
bool is_evaluation_result(const Json& object) {
  return object.is_object() && !object.empty() && std::ranges::all_of(object, is_object_of_lists);
}

void add_lists(const Json& object, const std::string& prefix, LogTable& table) {
  for (const auto& [key, list] : object.items()) {
    std::int64_t row = 0;
    for (const Json& value : list) {
      if (const auto number = number_of(value))  // null: not logged in this row
        table.values.push_back({.column = table.column(prefix + key), .row = row, .value = *number});
      ++row;
    }
  }
}

LogTable of_lists(const std::filesystem::path& path, const Json& object) {
  LogTable table{.path = path, .format = "JSON object of lists", .columns = {}, .values = {}};
  add_lists(object, "", table);
  std::ranges::stable_sort(table.values, {}, &LogValue::row);
  return table;
}

/// Data sets of boosters are named by the caller, or validation_0, validation_1, where the first is that of training.
LogTable of_evaluation_result(const std::filesystem::path& path, const Json& object) {
  LogTable table{.path = path,
                 .format = "evaluation results of gradient boosting",
                 .is_boosting = true,
                 .columns = {},
                 .values = {}};
  const bool are_numbered = object.contains("validation_0") && object.contains("validation_1");
  for (const auto& [name, metrics] : object.items()) {
    const bool is_train = name.find("train") != name.npos || (are_numbered && name == "validation_0");
    add_lists(metrics,
              is_train                                                ? "train/"
              : object.size() == 1 || name.find("valid") != name.npos ? "valid/"
                                                                      : name + "/",
              table);
  }
  std::ranges::stable_sort(table.values, {}, &LogValue::row);
  return table;
}

LogTable of_lines(const std::filesystem::path& path, std::string_view text) {
  LogTable table{.path = path, .format = "JSON lines", .columns = {}, .values = {}};
  std::int64_t row = 0;
  for (std::size_t start = 0; start < text.size(); ++row) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const bool is_last = start >= text.size();
    try {
      const Json object = data::parse_json<Json>(line, fmt::format("{}:{}", path.string(), row + 1));
      if (!object.is_object()) {
        fail<DataError>("{}:{}: got {} (valid: one JSON object per line)", path.string(), row + 1, line.substr(0, 40));
      }
      add_row(object, "", row, table);
    } catch (const DataError&) {
      if (!is_last || row == 0) throw;  // the last line may be cut off
    }
  }
  return table;
}

/// Python writes NaN, Infinity and -Infinity, which are not JSON: they become strings, which number_of() reads.
std::string quote_nonfinite(std::string_view text) {
  std::string quoted;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < text.size()) {
      quoted += c;
      quoted += text[++i];
      continue;
    }
    std::string_view word;
    for (const std::string_view each : {"NaN", "Infinity", "-Infinity"}) {
      if (!in_string && text.substr(i).starts_with(each)) word = each;
    }
    if (word.empty()) {
      quoted += c;
      continue;
    }
    quoted += '"';
    quoted += word;
    quoted += '"';
    i += word.size() - 1;
  }
  return quoted;
}

}  // namespace

LogTable read_json_log(const std::filesystem::path& path, std::string_view given) {
  const std::string quoted = quote_nonfinite(given);
  const std::string_view text = quoted;
  const std::string_view first = text.substr(0, text.find('\n'));
  const bool has_more = text.find_first_not_of(" \t\r\n", first.size()) != text.npos;
  if (has_more && first.find('{') != first.npos && Json::accept(first)) return of_lines(path, text);
  const Json object = data::parse_json<Json>(text, path.string());
  if (object.is_object() && object.contains("log_history") && object["log_history"].is_array()) {
    return of_trainer_state(path, object);
  }
  if (is_object_of_lists(object)) return of_lists(path, object);
  if (is_evaluation_result(object)) return of_evaluation_result(path, object);
  if (object.is_array()) return of_list(path, object, "JSON list");
  fail<DataError>(
      "{}: the JSON is not a log (valid: lines or a list of objects, an object of lists, trainer_state.json, "
      "evaluation results)",
      path.string());
}

}  // namespace perdita::diagnose
