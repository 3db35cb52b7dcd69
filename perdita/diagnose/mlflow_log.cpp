// Run folders of MLflow's file store: metrics/KEY holds lines "timestamp value step".
#include <algorithm>
#include <charconv>
#include <sstream>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/diagnose/log_table.hpp"

namespace perdita::diagnose {

namespace {

namespace fs = std::filesystem;

double number_of(const std::string& word, const fs::path& path, std::size_t line) {
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) {
    fail<DataError>("{}:{}: '{}' is not a number (valid: timestamp, value and step)", path.string(), line, word);
  }
  return number;
}

void add_metric(const fs::path& path, const std::string& name, LogTable& table) {
  std::istringstream lines(read_file(path));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string time, value, step;
    if (!(words >> time >> value)) continue;  // blank
    words >> step;
    table.values.push_back({.column = table.column(name),
                            .value = number_of(value, path, number),
                            .step = step.empty() ? 0 : number_of(step, path, number)});
  }
}

}  // namespace

bool is_mlflow_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "meta.yaml", ignored) && fs::is_directory(folder / "metrics", ignored);
}

LogTable read_mlflow_run(const fs::path& folder) {
  LogTable table{.path = folder, .format = "MLflow run", .columns = {}, .values = {}};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "metrics")) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) add_metric(file, fs::relative(file, folder / "metrics").generic_string(), table);
  table.number_rows_by_step();
  return table;
}

}  // namespace perdita::diagnose
