// Problem: what is to be learned, ready for training: data divided and scaled, the loss put on them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdita/data/dataset.hpp"
#include "perdita/train/config.hpp"
#include "perdita/train/model.hpp"
#include "perdita/train/objective.hpp"
#include "perdita/train/table_encoding.hpp"

namespace perdita::train {

struct Problem {
  Config config;  ///< complete
  data::Dataset train;
  std::optional<data::Dataset> validation, test;
  Objective objective;
  std::function<std::unique_ptr<Model>()> make_model;  ///< with new weights, drawn from nn's generator
  std::vector<std::int64_t> true_labels;               ///< of the training samples, where some were made wrong
  Shape sample_shape;                                  ///< before samples became rows
  TableEncoding encoding;                              ///< of a table; the datasets are encoded
  std::vector<std::string> notes;                      ///< on the columns of a table, a line each
  std::vector<std::string> warnings;                   ///< what is likely to go wrong, a sentence each
  std::uint32_t checksum = 0;  ///< of all training and validation samples: a resumed run must find them unchanged
};

/// Loads the data and chooses what was not given. Throws ValueError for options that fit neither each other nor the
/// data, FileError and DataError for the data themselves.
Problem prepare(const Config& config);

}  // namespace perdita::train
