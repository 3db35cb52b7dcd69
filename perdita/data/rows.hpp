// Rows of numbers, read in chunks: files may be larger than memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "perdita/core/array.hpp"
#include "perdita/data/csv_format.hpp"

namespace perdita::data {

/// An array [rows, ...] that is read some rows at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;

  DType dtype = DType::float32;
  Shape row_shape;                   ///< of one row: [] for a vector, [10] for ten classes
  std::optional<std::int64_t> rows;  ///< unknown for text before its end
  std::string name;                  ///< for messages
  /// Whether read() supports any rows, also from several threads at once; otherwise each call must continue where the
  /// previous one ended.
  bool any_order = false;

  std::int64_t row_elements() const { return numel(row_shape); }
  std::int64_t row_bytes() const { return row_elements() * static_cast<std::int64_t>(size_of(dtype)); }
  /// Reads rows [first, first + count) into `to`, dense and row-major; returns their number, less only at the end.
  /// Throws FileError, or DataError that names the file and the place where it is malformed.
  virtual std::int64_t read(std::int64_t first, std::int64_t count, void* to) = 0;
};

using RowOptions = CsvFormat;  ///< for text

/// Opens FILE.npy, FILE.npz (stored or deflated), FILE.npz:ARRAY, or text with columns of numbers: FILE.csv,
/// FILE.csv:COLUMN (a name or index; negative from the end), which are read as float64. NPY and NPZ are recognized by
/// their first bytes. Element types and errors are those of read_npy(); Fortran order is supported for uncompressed
/// files on disk with two dimensions.
std::unique_ptr<RowReader> open_rows(const std::string& spec, const RowOptions& options = {});

/// The rows of an array in memory, [N, ...].
std::unique_ptr<RowReader> rows_of(Array array, std::string name);

}  // namespace perdita::data
