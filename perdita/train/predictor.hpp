// Predictions of a saved model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/csv_format.hpp"
#include "perdita/train/saved_model.hpp"

namespace perdita::train {

struct Predictions {
  std::vector<std::int64_t> classes;  ///< of each sample; empty for numbers
  std::vector<std::string> columns;   ///< names of the values
  Array values;  ///< float32 [N, columns]: probabilities, numbers or quantiles; may have no columns
};

/// Inputs of a model, and what is notable about them, one sentence each.
struct ModelInputs {
  data::Dataset samples;  ///< without targets that mean anything
  std::vector<std::string> warnings = {};
};

/// Reads the samples of a table with the columns of the model, or of an NPY file. Throws FileError; DataError for a
/// file that does not have the inputs of the model.
ModelInputs read_inputs(const SavedModel& model, const std::filesystem::path& path, const data::CsvFormat& format = {});

/// For classes, "probability_NAME" of each class where the outputs give probabilities. For numbers "prediction", or
/// "prediction_0", ... if a sample has several; with a variance "variance" too; for quantiles "quantile_0.1", ...
Predictions predict(const SavedModel& model, const data::Dataset& samples);

/// A CSV file with a header: the predicted class in the column "prediction", then the values.
std::string to_csv(const Predictions& predictions, const std::vector<std::string>& class_names);

}  // namespace perdita::train
