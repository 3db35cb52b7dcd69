// Model files in the safetensors format, which PyTorch, NumPy, JAX and others can read.
#pragma once

#include <filesystem>

#include "perdita/nn/module.hpp"

namespace perdita::nn {

/// Writes the state of a module atomically. Throws FileError.
void save_model(const std::filesystem::path& path, const Module& module);

/// Reads it back into a module of the same shape. Throws FileError, DataError, ShapeError, ValueError.
void load_model(const std::filesystem::path& path, const Module& module);

}  // namespace perdita::nn
