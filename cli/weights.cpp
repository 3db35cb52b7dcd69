// perdita weights
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "cli/commands.hpp"
#include "cli/csv_options.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/class_weights.hpp"
#include "perdita/data/label_counts.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::cli {

namespace {

struct Arguments {
  std::string labels, scheme = "balanced", header = "detect", separator = "detect", out;
  std::optional<std::int64_t> num_classes, ignore_index;
  double cap = std::numeric_limits<double>::infinity();
  bool counts = false, pos_weight = false, json = false;
};

constexpr const char* examples = R"(Schemes, for a class with n of the N samples and K classes:
  balanced                      N / (K n)
  inverse, inverse_sqrt         proportional to 1 / n, 1 / sqrt(n), with sum K
  effective_number:BETA         proportional to (1 - BETA) / (1 - BETA^n), with sum K (default: 0.9999)
  SCHEME,cap=R                  no weight more than R times the smallest, for example balanced,cap=10

Examples:
  perdita weights labels.npy --scheme balanced
  perdita weights train.csv:species --scheme effective_number:0.999 --out weights.txt
  perdita train --data csv:train.csv,target=species --class-weights weights.txt
  perdita weights tags.npy --pos-weight --cap 20      (multi-label: one column per label)
  perdita weights counts.txt --counts --json

Labels are class indices in NPY, NPZ (FILE.npz:ARRAY) or CSV (FILE.csv:COLUMN); in CSV they may also be class names.

Exit status: 0 success, 1 failure, 2 incorrect usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Computes class weights from labels, to compensate for class imbalance.", "perdita weights");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  app.add_option("labels", a.labels, "file with the labels")->type_name("FILE");
  app.add_option("--scheme", a.scheme, "how the weights are computed from the counts (default: balanced)")
      ->type_name("SCHEME");
  app.add_flag("--pos-weight", a.pos_weight,
               "compute negatives / positives of each column of zeros and ones, as the pos_weight of\n"
               "binary_cross_entropy_with_logits");
  app.add_option("--cap", a.cap, "with --pos-weight: limit the weights to the range 1 / R to R")->type_name("R");
  app.add_option("--num-classes", a.num_classes,
                 "number of classes, including classes without samples (default: the largest label + 1)")
      ->type_name("N");
  app.add_option("--ignore-index", a.ignore_index, "label to ignore")->type_name("N");
  app.add_flag("--counts", a.counts, "the file contains the number of samples of each class instead of labels");
  add_csv_options(app, a.header, a.separator);
  app.add_option("--out", a.out, "write the weights, one per line, in the format read by --class-weights FILE")
      ->type_name("FILE");
  app.add_flag("--json", a.json, "print JSON");
  if (!parse(app, words)) return false;
  if (a.labels.empty()) throw UsageError("the file with the labels is missing");
  if (a.pos_weight && app.count("--scheme") > 0) throw UsageError("--pos-weight cannot be combined with --scheme");
  if (!a.pos_weight && app.count("--cap") > 0) {
    throw UsageError("--cap requires --pos-weight (with a scheme, write --scheme balanced,cap=R)");
  }
  if (a.pos_weight && a.counts) throw UsageError("--pos-weight cannot be combined with --counts");
  return true;
}

/// Result of the command: name, count and weight of each class, or of each label of a multi-label problem.
struct Found {
  std::string scheme;
  std::vector<std::string> names;
  std::vector<std::int64_t> counts;  ///< samples of the class; samples for which the label is 1
  std::vector<double> weights;
};

Found class_weights_of(const Arguments& a) {
  data::WeightScheme scheme;
  try {
    scheme = data::parse_weight_scheme(a.scheme);
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("--scheme: {}", error.what()));
  }
  const data::CsvFormat format = csv_format(a.header, a.separator);
  const data::LabelCounts labels = a.counts ? data::LabelCounts{data::read_counts(a.labels, format), {}}
                                            : data::count_labels(a.labels, {a.num_classes, a.ignore_index, format});
  Found found{to_string(scheme), labels.names, labels.counts, data::class_weights(labels.counts, scheme)};
  for (std::size_t c = found.names.size(); c < found.counts.size(); ++c) found.names.push_back(fmt::format("{}", c));
  return found;
}

Found pos_weights_of(const Arguments& a) {
  if (!(a.cap >= 1)) throw UsageError(fmt::format("--cap is {} (valid: 1 or more)", a.cap));
  const data::BinaryCounts labels = data::count_binary_labels(a.labels, csv_format(a.header, a.separator));
  Found found{"pos_weight", {}, labels.positives, data::pos_weights(labels.negatives, labels.positives, a.cap)};
  for (std::size_t c = 0; c < found.counts.size(); ++c) found.names.push_back(fmt::format("{}", c));
  return found;
}

void print_json(const Found& found) {
  const nlohmann::ordered_json json{
      {"scheme", found.scheme}, {"classes", found.names}, {"counts", found.counts}, {"weights", found.weights}};
  say("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_table(const Found& found, bool is_pos_weight) {
  std::size_t width = 5;
  for (const std::string& name : found.names) width = std::max(width, name.size());
  say("{:<{}}  {:>12}  {:>12}\n", is_pos_weight ? "label" : "class", width, is_pos_weight ? "positives" : "samples",
      is_pos_weight ? "pos_weight" : "weight");
  for (std::size_t c = 0; c < found.names.size(); ++c) {
    say("{:<{}}  {:>12}  {:>12.6g}\n", evaluate::printable(found.names[c]), width, found.counts[c], found.weights[c]);
  }
  if (is_pos_weight) return;
  const data::WeightSpread spread = data::spread_of(found.weights, found.counts);
  say("\n{}: the largest weight is {:.4g} times the smallest; the effective batch size is {:.3g} % of the batch size\n",
      found.scheme, spread.ratio, 100 * spread.effective_share);
}

}  // namespace

int weights(const std::vector<std::string>& words) {
  Arguments a;
  if (!read(words, a)) return 0;
  const Found found = a.pos_weight ? pos_weights_of(a) : class_weights_of(a);
  a.json ? print_json(found) : print_table(found, a.pos_weight);
  if (a.out.empty()) return 0;
  std::string lines;
  for (double weight : found.weights) lines += fmt::format("{}\n", weight);
  write_file_atomically(a.out, lines);
  return 0;
}

}  // namespace perdita::cli
