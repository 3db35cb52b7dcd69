// Predicted probabilities and given labels in memory, checked row by row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perdita/core/array.hpp"
#include "perdita/data/rows.hpp"
#include "perdita/evaluate/evaluation_plan.hpp"

namespace perdita::evaluate {

/// An array and its name in messages: a file or an argument.
struct NamedArray {
  Array array;
  std::string name;
};

/// All rows of a reader.
NamedArray read_all(data::RowReader& reader);

/// Probabilities [rows, classes] and labels [rows]. T is float or double.
template <class T>
struct LabeledProbabilities {
  static constexpr T tie = T(1e-6);  ///< probabilities that differ by less are equal, as in cleanlab

  std::int64_t rows = 0, classes = 0;
  std::int64_t parts = 1;  ///< of the rows, which threads process; independent of the number of threads
  Array probabilities = {};
  std::vector<std::int32_t> labels = {};
  std::vector<std::int32_t> predicted = {};  ///< class of the largest probability of each row, the first among equals
  std::vector<std::int64_t> class_counts = {};  ///< number of rows with each label

  /// The probabilities of a row.
  const T* row(std::int64_t index) const {
    return static_cast<const T*>(probabilities.buffer.data()) + index * classes;
  }
  /// The given label of a row.
  std::int32_t label(std::int64_t index) const { return labels[static_cast<std::size_t>(index)]; }
  /// Whether the probability of the label is less than that of the predicted class, by more than a tie.
  bool contradicts(std::int64_t index) const {
    const std::int32_t given = label(index), best = predicted[static_cast<std::size_t>(index)];
    return given != best && row(index)[best] - row(index)[given] > tie;
  }
  /// The first row of a part.
  std::int64_t first_row(std::int64_t part) const { return rows * part / parts; }
};

/// The largest number of classes: some results have the square of it as their size.
inline constexpr std::int64_t most_audited_classes = 4096;

/// Probabilities of an array [N, C] of scores on a scale, and labels [N] or [N, 1] with indices of classes. Arrays of
/// probabilities with elements of type T are not copied. Throws ShapeError; DataError for no rows and for the first
/// row that is not a distribution: a number is NaN or not in [0, 1], or the sum is not 1 within 0.01; IndexError for
/// the first label that is not one of 0..C-1.
template <class T>
LabeledProbabilities<T> label_probabilities(const NamedArray& scores, const NamedArray& labels, Scale scale);

}  // namespace perdita::evaluate
