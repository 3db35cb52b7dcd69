// Losses of class frequencies on tensors: cross_entropy of logits that the numbers of samples have changed.
#include <cmath>

#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita {

namespace {

/// One for each class. Throws unless class_counts is [C] with numbers of samples.
std::vector<ClassFrequency<>> frequencies_of(const char* function, const Tensor& class_counts, std::int64_t classes) {
  if (!class_counts.defined()) fail<ValueError>("{}: class_counts is not a tensor", function);
  if (class_counts.shape() != Shape{classes}) {
    fail<ShapeError>("{}: class_counts has shape {}, but input has {} classes (valid: [{}])", function,
                     class_counts.shape(), classes, classes);
  }
  std::vector<ClassFrequency<>> all;
  double total = 0, smallest = std::numeric_limits<double>::infinity();
  for (double count : class_counts.detach().to(DType::float64).to_vector<double>()) {
    if (!(count >= 0 && std::isfinite(count))) {
      fail<ValueError>("{}: class_counts[{}] is {} (valid: finite, 0 or more)", function, all.size(), count);
    }
    all.push_back({count, 0, 0});
    total += count;
    if (count > 0) smallest = std::min(smallest, count);
  }
  if (total == 0) fail<ValueError>("{}: class_counts are all 0 (valid: at least one positive count)", function);
  for (ClassFrequency<>& of_class : all) of_class.total = total, of_class.smallest = smallest;
  return all;
}

/// value(frequency) of each class, in the logits' dtype.
template <class Value>
Tensor of_classes(const std::vector<ClassFrequency<>>& all, DType dtype, const Value& value) {
  std::vector<double> values;
  values.reserve(all.size());
  for (const ClassFrequency<>& of_class : all) values.push_back(value(of_class));
  return Tensor::from(values).to(dtype);
}

/// The margin at the true class of each row and 0 elsewhere, in the shape of the logits.
Tensor margins_of_rows(const char* function, const Tensor& logits, const Tensor& target, const Tensor& margins,
                       std::int64_t ignore_index, int dim) {
  Shape rows = logits.shape();
  rows.erase(dim);
  if (is_floating(target.dtype()) || target.dtype() == DType::boolean) {
    fail<DTypeError>("{}: target holds {} (valid: class indices as int64, int32 or uint8)", function,
                     name_of(target.dtype()));
  }
  if (target.numel() != numel(rows)) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: {} with class indices)", function,
                     target.shape(), logits.shape(), rows);
  }
  detail::read_labels<double>(function, target.contiguous(), margins.size(0), ignore_index, nullptr);
  const Tensor labels = target.reshape(rows).to(DType::int64);
  const Tensor used = (labels != static_cast<double>(ignore_index)).to(DType::boolean);
  const Tensor shown = select(used, labels, Tensor::zeros(rows, DType::int64));
  return index_rows(margins, shown).unsqueeze(dim) *
         detail::one_hot_along(shown, margins.size(0), dim).to(logits.dtype());
}

template <class Loss>
Tensor frequency_loss(const char* function, const Loss& loss, const Tensor& input, const Tensor& target,
                      const Tensor& class_counts, const ClassOptions& options) {
  check_parameters(loss);
  const int dim = detail::check_logits(function, input, target);
  const auto frequencies = frequencies_of(function, class_counts, input.size(dim));
  Tensor logits = input;
  if constexpr (requires { loss.shift(ClassFrequency<>{}); }) {
    Shape along(input.rank(), 1);
    along[dim] = input.size(dim);
    const auto shift = [&](const ClassFrequency<>& of_class) { return loss.shift(of_class); };
    logits = logits + of_classes(frequencies, input.dtype(), shift).reshape(along);
  }
  if constexpr (requires { loss.margin(ClassFrequency<>{}); }) {
    const auto margin = [&](const ClassFrequency<>& of_class) { return loss.margin(of_class); };
    const Tensor margins = of_classes(frequencies, input.dtype(), margin);
    logits = (logits - margins_of_rows(function, input, target, margins, options.ignore_index, dim)) * loss.scale;
  }
  return detail::cross_entropy_named(function, logits, target, options);
}

}  // namespace

namespace detail {

template <class Loss>
Tensor CountedClassRowsCall<Loss, true>::call(const char* function, const Loss& loss, GivenTensors x,
                                              const ClassOptions& options) {
  return frequency_loss(function, loss, *x[0], *x[1], *x[2], options);
}
#define PERDITA_DEFINE(Loss, function, Module) template struct CountedClassRowsCall<Loss>;
PERDITA_LOSSES(PERDITA_DEFINE)
#undef PERDITA_DEFINE

}  // namespace detail

namespace functional {

Tensor adjust_logits(const Tensor& logits, const Tensor& class_counts, double tau) {
  constexpr const char* function = "adjust_logits";
  const LogitAdjusted loss{.tau = tau};
  check_parameters(loss);
  if (logits.rank() == 0) fail<ShapeError>("{}: logits has shape [] (valid: [..., C])", function);
  const auto frequencies = frequencies_of(function, class_counts, logits.size(-1));
  return logits - of_classes(frequencies, logits.dtype(),
                             [&](const ClassFrequency<>& of_class) { return loss.shift(of_class); });
}

}  // namespace functional
}  // namespace perdita
