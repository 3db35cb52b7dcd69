// The losses of perdita/torch.hpp as operators, which Python calls with its own tensors and autograd.
#include <torch/library.h>

#include <perdita/torch.hpp>

namespace {

namespace libtorch = perdita::libtorch;
using OptionalTensor = std::optional<at::Tensor>;
using Extras = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, double, double>;

at::Tensor or_undefined(const OptionalTensor& tensor) { return tensor.value_or(at::Tensor()); }

std::vector<at::Tensor> or_undefined(const c10::List<OptionalTensor>& tensors) {
  std::vector<at::Tensor> all;
  for (const OptionalTensor& tensor : tensors) all.push_back(or_undefined(tensor));
  return all;
}

perdita::Normalize parse_normalize(std::string_view name) {
  if (name == "count") return perdita::Normalize::count;
  if (name == "weight_sum") return perdita::Normalize::weight_sum;
  if (name == "batch") return perdita::Normalize::batch;
  return perdita::Normalize::standard;
}

libtorch::LossOptions options_of(const OptionalTensor& weight, const OptionalTensor& pos_weight,
                                 std::string_view reduction, std::string_view normalize_by) {
  return {.weight = or_undefined(weight),
          .pos_weight = or_undefined(pos_weight),
          .reduction = perdita::parse_reduction(reduction),
          .normalize_by = parse_normalize(normalize_by),
          .broadcasts_both = true};
}

/// A loss that is given as text.
at::Tensor by_text(std::string_view text, const c10::List<OptionalTensor>& operands, const OptionalTensor& weight,
                   const OptionalTensor& pos_weight, std::string_view reduction, std::string_view normalize_by) {
  return libtorch::loss(text, options_of(weight, pos_weight, reduction, normalize_by))(or_undefined(operands));
}

template <class Loss>
libtorch::OptionsOf<Loss> typed(const libtorch::LossOptions& options) {
  if constexpr (perdita::is_of_class_rows(Loss::info))
    return {.weight = options.weight, .reduction = options.reduction, .normalize_by = options.normalize_by};
  else
    return options;
}

template <class Loss, std::size_t... I>
at::Tensor call_function(const libtorch::LossFunction<Loss>& function, const std::vector<at::Tensor>& operands,
                         const libtorch::OptionsOf<Loss>& options, std::index_sequence<I...>) {
  return function((I < operands.size() ? operands[I] : at::Tensor())..., options);
}

/// The function of a loss with its default parameters.
at::Tensor by_function(std::string_view name, const c10::List<OptionalTensor>& given, const OptionalTensor& weight,
                       const OptionalTensor& pos_weight, std::string_view reduction, std::string_view normalize_by) {
  const std::vector<at::Tensor> operands = or_undefined(given);
  const libtorch::LossOptions options = options_of(weight, pos_weight, reduction, normalize_by);
#define CALL(Loss, function, Module)                                                                 \
  if (name == #function) {                                                                           \
    constexpr std::size_t count = perdita::detail::tensors_of(perdita::Loss::info, true);            \
    return call_function<perdita::Loss>(libtorch::function, operands, typed<perdita::Loss>(options), \
                                        std::make_index_sequence<count>());                          \
  }
  PERDITA_LOSSES(CALL)
#undef CALL
  perdita::fail<perdita::ValueError>("no loss is called {}", name);
}

at::Tensor by_lambda(const at::Tensor& input, const at::Tensor& target, const OptionalTensor& weight,
                     std::string_view reduction) {
  const auto loss = libtorch::elementwise([](auto y, auto t) { return log_cosh(y - t) * exp(0.1 * y); });
  return loss(input, target, options_of(weight, std::nullopt, reduction, "standard"));
}

at::Tensor by_options(const at::Tensor& logits, const at::Tensor& target, const OptionalTensor& weight,
                      std::int64_t ignore_index, double label_smoothing) {
  return libtorch::cross_entropy(
      logits, target,
      {.weight = or_undefined(weight), .ignore_index = ignore_index, .label_smoothing = label_smoothing});
}

at::Tensor by_quantiles(const at::Tensor& input, const at::Tensor& target, std::vector<double> levels) {
  return libtorch::quantile_loss(input, target, perdita::Quantiles{std::move(levels)});
}

Extras with_extras(const at::Tensor& logits, const at::Tensor& target, std::string_view reduction) {
  libtorch::LossExtras found;
  const at::Tensor loss =
      libtorch::cross_entropy(logits, target, {.reduction = perdita::parse_reduction(reduction), .extras = &found});
  return {loss, found.losses, found.margins, found.hits, found.numerator, found.denominator};
}

std::int64_t num_threads() { return perdita::num_threads(); }

}  // namespace

TORCH_LIBRARY(perdita_libtorch, m) {
  m.def(
      "by_text(str text, Tensor?[] operands, Tensor? weight, Tensor? pos_weight, str reduction, str normalize_by) -> "
      "Tensor",
      by_text);
  m.def(
      "by_function(str name, Tensor?[] operands, Tensor? weight, Tensor? pos_weight, str reduction, str normalize_by) "
      "-> "
      "Tensor",
      by_function);
  m.def("by_lambda(Tensor input, Tensor target, Tensor? weight, str reduction) -> Tensor", by_lambda);
  m.def("by_options(Tensor logits, Tensor target, Tensor? weight, int ignore_index, float label_smoothing) -> Tensor",
        by_options);
  m.def("by_quantiles(Tensor input, Tensor target, float[] levels) -> Tensor", by_quantiles);
  m.def("with_extras(Tensor logits, Tensor target, str reduction) -> (Tensor, Tensor, Tensor, Tensor, float, float)",
        with_extras);
  m.def("num_threads() -> int", num_threads);
}
