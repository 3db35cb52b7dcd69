// Checkpoints: everything a run needs to go on, in one file that is there whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

#include "perdita/nn/module.hpp"
#include "perdita/train/config.hpp"

namespace perdita::train {

struct Checkpoint {
  Config config;
  std::int64_t epoch = 0, step = 0;  ///< finished
  std::int64_t best_epoch = 0;       ///< of the lowest validation loss; 0: none yet
  double best_loss = std::numeric_limits<double>::infinity();
  std::uint32_t data_checksum = 0;
  nn::StateDict model = {}, optimizer = {};
  nn::StateDict best = {};     ///< the model after best_epoch, where patience asks for it
  nn::StateDict samples = {};  ///< of the report::MarginTracker
  nn::StateDict loss = {};     ///< learned weights of a sum of losses
};

/// A safetensors file: tensors model.*, optimizer.*, best.*, samples.* and loss.*, the rest as JSON in its metadata.
/// Throws FileError.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Throws FileError, or DataError that names the file for one that is damaged or no checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace perdita::train
