// Data sources given as text: the argument of `--data`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "perdita/data/dataset.hpp"

namespace perdita::data {

/// A dataset, and the test set if the source has one.
struct Source {
  Dataset train;
  std::optional<Dataset> test;
};

/// Reads or generates the data specified by `spec`:
///   fashion-mnist                     the Debian package dataset-fashion-mnist
///   idx:DIR                           train-images-idx3-ubyte[.gz] and its companions, as MNIST names them
///   csv:FILE[,target=COLUMN][,columns=A;B;...][,drop=A;B;...][,category=A;B;...][,header=detect|yes|no]
///       [,separator=detect|comma|semicolon|tab][,task=TASK]
///   npy:X,Y[,task=TASK]               inputs [N, ...] and targets [N] or [N, K]
///   synthetic:NAME[,samples=N][,noise=S][,features=N][,classes=N][,ratio=R]
/// TASK is regression, binary or multiclass; the default is inferred from the targets: labels and integers are classes.
/// `seed` is used for synthetic data. Throws ValueError that lists the valid sources, FileError, DataError.
Source load(std::string_view spec, std::uint64_t seed = 0);

/// The two sets in a folder of MNIST-like IDX files; the test set may be missing.
Source load_idx(const std::filesystem::path& folder);

/// Fashion-MNIST as Debian ships it, with the names of its ten classes. Throws FileError that names the package.
Source load_fashion_mnist(const std::filesystem::path& folder = "/usr/share/datasets/fashion-mnist");

}  // namespace perdita::data
