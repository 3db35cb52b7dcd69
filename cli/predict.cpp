// perdita predict
#include <fmt/format.h>

#include <string>

#include "cli/commands.hpp"
#include "cli/csv_options.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/file.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/train/predictor.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string model, data, out, header = "detect", separator = "detect";
  int threads = 0;
};

constexpr const char* examples = R"(Examples:
  perdita predict --model runs/houses --data new.csv --out prices.csv
  perdita predict --model runs/churn/model.safetensors --data customers.csv.gz
  perdita predict --model runs/digits --data x.npy --out digits.csv

A table needs the columns that the model was trained with, by name and in any order; other columns are ignored. Missing
values are treated as in training. Categories that are not among those of the training samples are counted in a warning.

The output is CSV with one line per row: for classes the column prediction and the probability of each class, for
numbers the prediction, for quantiles all of them.

Exit status: 0 success, 1 failure, 2 incorrect usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Predicts with a model of 'perdita train'.", "perdita predict");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  const auto option = [&](const char* name, auto& to, const char* value, const char* help) {
    return app.add_option(name, to, help)->type_name(value);
  };
  option("--model", a.model, "RUN", "folder of a run, or its model.safetensors");
  option("--data", a.data, "FILE", "table (CSV, optionally gzipped) or, for a model of arrays, an NPY file");
  option("--out", a.out, "FILE", "file of the predictions (default: standard output)");
  add_csv_options(app, a.header, a.separator);
  option("--threads", a.threads, "N", "number of threads (default: all processors)")->check(CLI::Range(1, 1024));
  if (!parse(app, words)) return false;
  if (a.model.empty()) throw UsageError("--model is missing (valid: --model RUN)");
  if (a.data.empty()) throw UsageError("--data is missing (valid: --data FILE)");
  return true;
}

}  // namespace

int predict(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  if (a.threads > 0) set_num_threads(a.threads);
  const data::CsvFormat format = csv_format(a.header, a.separator);
  const train::SavedModel model = train::read_model(a.model);
  const train::ModelInputs inputs = train::read_inputs(model, a.data, format);
  for (const std::string& warning : inputs.warnings)
    say_to(stderr, "perdita predict: warning: {}\n", evaluate::printable(warning));
  const std::string text = train::to_csv(train::predict(model, inputs.samples), model.class_names);
  if (a.out.empty()) {
    write(stdout, text);
  } else {
    write_file_atomically(a.out, text);
    say("{} predictions in {}\n", evaluate::format_count(inputs.samples.size()), evaluate::printable(a.out));
  }
  return 0;
}

}  // namespace perdita::cli
