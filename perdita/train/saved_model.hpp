// The file of a trained model: the tensors, and what is needed to predict with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdita/train/model.hpp"
#include "perdita/train/objective.hpp"
#include "perdita/train/problem.hpp"
#include "perdita/train/table_encoding.hpp"

namespace perdita::train {

/// Writes model.safetensors. Throws FileError.
void write_model(const std::filesystem::path& path, const Model& model, const Problem& problem);

/// A model that predicts. It is not trained further.
struct SavedModel {
  std::unique_ptr<Model> model;
  std::int64_t inputs = 0;  ///< elements of a sample
  Objective objective;
  std::vector<std::string> class_names;
  TableEncoding encoding;                  ///< empty if the model was not trained with a table
  std::optional<data::PixelScale> pixels;  ///< of a model of uint8 images
};

/// Reads a model file, or that of a run if `path` is a folder. Throws FileError, and DataError if the file is not a
/// model of `perdita train`.
SavedModel read_model(const std::filesystem::path& path);

}  // namespace perdita::train
