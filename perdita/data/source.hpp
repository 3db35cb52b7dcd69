// Where data come from, in one word: what `--data` takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "perdita/data/dataset.hpp"

namespace perdita::data {

/// A dataset, and the test set where the source brings one.
struct Source {
  Dataset train;
  std::optional<Dataset> test;
};

/// Reads or makes the data that `spec` names:
///   fashion-mnist                     the Debian package dataset-fashion-mnist
///   idx:DIR                           train-images-idx3-ubyte[.gz] and its companions, as MNIST names them
///   csv:FILE[,target=COLUMN][,header=detect|yes|no][,separator=detect|comma|semicolon|tab][,task=TASK]
///   npy:X,Y[,task=TASK]               inputs [N, ...] and targets [N] or [N, K]
///   synthetic:NAME[,samples=N][,noise=S][,features=N][,classes=N][,ratio=R]
/// TASK is regression, binary or multiclass; without it the targets decide: labels and integers are classes.
/// `seed` makes the synthetic ones. Throws ValueError that lists what is valid, FileError, DataError.
Source load(std::string_view spec, std::uint64_t seed = 0);

/// The two sets in a folder of MNIST-like IDX files; the test set may be missing.
Source load_idx(const std::filesystem::path& folder);

/// Fashion-MNIST as Debian ships it, with the names of its ten classes. Throws FileError that names the package.
Source load_fashion_mnist(const std::filesystem::path& folder = "/usr/share/datasets/fashion-mnist");

}  // namespace perdita::data
