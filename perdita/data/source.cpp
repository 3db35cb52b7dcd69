#include "perdita/data/source.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "perdita/data/csv.hpp"
#include "perdita/data/idx.hpp"
#include "perdita/data/npy.hpp"
#include "perdita/data/precision.hpp"
#include "perdita/data/synthetic.hpp"

namespace perdita::data {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view valid_specs =
    "fashion-mnist, idx:DIR, csv:FILE[,target=COLUMN][,columns=A;B;...][,drop=...][,category=...][,header=...]"
    "[,separator=...][,task=...], npy:X,Y[,task=...], synthetic:NAME[,samples=N][,...]";

/// The part of a spec behind its colon: words, then options.
struct Arguments {
  std::string spec;
  std::vector<std::string> words;
  std::map<std::string, std::string> options;

  [[noreturn]] void refuse(std::string_view what, std::string_view valid) const {
    fail<ValueError>("data '{}': {} (valid: {})", spec, what, valid);
  }
  /// Takes an option out; nothing when it is not given.
  std::optional<std::string> take(const std::string& key) {
    auto node = options.extract(key);
    return node ? std::optional(std::move(node.mapped())) : std::nullopt;
  }
  /// Takes an option that is one of a few words: its position among them.
  std::optional<std::size_t> take_choice(const std::string& key, std::span<const std::string_view> choices) {
    const auto given = take(key);
    if (!given) return std::nullopt;
    const auto found = std::ranges::find(choices, *given);
    if (found == choices.end())
      refuse(fmt::format("{} is '{}'", key, *given), fmt::format("{}", fmt::join(choices, ", ")));
    return static_cast<std::size_t>(found - choices.begin());
  }
  /// Takes an option that `parse` reads, which throws ValueError.
  template <class T>
  std::optional<T> take_parsed(const std::string& key, T (*parse)(std::string_view)) {
    const auto given = take(key);
    if (!given) return std::nullopt;
    try {
      return parse(*given);
    } catch (const ValueError& error) {
      fail<ValueError>("data '{}': {}: {}", spec, key, error.what());
    }
  }
  template <class T>
  std::optional<T> take_number(const std::string& key) {
    const auto given = take(key);
    if (!given) return std::nullopt;
    T number{};
    const char* end = given->data() + given->size();
    const auto [stopped, error] = std::from_chars(given->data(), end, number);
    if (error != std::errc() || stopped != end) refuse(fmt::format("{} is '{}'", key, *given), "a number");
    return number;
  }
  void finish(std::string_view valid) const {
    if (!options.empty()) refuse(fmt::format("unknown option '{}'", options.begin()->first), valid);
  }
};

/// Splits at commas. A piece without "name=" in front belongs to a word, commas and all, until the first option: only
/// npy has more than one word.
Arguments parse_arguments(std::string_view spec, std::string_view rest) {
  Arguments arguments{std::string(spec), {}, {}};
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view piece = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const std::size_t equals = piece.find('=');
    const bool is_option = !arguments.words.empty() && equals != std::string_view::npos &&
                           piece.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == equals && equals > 0;
    if (!is_option) {
      if (!arguments.options.empty()) arguments.refuse(fmt::format("'{}' follows the options", piece), "name=value");
      arguments.words.emplace_back(piece);
    } else if (!arguments.options.emplace(piece.substr(0, equals), piece.substr(equals + 1)).second) {
      arguments.refuse(fmt::format("option '{}' is given twice", piece.substr(0, equals)), "once each");
    }
  }
  return arguments;
}

std::optional<Task> take_task(Arguments& arguments) {
  constexpr std::array<std::string_view, 3> tasks{"regression", "binary", "multiclass"};
  const auto choice = arguments.take_choice("task", tasks);
  return choice ? std::optional(static_cast<Task>(*choice)) : std::nullopt;
}

/// Dataset::of, its complaints preceded by the file that gave rise to them.
Dataset make_dataset(std::string_view file, Array inputs, Array targets, std::vector<std::string> class_names,
                     std::optional<Task> task) {
  try {
    Dataset dataset = Dataset::of(std::move(inputs), std::move(targets), std::move(class_names));
    return task ? dataset.as(*task) : dataset;
  } catch (const Error& error) {
    fail<DataError>("{}: {}", file, error.what());
  }
}

/// The names or indices in "a;b;c". Throws ValueError for an empty one.
std::vector<std::string> take_list(Arguments& arguments, const std::string& key) {
  const auto given = arguments.take(key);
  if (!given) return {};
  std::vector<std::string> list;
  for (std::size_t begin = 0; begin <= given->size();) {
    const std::size_t end = std::min(given->find(';', begin), given->size());
    list.push_back(given->substr(begin, end - begin));
    if (list.back().empty()) arguments.refuse(fmt::format("{} is '{}'", key, *given), "COLUMN or COLUMN;COLUMN;...");
    begin = end + 1;
  }
  return list;
}

/// Notes on columns and rows of the table that are not in the dataset.
std::vector<std::string> describe_left_out(const CsvTable& table) {
  constexpr std::size_t most = 20;
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < std::min(most, table.left_out.size()); ++i)
    notes.push_back("left out: " + table.left_out[i]);
  if (table.left_out.size() > most)
    notes.push_back(fmt::format("left out: {} more columns", table.left_out.size() - most));
  if (table.rows_without_target > 0) {
    notes.push_back(fmt::format("left out: {} of {} rows, whose target '{}' is missing", table.rows_without_target,
                                table.rows_without_target + table.inputs.shape[0], table.target_name));
  }
  return notes;
}

Source load_csv(Arguments arguments) {
  const std::string path = fmt::format("{}", fmt::join(arguments.words, ","));
  CsvOptions options;
  options.target = arguments.take("target").value_or("");
  options.columns = take_list(arguments, "columns");
  options.drop = take_list(arguments, "drop");
  options.categories = take_list(arguments, "category");
  options.header = arguments.take_parsed("header", parse_csv_header).value_or(options.header);
  options.separator = arguments.take_parsed("separator", parse_csv_separator).value_or(options.separator);
  const auto task = take_task(arguments);
  arguments.finish("target, columns, drop, category, header, separator, task");
  if (task) options.kind = *task == Task::regression ? CsvOptions::Target::number : CsvOptions::Target::label;
  CsvTable table = read_csv(path, options);
  std::vector<std::string> notes = describe_left_out(table);
  Source source;
  source.train =
      make_dataset(path, std::move(table.inputs), std::move(table.targets), std::move(table.class_names), task);
  source.train.notes = std::move(notes);
  source.train.warnings = std::move(table.warnings);
  source.train.columns = std::move(table.columns);
  source.train.rows = std::move(table.rows);
  return source;
}

/// Any kind of number as float32, but uint8, which means images. Throws DataError for one that is not finite.
Array as_inputs(const Array& array, const std::string& path) {
  if (array.shape.rank() < 1) fail<DataError>("npy: {}: inputs have shape [] (valid: [N, ...])", path);
  if (array.dtype == DType::uint8) return array;
  Array floats = array;
  if (array.dtype != DType::float32) {
    floats = Array::empty(array.shape, DType::float32);
    visit_dtype(array.dtype, [&]<class T>() {
      std::transform(array.data<T>(), array.data<T>() + array.size(), floats.data<float>(),
                     [](T x) { return static_cast<float>(x); });
    });
  }
  const float* begin = floats.data<float>();
  const float* bad = std::find_if(begin, begin + floats.size(), [](float x) { return !std::isfinite(x); });
  if (bad != begin + floats.size()) {
    const std::int64_t row = floats.size() / floats.shape[0];
    fail<DataError>("npy: {}: input[{}] contains {} (valid: finite numbers)", path, (bad - begin) / row, *bad);
  }
  return floats;
}

void check_precision(const Array& array, const std::string& path) {
  if (array.shape.rank() < 1) return;
  const auto column = detail::find_lossy_column(array);
  if (!column) return;
  fail<DataError>(
      "npy: {}: the values in column {} differ too little relative to their size to be represented in float32, in "
      "which networks are trained (valid: values minus a constant, such as their mean)",
      path, *column);
}

Dataset load_npy(Arguments arguments) {
  if (arguments.words.size() != 2) {
    arguments.refuse(fmt::format("{} files are given", arguments.words.size()), "npy:X,Y[,task=TASK]");
  }
  const auto task = take_task(arguments);
  arguments.finish("task");
  const std::string &x = arguments.words[0], &y = arguments.words[1];
  const Array inputs = read_npy(x), targets = read_npy(y);
  Array floats = as_inputs(inputs, x);
  check_precision(inputs, x);
  if (is_floating(targets.dtype)) check_precision(targets, y);
  return make_dataset(fmt::format("{}, {}", x, y), std::move(floats), targets, {}, task);
}

Dataset load_synthetic(Arguments arguments, std::uint64_t seed) {
  if (arguments.words.size() != 1) {
    arguments.refuse(fmt::format("{} names are given", arguments.words.size()), "synthetic:NAME[,samples=N][,...]");
  }
  SyntheticOptions options;
  options.samples = arguments.take_number<std::int64_t>("samples").value_or(options.samples);
  options.noise = arguments.take_number<double>("noise");
  options.features = arguments.take_number<std::int64_t>("features");
  options.classes = arguments.take_number<std::int64_t>("classes");
  options.ratio = arguments.take_number<double>("ratio");
  arguments.finish("samples, noise, features, classes, ratio");
  return synthetic(arguments.words[0], options, seed);
}

/// The file of that name in one of the spellings in use; an empty path when there is none.
fs::path find_idx(const fs::path& folder, std::string_view set, std::string_view what, int rank) {
  for (const char* dot : {"-", "."}) {
    for (const char* end : {"", ".gz"}) {
      fs::path path = folder / fmt::format("{}-{}{}idx{}-ubyte{}", set, what, dot, rank, end);
      std::error_code ignored;
      if (fs::exists(path, ignored)) return path;
    }
  }
  return {};
}

std::optional<Dataset> read_idx_set(const fs::path& folder, std::string_view set) {
  const fs::path images = find_idx(folder, set, "images", 3), labels = find_idx(folder, set, "labels", 1);
  if (images.empty() && labels.empty()) return std::nullopt;
  if (images.empty() || labels.empty()) {
    fail<FileError>("idx: {} has {}-{} without {}-{}", folder.string(), set, images.empty() ? "labels" : "images", set,
                    images.empty() ? "images-idx3-ubyte[.gz]" : "labels-idx1-ubyte[.gz]");
  }
  Array x = read_idx(images), y = read_idx(labels);
  if (y.shape.rank() != 1 || x.shape[0] != y.shape[0]) {
    fail<DataError>("idx: {} has shape {} and {} shape {} (valid: [N, ...] and [N])", images.string(), x.shape,
                    labels.string(), y.shape);
  }
  return make_dataset(labels.string(), std::move(x), std::move(y), {}, std::nullopt);
}

/// The test set speaks of the classes of the training set.
void share_class_names(Source& source) {
  if (!source.test) return;
  if (source.test->num_classes() > source.train.num_classes()) {
    fail<DataError>("idx: the test set has class {}, which the training set lacks (valid: 0..{})",
                    source.test->num_classes() - 1, source.train.num_classes() - 1);
  }
  source.test->class_names = source.train.class_names;
  source.test->task = source.train.task;
}

}  // namespace

Source load_idx(const fs::path& folder) {
  auto train = read_idx_set(folder, "train");
  if (!train) {
    fail<FileError>("idx: no train-images-idx3-ubyte[.gz] and train-labels-idx1-ubyte[.gz] in {}", folder.string());
  }
  Source source{std::move(*train), read_idx_set(folder, "t10k")};
  share_class_names(source);
  source.train.name = folder.filename().empty() ? folder.parent_path().filename() : folder.filename();
  if (source.test) source.test->name = source.train.name;
  return source;
}

Source load_fashion_mnist(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) {
    fail<FileError>(
        "fashion-mnist: the folder {} does not exist (valid: after apt install dataset-fashion-mnist, a Debian "
        "package)",
        folder.string());
  }
  Source source = load_idx(folder);
  source.train.name = "fashion-mnist";
  source.train.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                              "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  if (source.test) {
    source.test->name = source.train.name;
    source.test->class_names = source.train.class_names;
  }
  return source;
}

Source load(std::string_view spec, std::uint64_t seed) {
  if (spec == "fashion-mnist") return load_fashion_mnist();
  const std::size_t colon = spec.find(':');
  const std::string_view kind = spec.substr(0, colon);
  const bool known = kind == "idx" || kind == "csv" || kind == "npy" || kind == "synthetic";
  if (!known) fail<ValueError>("data '{}': unknown source '{}' (valid: {})", spec, kind, valid_specs);
  const std::string_view rest = colon == std::string_view::npos ? "" : spec.substr(colon + 1);
  if (rest.empty())
    fail<ValueError>("data '{}': the value after '{}:' is missing (valid: {})", spec, kind, valid_specs);
  if (kind == "idx") return load_idx(rest);
  Arguments arguments = parse_arguments(spec, rest);
  if (kind == "synthetic") return {load_synthetic(std::move(arguments), seed), std::nullopt};
  Source source = kind == "csv" ? load_csv(std::move(arguments)) : Source{load_npy(std::move(arguments)), std::nullopt};
  source.train.name = spec;
  return source;
}

}  // namespace perdita::data
