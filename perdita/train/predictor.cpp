#include "perdita/train/predictor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/csv_columns.hpp"
#include "perdita/data/loader.hpp"
#include "perdita/data/npy.hpp"
#include "perdita/evaluate/text.hpp"

namespace perdita::train {

namespace {

namespace fs = std::filesystem;
using data::ColumnKind;
using data::Dataset;

/// A dataset whose targets are not used.
Dataset samples_of(Array inputs) {
  const std::int64_t count = inputs.shape[0];
  return Dataset::of(std::move(inputs), Tensor::zeros({count}).to_array());
}

void warn_of_unknown(const EncodedColumn& column, const data::CsvColumns::Unknown& unknown,
                     std::vector<std::string>& warnings) {
  if (unknown.count == 0 || column.merges_rare) return;
  warnings.push_back(
      fmt::format("{} values of the column '{}' are not among the {} categories of the model, for "
                  "example '{}'",
                  unknown.count, column.column.name, column.column.categories.size(), unknown.first));
}

/// Of values that the training samples always had.
void warn_of_missing(const EncodedColumn& column, const Array& values, std::int64_t at,
                     std::vector<std::string>& warnings) {
  if (column.has_indicator) return;
  std::int64_t missing = 0;
  for (std::int64_t i = at; i < values.size(); i += values.shape[1]) missing += std::isnan(values.data<float>()[i]);
  if (missing == 0) return;
  warnings.push_back(fmt::format("{} values of the column '{}' are missing, as none was in training{}", missing,
                                 column.column.name,
                                 column.column.kind == ColumnKind::category ? "" : "; the median replaces them"));
}

ModelInputs read_table(const SavedModel& model, const fs::path& path, const data::CsvFormat& format) {
  std::vector<data::TableColumn> columns;
  for (const EncodedColumn& encoded : model.encoding.columns()) columns.push_back(encoded.column);
  data::CsvColumns table = data::read_csv_columns(path, columns, format);
  ModelInputs inputs;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    warn_of_unknown(model.encoding.columns()[i], table.unknown[i], inputs.warnings);
    warn_of_missing(model.encoding.columns()[i], table.values, static_cast<std::int64_t>(i), inputs.warnings);
  }
  inputs.samples = samples_of(std::move(table.values));
  inputs.samples.columns = std::move(columns);
  inputs.samples = model.encoding.apply(inputs.samples);
  return inputs;
}

Array as_float32(const Array& array) {
  return array.dtype == DType::float32 ? array : Tensor::from(array).to(DType::float32).to_array();
}

/// An array [N, columns] as a table.
ModelInputs encode_array(const SavedModel& model, const fs::path& path, const Array& array) {
  const auto& columns = model.encoding.columns();
  if (std::ranges::any_of(columns, [](const EncodedColumn& c) { return c.column.kind == ColumnKind::category; })) {
    fail<DataError>("{}: is an array, but the model was trained with a table that has categories (valid: a CSV file)",
                    path.string());
  }
  std::vector<double> offsets;
  for (const EncodedColumn& encoded : columns) offsets.push_back(encoded.column.offset);
  const Tensor shifted = Tensor::from(array).to(DType::float64) - Tensor::from(offsets);
  ModelInputs inputs{.samples = samples_of(shifted.to(DType::float32).to_array())};
  for (const EncodedColumn& encoded : columns) inputs.samples.columns.push_back(encoded.column);
  inputs.samples = model.encoding.apply(inputs.samples);
  return inputs;
}

ModelInputs read_array(const SavedModel& model, const fs::path& path) {
  const Array array = data::read_npy(path);
  const bool has_columns = !model.encoding.is_empty();
  const std::int64_t width = has_columns ? std::ssize(model.encoding.columns()) : model.inputs;
  const std::int64_t rows = array.shape.rank() == 0 ? 0 : array.shape[0];
  if (rows == 0 || array.size() / rows != width || (has_columns && array.shape.rank() != 2)) {
    fail<DataError>("{}: the array has shape {} (valid: [N, {}], as in training)", path.string(), array.shape, width);
  }
  if (model.pixels.has_value() != (array.dtype == DType::uint8)) {
    fail<DataError>("{}: the array is {} (valid: {})", path.string(), name_of(array.dtype),
                    model.pixels ? "uint8 images, as in training" : "numbers other than uint8, as in training");
  }
  if (has_columns) return encode_array(model, path, array);
  ModelInputs inputs{.samples = samples_of(model.pixels ? array : as_float32(array))};
  inputs.samples.pixels = model.pixels.value_or(data::PixelScale{});
  inputs.samples = inputs.samples.flatten();
  return inputs;
}

bool is_npy(const fs::path& path) {
  const InputFile file(path);
  char magic[6] = {};
  return file.is_regular() && file.read(0, magic, sizeof magic) == sizeof magic &&
         std::string_view(magic, sizeof magic) == "\x93NUMPY";
}

std::vector<std::string> column_names(const SavedModel& model) {
  const Objective& objective = model.objective;
  std::vector<std::string> names;
  if (objective.has_classes()) {
    for (const std::string& name : model.class_names) names.push_back("probability_" + name);
    return names;
  }
  const std::vector<double> levels = levels_of(objective.sum().leading());
  for (double level : levels) names.push_back(fmt::format("quantile_{}", level));
  if (!levels.empty()) return names;
  for (const char* what : {"prediction", "variance"}) {
    if (what[0] == 'v' && objective.head() != Head::mean_and_variance) continue;
    for (std::int64_t i = 0; i < objective.outputs(); ++i)
      names.push_back(objective.outputs() == 1 ? what : fmt::format("{}_{}", what, i));
  }
  return names;
}

/// Probabilities, numbers or quantiles [N, columns]; undefined if the outputs do not give probabilities of classes.
Tensor values_of(const Objective& objective, const Tensor& outputs) {
  if (objective.has_classes()) {
    const Tensor log_probabilities = objective.log_probabilities(outputs);
    return log_probabilities.defined() ? exp(log_probabilities) : log_probabilities;
  }
  const bool has_all = objective.form() == OutputForm::mean_and_variance || objective.form() == OutputForm::quantiles;
  const Tensor values = has_all ? outputs : objective.predictions(outputs);
  return values.reshape({outputs.size(0), -1});
}

}  // namespace

ModelInputs read_inputs(const SavedModel& model, const fs::path& path, const data::CsvFormat& format) {
  if (is_npy(path)) return read_array(model, path);
  if (model.encoding.is_empty()) {
    fail<DataError>("{}: is not an NPY file (valid: an array [N, {}], because the model was not trained with a table)",
                    path.string(), model.inputs);
  }
  return read_table(model, path, format);
}

Predictions predict(const SavedModel& model, const Dataset& samples) {
  const NoGrad no_grad;
  model.model->eval();
  Predictions all;
  std::vector<float> values;
  data::DataLoader loader(samples, {.batch_size = 1024});
  for (const auto& [inputs, targets] : loader) {
    const Tensor outputs = (*model.model)(inputs).contiguous();
    if (model.objective.has_classes())
      std::ranges::copy(model.objective.predictions(outputs).to_vector<std::int64_t>(),
                        std::back_inserter(all.classes));
    if (const Tensor of_batch = values_of(model.objective, outputs); of_batch.defined())
      std::ranges::copy(of_batch.to(DType::float32).to_vector<float>(), std::back_inserter(values));
  }
  if (!values.empty()) all.columns = column_names(model);
  all.values = Array::empty({samples.size(), std::ssize(all.columns)}, DType::float32);
  std::ranges::copy(values, all.values.data<float>());
  return all;
}

std::string to_csv(const Predictions& predictions, const std::vector<std::string>& class_names) {
  const bool has_classes = !predictions.classes.empty();
  std::string text = has_classes ? "prediction" : "";
  for (const std::string& name : predictions.columns)
    text += fmt::format("{}{}", text.empty() ? "" : ",", evaluate::csv_field(name));
  text += '\n';
  const float* value = predictions.values.data<float>();
  for (std::int64_t row = 0; row < predictions.values.shape[0]; ++row) {
    const std::size_t begin = text.size();
    if (has_classes)
      text += evaluate::csv_field(
          class_names[static_cast<std::size_t>(predictions.classes[static_cast<std::size_t>(row)])]);
    for (std::size_t column = 0; column < predictions.columns.size(); ++column)
      text += fmt::format("{}{}", text.size() == begin ? "" : ",", *value++);
    text += '\n';
  }
  return text;
}

}  // namespace perdita::train
