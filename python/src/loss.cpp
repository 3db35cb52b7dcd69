#include "python/src/loss.hpp"

#include <fmt/ranges.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "perdita/core/parallel.hpp"
#include "perdita/functional/fused_node.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/impl.hpp"
#include "python/src/loss_warnings.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

Normalize parse_normalize(std::string_view name) {
  if (name == "standard") return Normalize::standard;
  if (name == "count") return Normalize::count;
  if (name == "weight_sum") return Normalize::weight_sum;
  if (name == "batch") return Normalize::batch;
  fail<ValueError>("normalize_by is '{}' (valid: count, weight_sum, batch)", name);
}

/// The reduction with this name, which the loss must have: batchmean is defined for divergences only.
Reduction reduction_of(std::string_view name, const LossInfo& info) {
  constexpr std::string_view all[] = {"none", "mean", "sum", "batchmean"};
  const auto valid = std::span(all).first(sums_distributions(info) ? 4 : 3);
  if (std::ranges::find(valid, name) == valid.end()) {
    fail<ValueError>("reduction is '{}' (valid: {})", name, fmt::join(valid, ", "));
  }
  return parse_reduction(name);
}

/// The text of a loss without the option validate=true, and whether it was there.
std::pair<std::string, bool> without_validation(std::string_view text) {
  constexpr std::string_view option = "validate=true";
  const std::size_t at = text.find(option);
  if (at == text.npos || text.starts_with(Formula::info.name)) return {std::string(text), false};
  std::string rest(text);
  const bool is_last = at + option.size() == text.size();
  rest.erase(is_last ? at - 1 : at, option.size() + 1);  // with the comma behind it, or what stands before
  return {rest, true};
}

Tensor operand(std::span<const Tensor> operands, std::size_t i) { return i < operands.size() ? operands[i] : Tensor(); }

/// "huber: delta is -1" or "loss huber: ..." as "huber_loss: delta is -1": what Python calls it.
std::string with_function(const std::string& function, std::string_view loss, std::string_view message) {
  if (message.starts_with(function + ":")) return std::string(message);
  if (message.starts_with("loss ")) message.remove_prefix(5);
  const std::string_view name = message.substr(0, message.find(": "));
  if (name.size() < message.size() && (name == loss || function == fmt::format("{}_loss", name)))
    message.remove_prefix(name.size() + 2);
  return function + ": " + std::string(message);
}

/// body(), its errors under the name of the Python function.
template <class Body>
auto named(const std::string& function, std::string_view loss, const Body& body) {
  const auto renamed = [&](const Error& error) { return with_function(function, loss, error.what()); };
  try {
    return body();
  } catch (const ShapeError& error) {
    throw ShapeError(renamed(error));
  } catch (const DTypeError& error) {
    throw DTypeError(renamed(error));
  } catch (const IndexError& error) {
    throw IndexError(renamed(error));
  } catch (const ValueError& error) {
    throw ValueError(renamed(error));
  } catch (const GraphError& error) {
    throw GraphError(renamed(error));
  }
}

/// Of the operands those whose bit is set, now requiring gradients.
std::vector<Tensor> leaves_of(std::span<Tensor> operands, unsigned wanted) {
  std::vector<Tensor> leaves;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if ((wanted >> i & 1) == 0) continue;
    operands[i].set_requires_grad();
    leaves.push_back(operands[i]);
  }
  return leaves;
}

/// Results as memory of their own: neither that of an argument nor another result's, either of which may be written to.
void separate(std::vector<Tensor>& results, std::initializer_list<std::span<const Tensor>> arguments) {
  const auto shares = [](const Tensor& a, const Tensor& b) {
    return a.defined() && b.defined() && a.impl()->storage == b.impl()->storage;
  };
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined()) continue;
    detail::ensure_data(results[i]);
    bool shared = false;
    for (const auto& some : arguments) {
      for (const Tensor& argument : some) shared = shared || shares(results[i], argument);
    }
    for (std::size_t j = 0; j < i; ++j) shared = shared || shares(results[i], results[j]);
    if (shared) results[i] = results[i].detach().clone();
  }
}

/// Whether float32 and float64 occur.
bool has_several_types(std::span<const Tensor> operands) {
  bool has[2] = {false, false};
  for (const Tensor& operand : operands) {
    if (operand.defined() && is_floating(operand.dtype())) has[operand.dtype() == DType::float64] = true;
  }
  return has[0] && has[1];
}

Tensor zeros_like(const Tensor& tensor) {
  return Tensor::zeros(tensor.shape(), computing_type(tensor.dtype())).to(tensor.dtype());
}

nb::object& result_type_of_host() {
  static nb::object* const function = new nb::object(nb::none());  // outlives the interpreter
  return *function;
}

/// The dtype of the loss of operands of which some are narrow, as the host has it; nothing if none is.
std::optional<DType> narrow_result_type(const std::string& function, nb::tuple arrays,
                                        std::span<const Tensor> operands) {
  const auto is_narrow_one = [](const Tensor& tensor) { return tensor.defined() && is_narrow(tensor.dtype()); };
  if (std::ranges::none_of(operands, is_narrow_one) || result_type_of_host().is_none()) return std::nullopt;
  const std::string name = nb::cast<std::string>(result_type_of_host()(function, arrays));
  for (const DType dtype : {DType::bfloat16, DType::float16, DType::float64}) {
    if (name == name_of(dtype)) return dtype;
  }
  return DType::float32;
}

/// Whether x is a power of two with which gradients of 2^-100 to 2^100 neither overflow nor become subnormal.
bool is_small_power_of_two(double x) {
  int exponent = 0;
  return std::frexp(x, &exponent) == 0.5 && std::abs(exponent) <= 24;
}

/// d(value)/d(leaves) times the upstream gradient; zeros for a leaf that the value does not depend on.
std::vector<Tensor> gradients_of(const Tensor& value, const std::vector<Tensor>& leaves, const Tensor& upstream) {
  std::vector<Tensor> gradients(leaves.size());
  if (value.requires_grad()) gradients = grad({value}, leaves, {.grad_outputs = {upstream}, .allow_unused = true});
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) gradients[i] = zeros_like(leaves[i]);
  }
  return gradients;
}

}  // namespace

void set_result_type(nb::object function) { result_type_of_host() = std::move(function); }

Loss::Loss(std::string function, std::string_view text, std::string_view reduction, std::string_view normalize_by)
    : function_(std::move(function)), loss_(Mse{}) {
  named(function_, text.substr(0, text.find(':')), [&] {
    const auto [rest, validates] = without_validation(text);
    loss_ = parse_loss_sum(rest);
    validates_ = validates;
    compares_elements_ = compares_elements(loss_.leading());
    takes_logits_ = takes_logits(loss_.leading());
    reduction_ = reduction_of(reduction, info());
    normalize_by_ = parse_normalize(normalize_by);
    // The parts of a sum compute their gradients for their weights.
    if (loss_.single() && functional::uses_expected_upstream(*loss_.single())) expected_upstream_.emplace(reduces());
  });
}

void ExpectedUpstream::note(std::optional<double> upstream) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const double seen = upstream.value_or(unknown);
  const double last = last_.exchange(seen, std::memory_order_relaxed);
  if (seen == next()) return;
  if (!is_reduced_)
    expected_.store(seen == last ? seen : unknown, std::memory_order_relaxed);
  else if (seen == last && is_small_power_of_two(seen))
    expected_.store(seen, std::memory_order_relaxed);
}

void Loss::read(nb::tuple arrays, Operands& operands) const {
  const LossOperand* const expected = signature().begin();
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (i < signature().size())
      operands.add(nb::handle(arrays[i]).ptr(), function_, expected[i].name);
    else if (!arrays[i].is_none())
      fail<ValueError>("{}: got {} arrays (valid: {})", function_, arrays.size(), signature().size());
  }
  const std::span<const Tensor> tensors = operands.tensors();
  for (std::size_t i = 0; i < signature().size(); ++i) {
    if (!expected[i].is_optional && !operand(tensors, i).defined()) {
      fail<ValueError>("{}: {} is None (valid: an array)", function_, expected[i].name);
    }
  }
  if ((validates_ || validation()) && takes_logits_) {
    warn_of_logits(function_, loss_.leading(), tensors[0], tensors[1]);
  }
  if (compares_elements_ && tensors[0].shape() != tensors[1].shape()) {
    warn_of_broadcast(function_, loss_.leading(), tensors[0], tensors[1]);
  }
}

/// An operator that cannot broadcast does not know the names of what it got: they are told here.
std::string Loss::with_shapes(const std::string& message, std::span<const Tensor> operands) const {
  const std::size_t shapes = message.find("shapes ");
  if (shapes == message.npos || message.find("cannot be broadcast") == message.npos) return message;
  std::string text = function_ + ":";
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].defined())
      text += fmt::format(" {} has shape {},", signature().begin()[i].name, operands[i].shape());
  }
  return text + " but " + message.substr(shapes);
}

Tensor Loss::operator()(std::span<const Tensor> operands, LossExtras* extras,
                        std::optional<double> expected_upstream) const {
  const LossOptions options{.reduction = reduction_,
                            .normalize_by = normalize_by_,
                            .extras = extras,
                            .validate = validates_,
                            .broadcasts_both = true,  // with a warning, as torch has it
                            .expected_upstream = expected_upstream};
  return has_several_types(operands) ? of_several_types(operands, options) : of_one_type(operands, options);
}

/// In the type of the operands that decide; computed again in float64 where less was computed. The weights of classes
/// do not decide where the target holds classes.
Tensor Loss::of_several_types(std::span<const Tensor> operands, const LossOptions& options) const {
  const bool has_classes = operands.size() > 1 && operands[1].defined() && !is_real(operands[1].dtype());
  DType result = DType::float32;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const LossOperand& expected = signature().begin()[i];
    const bool decides = expected.decides_dtype && !(has_classes && expected.role == Role::weight);
    if (decides && operands[i].defined() && is_floating(operands[i].dtype()))
      result = promote(result, operands[i].dtype());
  }
  Tensor loss = of_one_type(operands, options);
  if (loss.dtype() == DType::float32 && result == DType::float64) {
    std::vector<Tensor> wide(operands.begin(), operands.end());
    for (Tensor& operand : wide) {
      if (operand.defined() && is_real(operand.dtype())) operand = operand.to(DType::float64);
    }
    loss = of_one_type(wide, options);
  }
  if (options.extras != nullptr && options.extras->losses.defined())
    options.extras->losses = options.extras->losses.to(result);
  return loss.to(result);
}

Tensor Loss::of_one_type(std::span<const Tensor> operands, const LossOptions& options) const {
  return named(function_, info().name, [&] {
    try {
      return functional::call(loss_, operands, options);
    } catch (const ShapeError& error) {
      throw ShapeError(with_shapes(error.what(), operands));
    }
  });
}

Evaluation::Evaluation(std::shared_ptr<const Loss> loss, nb::tuple arrays, unsigned wanted, LossExtras* extras)
    : loss_(std::move(loss)), wanted_(wanted) {
  loss_->read(arrays, operands_);
  const std::optional<DType> result_type = narrow_result_type(loss_->function(), arrays, operands_.tensors());
  adopt_openmp_threads();
  const nb::gil_scoped_release unlocked;
  leaves_ = leaves_of(operands_.tensors(), wanted);
  const ExpectedUpstream* const expected = loss_->expected_upstream();
  if (expected) expected_ = expected->next();
  value_ = (*loss_)(operands_.tensors(), extras, expected ? std::optional(expected_) : std::nullopt);
  detail::ensure_data(value_);
  result_ = result_type ? value_.detach().to(*result_type) : value_;
  const bool is_ahead = expected ? expected_ == expected_ : value_.rank() == 0;
  if (is_ahead && !leaves_.empty()) {
    gradients_ = gradients_of(value_, leaves_, Tensor::full({}, expected_, value_.dtype()).expand(value_.shape()));
    separate(gradients_, {operands_.tensors()});
  }
}

std::optional<std::vector<Tensor>> Evaluation::ready_for(const Tensor& upstream) {
  if (gradients_.empty()) return std::nullopt;
  const std::optional<double> factor = detail::uniform_value(upstream);
  if (!factor) return std::nullopt;
  if (*factor != expected_) {
    const bool is_narrow_one = std::ranges::any_of(gradients_, [](const Tensor& g) { return is_narrow(g.dtype()); });
    if (!loss_->reduces() || is_narrow_one) return std::nullopt;
    for (const Tensor& gradient : gradients_) gradient.mul_(*factor / expected_);
  }
  if (loss_->expected_upstream()) loss_->expected_upstream()->note(factor);
  leaves_.clear();
  return std::move(gradients_);
}

std::optional<std::vector<Tensor>> Evaluation::ready_gradients(nb::handle upstream) {
  // Losses that are not reduced need their arrays unchanged, whether or not gradients were computed ahead.
  if (is_spent() || gradients_.empty() || !loss_->reduces()) return std::nullopt;
  Operands given(Operands::Narrow::read);
  given.add(upstream.ptr(), loss_->function(), "upstream gradient");
  adopt_openmp_threads();
  const nb::gil_scoped_release unlocked;
  return ready_for(given.tensors()[0].to(value_.dtype()));
}

std::vector<Tensor> Evaluation::backward(nb::handle upstream) {
  if (is_spent()) fail<GraphError>("{}: its gradients have already been computed", loss_->function());
  Operands given(Operands::Narrow::read);
  given.add(upstream.ptr(), loss_->function(), "upstream gradient");
  adopt_openmp_threads();
  const nb::gil_scoped_release unlocked;
  const Tensor ones = Tensor::ones({}, value_.dtype()).expand(value_.shape());
  const Tensor weight = given.tensors()[0].defined() ? given.tensors()[0].to(value_.dtype()) : ones;
  if (std::optional<std::vector<Tensor>> ready = ready_for(weight)) return std::move(*ready);
  const std::optional<double> factor = detail::uniform_value(weight);
  if (loss_->expected_upstream()) loss_->expected_upstream()->note(factor);
  const std::vector<Tensor> leaves = std::exchange(leaves_, {});
  if (!gradients_.empty()) {  // for another upstream gradient
    gradients_.clear();
    value_ = (*loss_)(operands_.tensors(), nullptr, factor.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  std::vector<Tensor> gradients = gradients_of(value_, leaves, weight);
  separate(gradients, {operands_.tensors(), given.tensors()});
  return gradients;
}

}  // namespace perdita::python
