#include "perdita/functional/loss_sum.hpp"

#include <algorithm>
#include <cmath>

namespace perdita {

namespace {

/// The part with masks and the part without them, if there are both.
struct MixedUnits {
  const LossPart *mask = nullptr, *other = nullptr;
};
MixedUnits mixed_units(const LossSum& sum) {
  MixedUnits found;
  for (const LossPart& part : sum.parts()) (info_of(part.loss).unit == Unit::mask ? found.mask : found.other) = &part;
  return found.mask && found.other ? found : MixedUnits{};
}

/// A target of the input's shape holds labels of pixels for masks and elements, but probabilities for rows of classes.
void check_target(const LossSum& sum, const Tensor& input, const Tensor& target) {
  const MixedUnits found = mixed_units(sum);
  if (!found.mask || !input.defined() || !target.defined()) return;
  const bool is_of_classes = is_of_class_rows(info_of(found.other->loss));
  const bool has_shape_of_input = input.shape() == target.shape();
  if (is_of_classes == has_shape_of_input) {
    fail<ShapeError>(
        "{} + {}: target has shape {}, and input {}, which the parts read differently (valid: {})", found.other->name,
        found.mask->name, target.shape(), input.shape(),
        is_of_classes ? "class indices, without the dimension of the classes" : "a target of the input's shape");
  }
}

/// The operands of each part, and the weight.
struct GivenOperands {
  std::vector<Tensor> tensors;
  Tensor weight;
};
GivenOperands operands_of(const LossSum& sum, std::span<const Tensor> given, const LossOptions& options) {
  const std::size_t count = info_of(sum.parts()[0].loss).operands.count_without_weights();
  if (given.size() > count + 1) {
    fail<ValueError>("{}: got {} operands (valid: at most {}, the last one a weight)", to_string(sum), given.size(),
                     count + 1);
  }
  GivenOperands all{
      .tensors = {given.begin(), given.begin() + static_cast<std::ptrdiff_t>(std::min(count, given.size()))},
      .weight = options.weight};
  if (given.size() > count && given[count].defined()) all.weight = given[count];
  return all;
}

/// One weight is read alike by all parts: elements of each, or one number per class.
void check_weight(const LossSum& sum) {
  std::string_view shape;
  for (const LossPart& part : sum.parts()) {
    const Operands& operands = info_of(part.loss).operands;
    if (!operands.has(Role::weight)) {
      fail<ValueError>("{}: weight is given, but {} takes none (valid: no weight)", to_string(sum), part.name);
    }
    const std::string_view own = operands.first(Role::weight).shape;
    if (!shape.empty() && own != shape) {
      fail<ValueError>("{}: weight is given, but {} takes a weight of shape {}, and {} of shape {} (valid: no weight)",
                       to_string(sum), sum.parts()[0].name, shape, part.name, own);
    }
    shape = own;
  }
}

/// A weight in the type that the result has, so that the gradient computed for it is the one that backward() asks for.
double in_type_of(const std::vector<Tensor>& operands, double weight) {
  for (const Tensor& operand : operands) {
    if (operand.defined() && operand.dtype() == DType::float64) return weight;
  }
  return static_cast<double>(static_cast<float>(weight));
}

/// s of a part whose weight is learned; undefined otherwise.
Tensor log_variance_of(const LossPart& part, std::size_t k, const SumState& state) {
  return part.weight.is_learned && k < state.log_variances.size() ? state.log_variances[k] : Tensor();
}

/// A part, with its weight, as it is added.
struct Term {
  Tensor value;
  PartResult result;
};

/// Computes the terms of a sum.
class Terms {
 public:
  Terms(const GivenOperands& operands, const LossOptions& options, const SumState& state, bool has_extras)
      : operands_(operands), options_(options), state_(state), has_extras_(has_extras) {
    options_.weight = operands.weight;
  }

  Term operator()(const LossPart& part, std::size_t k) const {
    Term term{.value = {}, .result = {.name = part.name, .weight = current_weight(part, k, state_)}};
    const Tensor losses = losses_of(part, k, term.result);
    if (losses.rank() == 0) term.result.value = losses.item();
    if (const Tensor s = log_variance_of(part, k, state_); s.defined())
      term.value = losses * (exp(-s) * part.weight.at(state_.epoch)).to(losses.dtype()) + (s * 0.5).to(losses.dtype());
    else if (term.result.weight == 0)
      term.value = Tensor::zeros(losses.shape(), losses.dtype());
    else
      term.value = term.result.weight == 1 ? losses : losses * term.result.weight;
    return term;
  }

 private:
  /// A part of weight 0 has no gradient, even if its derivative is infinite.
  Tensor losses_of(const LossPart& part, std::size_t k, PartResult& result) const {
    LossOptions own = options_;
    own.extras = has_extras_ ? &result.extras : nullptr;
    if (options_.reduction != Reduction::none && functional::uses_expected_upstream(part.loss))
      own.expected_upstream = options_.expected_upstream.value_or(1.0) * in_type_of(operands_.tensors, result.weight);
    if (result.weight != 0) return value_of(part, k, own);
    const NoGrad no_grad;
    return value_of(part, k, own);
  }

  Tensor value_of(const LossPart& part, std::size_t k, LossOptions options) const {
    const bool has_parameters = k < state_.parameters.size() && !state_.parameters[k].empty();
    if (!has_parameters) return functional::call(part.loss, operands_.tensors, options);
    const auto& tensors = operands_.tensors;
    options.missing = options.missing || part.loss.missing;
    if (const auto* formula = std::get_if<Formula>(&part.loss.loss))
      return functional::formula_loss(tensors.at(0), tensors.at(1), state_.parameters[k], *formula, options);
    if (const auto* formula = std::get_if<ClassFormula>(&part.loss.loss))
      return functional::formula_loss(tensors.at(0), tensors.at(1), state_.parameters[k], *formula,
                                      detail::class_options(part.loss, options));
    fail<ValueError>("{} has no learned parameters, but {} were given (valid: none)", part.name,
                     state_.parameters[k].size());
  }

  const GivenOperands& operands_;
  LossOptions options_;
  const SumState& state_;
  bool has_extras_;
};

/// The extras of a sum from those of its parts.
LossExtras extras_of(std::span<const PartResult> parts, const Tensor& total) {
  LossExtras all{.losses = {}, .denominator = 1};
  bool has_losses = true;
  for (const PartResult& part : parts) {
    const bool has_margins = part.extras.margins.defined() && !all.margins.defined();
    if (has_margins) all.margins = part.extras.margins, all.hits = part.extras.hits;
    has_losses = has_losses && part.extras.losses.shape() == parts[0].extras.losses.shape();
  }
  const NoGrad no_grad;
  for (std::size_t k = 0; has_losses && k < parts.size(); ++k) {
    const Tensor& own = parts[k].extras.losses;
    // A part of weight 0 adds 0, even if its loss is infinite.
    const Tensor weighted = parts[k].weight == 0 ? Tensor::zeros(own.shape(), own.dtype()) : own * parts[k].weight;
    all.losses = all.losses.defined() ? all.losses + weighted : weighted;
  }
  all.numerator = total.rank() == 0 ? total.item() : sum(total).item();
  return all;
}

/// 0, with derivatives of 0 with respect to the operands, also to those that are NaN or infinite.
Tensor zero_of(const std::vector<Tensor>& operands, DType dtype) {
  const Tensor never = Tensor::zeros({}, DType::float64) > 0.0;
  Tensor zero = Tensor::zeros({}, dtype);
  for (const Tensor& operand : operands)
    if (operand.defined() && operand.requires_grad()) zero = zero + sum(select(never, operand, 0.0)).to(dtype);
  return zero;
}

void check_shapes(const LossSum& sum, const Tensor& total, const Tensor& losses, const LossPart& part) {
  if (total.shape() == losses.shape()) return;
  fail<ShapeError>(
      "{}: reduction is none, but the losses of {} have shape {}, and those before it {} (valid: mean, sum)",
      to_string(sum), part.name, losses.shape(), total.shape());
}

}  // namespace

double current_weight(const LossPart& part, std::size_t k, const SumState& state) {
  const double fixed = part.weight.at(state.epoch);
  const Tensor s = log_variance_of(part, k, state);
  return s.defined() ? fixed * std::exp(-s.item()) : fixed;
}

Tensor functional::call(const LossSum& loss, std::span<const Tensor> given, const LossOptions& options,
                        const SumState& state, std::vector<PartResult>* parts) {
  const bool has_parameters = !state.parameters.empty() && !state.parameters[0].empty();
  if (const AnyLoss* single = loss.single(); single && !parts && !has_parameters) return call(*single, given, options);
  const GivenOperands operands = operands_of(loss, given, options);
  if (operands.weight.defined()) check_weight(loss);
  if (operands.tensors.size() > 1) check_target(loss, operands.tensors[0], operands.tensors[1]);
  const bool has_extras = options.extras != nullptr || parts != nullptr;
  const Terms term_of(operands, options, state, has_extras);
  Tensor total;
  std::vector<PartResult> results;
  for (std::size_t k = 0; k < loss.size(); ++k) {
    Term term = term_of(loss.parts()[k], k);
    if (total.defined()) check_shapes(loss, total, term.value, loss.parts()[k]);
    total = total.defined() ? total + term.value : term.value;
    results.push_back(std::move(term.result));
  }
  // If all weights are 0, the gradients are 0 and not undefined.
  if (!total.requires_grad()) total = total + zero_of(operands.tensors, total.dtype());
  if (options.extras != nullptr) *options.extras = extras_of(results, total);
  if (parts != nullptr) *parts = std::move(results);
  return total;
}

}  // namespace perdita
