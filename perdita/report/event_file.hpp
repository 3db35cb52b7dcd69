// Event files that TensorBoard reads: scalars and histograms over steps.
//
// Records in TFRecord framing of tensorflow.Event messages (tensorflow/core/util/event.proto and summary.proto): a
// scalar is a Summary.Value with simple_value, a histogram one with a HistogramProto. TensorBoard still reads these,
// which are older and simpler than tensors with the metadata of a plugin.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "perdita/core/file.hpp"

namespace perdita::report {

class EventFile {
 public:
  /// Creates the file, replacing an existing one. TensorBoard finds only names with "tfevents". Throws FileError.
  explicit EventFile(const std::filesystem::path& path);

  /// Adds a value with the current time. It may be NaN or infinite. Throws FileError.
  void add_scalar(std::string_view tag, std::int64_t step, double value);
  /// Values that are not finite are ignored; nothing is written if no value is finite.
  void add_histogram(std::string_view tag, std::int64_t step, std::span<const float> values);

 private:
  void write(std::string_view event);

  AppendFile file_;
};

}  // namespace perdita::report
