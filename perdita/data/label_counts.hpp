// Number of samples of each class in a file of labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdita/data/rows.hpp"

namespace perdita::data {

struct LabelCounts {
  std::vector<std::int64_t> counts;
  std::vector<std::string> names;  ///< class names, sorted, if labels are words; otherwise the class is the index
};

struct LabelFileOptions {
  std::optional<std::int64_t> num_classes = std::nullopt;   ///< default: up to the largest label
  std::optional<std::int64_t> ignore_index = std::nullopt;  ///< label to ignore
  CsvFormat format = {};
};

/// Counts labels: class indices in NPY or NPZ as open_rows() takes them ([N] or [N, 1]), read in pieces; or a column of
/// a text file (FILE.csv, FILE.tsv or FILE.txt; FILE.csv:COLUMN where there are several), of indices or of words. There
/// a first line is detected as a header where it is no index, and no label that comes again. Throws FileError,
/// DataError that names file and place, IndexError for a label out of range.
LabelCounts count_labels(const std::string& spec, const LabelFileOptions& options = {});

struct BinaryCounts {
  std::vector<std::int64_t> negatives, positives;  ///< of each column
};

/// Counts zeros and ones in a file that open_rows() accepts, [N] or [N, K] for K labels of a multi-label problem.
/// Throws like count_labels(); DataError for other numbers.
BinaryCounts count_binary_labels(const std::string& spec, const RowOptions& options = {});

/// Reads the number of samples of each class: integers in a file that open_rows() accepts.
std::vector<std::int64_t> read_counts(const std::string& spec, const RowOptions& options = {});

}  // namespace perdita::data
