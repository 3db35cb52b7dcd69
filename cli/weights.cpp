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
  inverse, inverse_sqrt         in proportion to 1 / n, 1 / sqrt(n); they sum to K
  effective_number:BETA         in proportion to (1 - BETA) / (1 - BETA^n); they sum to K (0.9999)
  SCHEME,cap=R                  none more than R times the smallest, as in balanced,cap=10

Examples:
  perdita weights labels.npy --scheme balanced
  perdita weights train.csv:species --scheme effective_number:0.999 --out weights.txt
  perdita train --data csv:train.csv,target=species --class-weights weights.txt
  perdita weights tags.npy --pos-weight --cap 20      for labels that may hold together, a column each
  perdita weights counts.txt --counts --json

Labels are class indices in NPY, NPZ (FILE.npz:ARRAY) or text (FILE.csv:COLUMN), where they may be words as well.

Exit status: 0 done, 1 failed, 2 wrong usage.)";

/// Reads the words. False: --help.
bool read(const std::vector<std::string>& words, Arguments& a) {
  CLI::App app("Weights for classes that differ in size, from the labels.", "perdita weights");
  app.footer(examples);
  app.get_formatter()->column_width(32);
  app.add_option("labels", a.labels, "the labels")->type_name("FILE");
  app.add_option("--scheme", a.scheme, "how weights follow from counts (balanced)")->type_name("SCHEME");
  app.add_flag("--pos-weight", a.pos_weight,
               "negatives / positives of each column of zeros and ones, for binary_cross_entropy_with_logits");
  app.add_option("--cap", a.cap, "with --pos-weight: at most R, at least 1 / R")->type_name("R");
  app.add_option("--num-classes", a.num_classes, "classes, also without samples (the largest label + 1)")
      ->type_name("N");
  app.add_option("--ignore-index", a.ignore_index, "a label that does not count")->type_name("N");
  app.add_flag("--counts", a.counts, "the file holds the number of samples of each class in place of labels");
  app.add_option("--header", a.header, "text: whether the first line names the columns: yes, no, detect (detect)")
      ->type_name("H");
  app.add_option("--separator", a.separator, "text: what separates columns: comma, semicolon, tab, detect (detect)")
      ->type_name("S");
  app.add_option("--out", a.out, "writes the weights, one a line, as --class-weights FILE reads them")
      ->type_name("FILE");
  app.add_flag("--json", a.json, "print JSON");
  if (!parse(app, words)) return false;
  if (a.labels.empty()) throw UsageError("the file of labels is missing");
  if (a.pos_weight && app.count("--scheme") > 0) throw UsageError("--pos-weight and --scheme do not go together");
  if (!a.pos_weight && app.count("--cap") > 0) {
    throw UsageError("--cap goes with --pos-weight (a scheme has its own: --scheme balanced,cap=R)");
  }
  if (a.pos_weight && a.counts) throw UsageError("--pos-weight and --counts do not go together");
  return true;
}

/// What the command found: a name, the counts and the weight of each class, or of each label that holds or not.
struct Found {
  std::string scheme;
  std::vector<std::string> names;
  std::vector<std::int64_t> counts;  ///< samples of the class; of which the label holds
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
  say("\n{}: the largest weight is {:.4g} times the smallest; a batch is as noisy as one of {:.3g} % of its samples\n",
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
