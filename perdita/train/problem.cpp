#include "perdita/train/problem.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/imbalance.hpp"
#include "perdita/data/label_noise.hpp"
#include "perdita/data/source.hpp"
#include "perdita/data/split.hpp"
#include "perdita/train/class_weights.hpp"
#include "perdita/train/data_warning.hpp"
#include "perdita/train/mlp.hpp"
#include "perdita/train/table_notes.hpp"

namespace perdita::train {

namespace {

using data::Dataset;

std::uint32_t add_checksum(std::uint32_t crc, const Array& array) {
  return static_cast<std::uint32_t>(
      ::crc32_z(crc, static_cast<const unsigned char*>(array.buffer.data()), array.bytes()));
}

void check_sample_shapes(const data::Source& source) {
  if (!source.test || source.test->sample_shape() == source.train.sample_shape()) return;
  fail<DataError>("{}: a test sample has shape {}, but a training sample {} (valid: the same)", source.train.name,
                  source.test->sample_shape(), source.train.sample_shape());
}

/// The samples that an imbalance keeps; nothing where it keeps all.
std::optional<std::vector<std::int64_t>> kept_samples(const Dataset& dataset, const Config& config) {
  if (config.imbalance.profile == data::Profile::none) return std::nullopt;
  if (dataset.task == data::Task::regression) {
    fail<ValueError>("imbalance is {}, but the targets are numbers (valid: none)", to_string(config.imbalance));
  }
  return data::imbalanced_subset(dataset.labels(), config.imbalance, dataset.num_classes());
}

Dataset make_unbalanced(const Dataset& dataset, const Config& config) {
  const auto kept = kept_samples(dataset, config);
  return kept ? dataset.select(*kept) : dataset;
}

/// Some labels made wrong.
Dataset make_noisy(Dataset dataset, const Config& config) {
  if (config.label_noise == 0) return dataset;
  if (dataset.task == data::Task::regression) {
    fail<ValueError>("label-noise is {}, but the targets are numbers (valid: 0)", config.label_noise);
  }
  const auto labels = data::flip_labels(dataset.labels(), dataset.num_classes(), config.label_noise, config.seed);
  dataset.targets = Tensor::from(labels).to_array();
  return dataset;
}

/// What the source says of the samples' labels.
std::vector<std::int64_t> labels_in(const Dataset& source, const Dataset& samples) {
  std::vector<std::int64_t> labels;
  if (samples.rows.empty()) labels.assign(source.labels().begin(), source.labels().end());  // all of them
  for (std::int64_t row : samples.rows) {
    const auto at = source.rows.empty() ? row : std::ranges::lower_bound(source.rows, row) - source.rows.begin();
    labels.push_back(source.labels()[static_cast<std::size_t>(at)]);
  }
  return labels;
}

Config complete_for(const Config& config, const data::Source& source) {
  const bool synthetic = config.data.starts_with("synthetic:");
  const auto kept = kept_samples(source.train, config);
  return complete(config, {.training_samples = kept ? std::ssize(*kept) : source.train.size(),
                           .standardize = !synthetic,
                           .has_test_set = source.test.has_value(),
                           .default_loss = default_loss(source.train.task)});
}

data::Splits divide(const Config& config, const data::Source& source) {
  data::SplitOptions options{.val_fraction = 0,
                             .test_fraction = config.test_fraction.value_or(0.0),
                             .seed = config.seed,
                             .stratified = source.train.task != data::Task::regression};
  try {
    data::Splits splits = data::split(source.train, options, source.test);
    const Dataset train = make_noisy(make_unbalanced(splits.train, config), config);
    const bool has_validation = std::llround(static_cast<double>(train.size()) * config.val_fraction) > 0;
    options.val_fraction = has_validation ? config.val_fraction : 0;
    options.test_fraction = 0;
    return data::split(train, options, std::move(splits.test));
  } catch (const ValueError& error) {
    fail<ValueError>("{} samples cannot be split: {} (see --val-fraction and --test-fraction)", source.train.size(),
                     error.what());
  }
}

/// None for a linear layer. The scale where none is given is that of ldam, so that losses can be compared under one.
std::optional<double> cosine_scale(const Config& config, const Objective& objective) {
  constexpr double usual = Ldam{}.scale;
  const LastLayer& layer = config.last_layer;
  if (!layer.is_cosine) return std::nullopt;
  if (!objective.has_classes()) {
    fail<ValueError>("last-layer is {}, but the targets are numbers (valid: linear)", to_string(config.last_layer));
  }
  return layer.scale.value_or(objective.logit_scale() == 1 ? usual : 1);
}

/// uint8 images are scaled by the loader, numbers by the model.
void scale(Dataset& dataset, const data::PixelScale& pixels) {
  dataset.pixels = pixels;
  dataset = dataset.flatten();
}

}  // namespace

Problem prepare(const Config& given) {
  const data::Source source = data::load(given.data, given.seed);
  check_sample_shapes(source);
  const Config config = complete_for(given, source);
  const LossSum& loss = *config.loss;
  Objective(loss, source.train).check_targets(source.train);

  data::Splits splits = divide(config, source);
  if (config.patience > 0 && !splits.validation) {
    fail<ValueError>("patience is {}, but there is no validation set (valid: a val-fraction above 0)", config.patience);
  }
  if (config.patience > 0 && loss.changes()) {
    fail<ValueError>(
        "patience is {}, but the weights of the parts of the loss change, so that the validation losses of epochs "
        "cannot be compared (valid: patience 0, or weights that are numbers)",
        config.patience);
  }
  if (config.sampling != Sampling::shuffle && splits.train.task == data::Task::regression) {
    fail<ValueError>("sampling is {}, but the targets are numbers (valid: shuffle)", name_of(config.sampling));
  }
  const TableEncoding encoding = splits.train.columns.empty() ? TableEncoding() : TableEncoding::of(splits.train);
  for (Dataset* part :
       {&splits.train, splits.validation ? &*splits.validation : nullptr, splits.test ? &*splits.test : nullptr}) {
    if (part != nullptr) *part = encoding.apply(*part);
  }
  Problem problem{
      .config = config,
      .train = splits.train,
      .validation = splits.validation,
      .test = splits.test,
      .objective = Objective(loss, splits.train, {class_weights(config, splits.train), config.normalize_by}),
      .make_model = {},
      .true_labels = {},
      .sample_shape = source.train.sample_shape(),
      .encoding = encoding,
      .notes = describe_columns(source.train, encoding),
      .warnings = source.train.warnings};
  problem.notes.insert(problem.notes.end(), source.train.notes.begin(), source.train.notes.end());
  if (!splits.validation && config.val_fraction > 0) {
    problem.warnings.push_back(
        fmt::format("there are no validation samples, because a fraction of {} of {} samples is less than one",
                    config.val_fraction, splits.train.size()));
  }
  if (config.label_noise > 0) problem.true_labels = labels_in(source.train, splits.train);
  if (auto warning = warn_of_class_weights(config, splits.train, problem.objective.divides_by_weights())) {
    problem.warnings.push_back(std::move(*warning));
  }
  for (std::string& warning : warn_of_data(splits.train, splits.validation, encoding.input_names())) {
    problem.warnings.push_back(std::move(warning));
  }
  for (const Array* array : {&source.train.inputs, &source.train.targets}) {
    problem.checksum = add_checksum(problem.checksum, *array);
  }
  if (problem.test) problem.objective.check_targets(*problem.test);

  const bool pixels = problem.train.inputs.dtype == DType::uint8;
  const data::PixelScale pixel_scale =
      pixels && *config.standardize ? pixel_scale_of(problem.train.inputs) : data::PixelScale{};
  MlpOptions options{.inputs = numel(problem.train.sample_shape()),
                     .outputs = problem.objective.outputs(),
                     .hidden = config.hidden,
                     .dropout = config.dropout,
                     .head = problem.objective.head(),
                     .cosine_scale = cosine_scale(config, problem.objective)};
  if (*config.standardize && !pixels) options.input_scaling = scaling_of(problem.train.inputs, encoding.are_switches());
  if (*config.standardize && problem.objective.scales()) options.output_scaling = scaling_of(problem.train.targets);
  problem.make_model = [options] { return std::make_unique<Mlp>(options); };
  scale(problem.train, pixel_scale);
  if (problem.validation) scale(*problem.validation, pixel_scale);
  if (problem.test) scale(*problem.test, pixel_scale);
  return problem;
}

}  // namespace perdita::train
