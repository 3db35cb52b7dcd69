#include "perdita/functional/nonfinite.hpp"

#include <fmt/ranges.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "perdita/functional/loss_call.hpp"
#include "perdita/tensor/autograd.hpp"

namespace perdita {

namespace {

using detail::shown;

std::atomic<bool> all_losses_detect{false};

/// The place of the first element that is not finite, in row-major order.
std::optional<std::int64_t> first_bad(const Tensor& tensor) {
  const NoGrad no_grad;
  const std::vector<double> values = tensor.detach().to(DType::float64).contiguous().to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

double element(const Tensor& tensor, std::int64_t place) {
  return tensor.detach().to(DType::float64).contiguous().reshape({tensor.numel()}).select(0, place).item();
}

/// "[3, 1]", the index of a place.
std::string index_of(const Shape& shape, std::int64_t place) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    index[static_cast<std::size_t>(d)] = place % shape[d];
    place /= shape[d];
  }
  return index.empty() ? "" : fmt::format("[{}]", fmt::join(index, ", "));
}

std::int64_t row_of(const Shape& shape, std::int64_t place) {
  return shape.rank() == 0 ? 0 : place / (numel(shape) / shape[0]);
}

/// A part of the loss and its operands.
class Examination {
 public:
  Examination(std::string part, const AnyLoss& loss, std::span<const Tensor> operands, const LossOptions& options)
      : part_(std::move(part)), loss_(loss), operands_(operands.begin(), operands.end()), options_(options) {
    options_.reduction = Reduction::none, options_.normalize_by = Normalize::standard;
    options_.extras = nullptr, options_.expected_upstream = {};
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const LossOperand& expected = info_of(loss).operands.begin()[i];
      if (!operands_[i].defined()) continue;
      operands_[i] = operands_[i].detach();
      if (expected.role != Role::prediction || !is_floating(operands_[i].dtype())) continue;
      operands_[i].set_requires_grad();
      leaves_.push_back(operands_[i]);
      leaf_names_.emplace_back(expected.name);
    }
  }

  std::optional<Nonfinite> first() const {
    const Tensor losses = functional::call(loss_, operands_, options_);
    if (const auto place = first_bad(losses)) {
      const std::int64_t row = row_of(losses.shape(), *place);
      return found(losses.shape(), row, fmt::format("the loss of row {} is {}", row, shown(element(losses, *place))));
    }
    if (!losses.requires_grad()) return std::nullopt;
    const Tensor ones = Tensor::ones({}, losses.dtype()).expand(losses.shape());
    const std::vector<Tensor> gradients = grad({losses}, leaves_, {.grad_outputs = {ones}, .allow_unused = true});
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined()) continue;
      const auto place = first_bad(gradients[i]);
      if (!place) continue;
      const std::int64_t row = row_of(gradients[i].shape(), *place);
      return found(gradients[i].shape(), row,
                   fmt::format("the derivative with respect to {}{} is {}", leaf_names_[i],
                               index_of(gradients[i].shape(), *place), shown(element(gradients[i], *place))));
    }
    return std::nullopt;
  }

 private:
  /// what: of the row of a tensor of this shape.
  Nonfinite found(const Shape& shape, std::int64_t row, const std::string& what) const {
    const std::int64_t rows = shape.rank() == 0 ? 1 : shape[0];
    Nonfinite result{.part = part_, .row = row, .operand = {}, .message = fmt::format("{}: {}", part_, what)};
    std::string finite;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (!operands_[i].defined()) continue;
      const LossOperand& expected = info_of(loss_).operands.begin()[i];
      const std::string_view name = expected.name;
      const bool has_row = has_samples(expected) && operands_[i].rank() > 0 && operands_[i].size(0) == rows;
      const auto [begin, values] = has_row ? row_values(operands_[i], row) : std::pair(std::int64_t{0}, operands_[i]);
      if (const auto place = first_bad(values)) {
        result.operand = name;
        result.message += fmt::format(": {}{} is {}", name, index_of(operands_[i].shape(), begin + *place),
                                      shown(element(values, *place)));
        return result;
      }
      finite += fmt::format("{}{} {}", finite.empty() ? "" : ", ", name, range_of(values));
    }
    for (const auto& [name, weight] : {std::pair("weight", options_.weight), {"pos_weight", options_.pos_weight}}) {
      const auto place = weight.defined() ? first_bad(weight) : std::nullopt;
      if (!place) continue;
      result.operand = name;
      result.message +=
          fmt::format(": {}{} is {}", name, index_of(weight.shape(), *place), shown(element(weight, *place)));
      return result;
    }
    result.message += fmt::format(", although the operands of the row are finite ({})", finite);
    return result;
  }

  /// Whether the operand has rows of samples, and not of classes.
  static bool has_samples(const LossOperand& operand) {
    return operand.shape == "that of input" || operand.shape.find_first_of("NB.") != std::string_view::npos;
  }

  /// The elements of a row, and the place of the first one.
  static std::pair<std::int64_t, Tensor> row_values(const Tensor& operand, std::int64_t row) {
    return {row * (operand.numel() / operand.size(0)), operand.select(0, row)};
  }

  static std::string range_of(const Tensor& values) {
    const std::vector<double> all = values.detach().to(DType::float64).contiguous().to_vector<double>();
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double value : all) low = std::min(low, value), high = std::max(high, value);
    return low == high ? fmt::format("is {}", low) : fmt::format("from {} to {}", low, high);
  }

  std::string part_;
  const AnyLoss& loss_;
  std::vector<Tensor> operands_, leaves_;
  std::vector<std::string> leaf_names_;
  LossOptions options_;
};

/// Disables detection while it exists, because the search itself computes losses.
class DetectionPause {
 public:
  DetectionPause() : before_(std::exchange(is_searching(), true)) {}
  ~DetectionPause() { is_searching() = before_; }
  DetectionPause(const DetectionPause&) = delete;
  DetectionPause& operator=(const DetectionPause&) = delete;
  static bool& is_searching() {
    thread_local bool searching = false;
    return searching;
  }

 private:
  bool before_;
};

/// Losses that are finite may have a sum that is not, or none of them may count.
void refuse_result(const AnyLoss& loss, std::span<const Tensor> operands, LossOptions options) {
  if (options.reduction == Reduction::none) return;
  const DetectionPause pause;
  const NoGrad no_grad;
  options.extras = nullptr;
  const double value = functional::call(loss, operands, options).item();
  if (std::isfinite(value)) return;
  const std::string_view reduction = options.reduction == Reduction::sum ? "sum" : "mean";
  if (std::isnan(value))
    throw NumericalError(fmt::format("{}: the {} is nan, because no loss is counted", info_of(loss).name, reduction));
  throw NumericalError(fmt::format("{}: all losses are finite, but their {} is {} in {}", info_of(loss).name, reduction,
                                   value, name_of(operands[0].dtype())));
}

}  // namespace

void set_nonfinite_detection(bool on) { all_losses_detect.store(on, std::memory_order_relaxed); }
bool nonfinite_detection() {
  return all_losses_detect.load(std::memory_order_relaxed) && !DetectionPause::is_searching();
}

std::optional<Nonfinite> first_nonfinite(const LossSum& loss, std::span<const Tensor> operands,
                                         const LossOptions& options) {
  const DetectionPause pause;
  for (const LossPart& part : loss.parts()) {
    if (auto found = Examination(part.name, part.loss, operands, options).first()) return found;
  }
  return std::nullopt;
}

void detail::refuse_nonfinite(const AnyLoss& loss, GivenTensors x, const LossOptions& options) {
  std::vector<Tensor> operands;
  for (const Tensor* tensor : x) operands.push_back(*tensor);
  if (const auto found = first_nonfinite(loss, operands, options)) throw NumericalError(found->message);
  refuse_result(loss, operands, options);
}

}  // namespace perdita
