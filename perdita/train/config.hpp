// Config: everything that decides what a training run computes. The same seed and Config give the same model, bit for
// bit, whatever the number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/data/imbalance.hpp"
#include "perdita/losses/loss_sum.hpp"
#include "perdita/report/raster.hpp"
#include "perdita/train/class_weights.hpp"
#include "perdita/train/last_layer.hpp"
#include "perdita/train/optimizer.hpp"
#include "perdita/train/schedule.hpp"

namespace perdita::train {

/// The samples that an epoch visits.
enum class Sampling { shuffle, balanced, oversample, undersample };
std::string_view name_of(Sampling sampling);

/// Options that are not given are chosen when the data are known: see complete().
struct Config {
  std::string data;  ///< as data::load() takes it
  std::optional<LossSum> loss;
  std::vector<std::int64_t> hidden = {128};  ///< sizes of hidden layers; none: a linear model
  double dropout = 0;                        ///< after each hidden layer
  LastLayer last_layer;
  OptimizerSpec optimizer;
  std::optional<double> lr;
  Schedule schedule;
  double warmup = 0;  ///< epochs in which lr rises from 0
  std::optional<std::int64_t> batch_size, epochs;
  std::int64_t patience = 0;  ///< epochs without a better validation loss before stopping; 0: never
  ClassWeighting class_weights;
  PosWeighting pos_weight;
  Normalize normalize_by = Normalize::standard;  ///< standard, count or weight_sum
  double defer_weights = 0;                      ///< share of the run after which weights count
  Sampling sampling = Sampling::shuffle;
  data::Imbalance imbalance;
  double label_noise = 0;               ///< share of the training and validation labels that are made wrong
  std::optional<bool> standardize;      ///< inputs (and numbers to predict) to mean 0 and deviation 1
  double val_fraction = 0.1;            ///< of the training samples
  std::optional<double> test_fraction;  ///< of all samples, where the source has no test set
  std::uint64_t seed = 0;
  std::optional<int> threads;
  bool tensorboard = false;   ///< whether the run's folder gets an event file
  report::ChartFiles charts;  ///< files in addition to the report
};

/// One option of a run. The table of them makes the command line, its help, config.json and the report.
struct Option {
  std::string_view name;     ///< "batch-size"; in files "batch_size"
  std::string_view value;    ///< what its value is, for help: "N"
  std::string_view section;  ///< of the help
  std::string_view help;
  /// Throws ValueError: "got 'abc' (valid: ...)".
  void (*set)(Config&, std::string_view text);
  /// Empty where nothing was chosen yet. Null for a shorthand of another option.
  std::string (*get)(const Config&);
  bool may_change = false;  ///< when a run is resumed
};

std::span<const Option> options();

/// What the data say about options that were not given.
struct DataFacts {
  std::int64_t training_samples = 0;
  bool standardize = false;  ///< whether they are of a kind that should be
  bool has_test_set = false;
  std::optional<LossSum> default_loss = {};
};
/// Fills in what was not given. Throws ValueError for options that do not go together.
Config complete(Config config, const DataFacts& facts);

/// One JSON object, an option a line.
std::string to_json(const Config& config);
/// Throws DataError that names `name` and the option.
Config config_from_json(std::string_view text, std::string_view name);

/// The command that repeats the run.
std::string command_line(const Config& config);
/// A word as a shell takes it.
std::string quote_for_shell(std::string_view word);

}  // namespace perdita::train
