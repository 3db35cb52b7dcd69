#include "perdita/functional/sequence.hpp"

#include <limits>

namespace perdita::detail {

namespace {

Integers integers_of(const char* function, const char* argument, const Tensor& tensor) {
  if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  if (is_floating(tensor.dtype()) || tensor.dtype() == DType::boolean) {
    fail<DTypeError>("{}: {} holds {} (valid: int64, int32, uint8)", function, argument, name_of(tensor.dtype()));
  }
  return tensor.to_vector<std::int64_t>();
}

/// How targets are laid out: [N, S], or [S] with all items one after the other.
struct Layout {
  bool is_padded;
  std::int64_t size;  // S
  std::int64_t place(std::size_t item, std::int64_t begin, std::int64_t i) const {
    return is_padded ? static_cast<std::int64_t>(item) * size + i : begin + i;
  }
  std::string index(std::size_t item, std::int64_t begin, std::int64_t i) const {
    return is_padded ? fmt::format("{}, {}", item, i) : fmt::format("{}", begin + i);
  }
};

Layout layout_of(const SequenceBatch& batch, const Tensor& targets) {
  const bool fits = targets.rank() == 1 || (targets.rank() == 2 && targets.size(0) == batch.items);
  if (!fits) {
    fail<ShapeError>("{}: targets has shape {}, but {} has {} sequences (valid: [{}, S], or [S] with all labels)",
                     batch.function, targets.shape(), batch.predictions, batch.items, batch.items);
  }
  return {targets.rank() == 2, targets.size(-1)};
}

}  // namespace

void check_classes(const SequenceBatch& batch, std::int64_t blank) {
  if (batch.classes > std::numeric_limits<std::int32_t>::max()) {
    fail<ShapeError>("{}: {} has {} classes (valid: at most 2147483647)", batch.function, batch.predictions,
                     batch.classes);
  }
  if (blank >= batch.classes) {
    fail<ValueError>("{}: blank is {}, but {} has {} classes (valid: 0..{})", batch.function, blank, batch.predictions,
                     batch.classes, batch.classes - 1);
  }
}

Integers lengths_of(const SequenceBatch& batch, const char* argument, const Tensor& tensor, const LengthRange& range) {
  Integers lengths = integers_of(batch.function, argument, tensor);
  const bool fits = tensor.shape() == Shape{batch.items} || (batch.single && tensor.rank() == 0);
  if (!fits) {
    fail<ShapeError>("{}: {} has shape {}, but {} has {} sequences (valid: {})", batch.function, argument,
                     tensor.shape(), batch.predictions, batch.items,
                     batch.single ? "[] or [1]" : fmt::format("[{}]", batch.items));
  }
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    if (lengths[n] >= range.shortest && lengths[n] <= range.longest) continue;
    fail<ShapeError>("{}: {}[{}] is {}, but {} (valid: {}..{})", batch.function, argument, n, lengths[n], range.reason,
                     range.shortest, range.longest);
  }
  return lengths;
}

SequenceLabels labels_of(const SequenceBatch& batch, const Tensor& targets, const Tensor& target_lengths,
                         std::optional<std::int64_t> refused) {
  const Integers given = integers_of(batch.function, "targets", targets);
  const Layout layout = layout_of(batch, targets);
  const std::string reason = fmt::format("targets has shape {}", targets.shape());
  const Integers lengths =
      lengths_of(batch, "target_lengths", target_lengths, {.shortest = 0, .longest = layout.size, .reason = reason});
  SequenceLabels all;
  all.begins.push_back(0);
  for (std::size_t n = 0; n < lengths.size(); ++n) all.begins.push_back(all.begins.back() + lengths[n]);
  if (!layout.is_padded && all.begins.back() != layout.size) {
    fail<ShapeError>("{}: targets has shape {}, but target_lengths add up to {} (valid: [{}])", batch.function,
                     targets.shape(), all.begins.back(), all.begins.back());
  }
  all.labels.reserve(static_cast<std::size_t>(all.begins.back()));
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    for (std::int64_t i = 0; i < lengths[n]; ++i) {
      const std::int64_t label = given[static_cast<std::size_t>(layout.place(n, all.begins[n], i))];
      if (label < 0 || label >= batch.classes) {
        fail<IndexError>("{}: targets[{}] is {}, but {} has {} classes (valid: 0..{})", batch.function,
                         layout.index(n, all.begins[n], i), label, batch.predictions, batch.classes, batch.classes - 1);
      }
      if (label == refused) {
        fail<ValueError>("{}: targets[{}] is {}, which is the blank (valid: classes other than the blank)",
                         batch.function, layout.index(n, all.begins[n], i), label);
      }
      all.labels.push_back(static_cast<std::int32_t>(label));
    }
  }
  return all;
}

}  // namespace perdita::detail
