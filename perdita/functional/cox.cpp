// The partial likelihood of a proportional hazards model on tensors.
#include "perdita/kernels/cox.hpp"

#include <cmath>
#include <memory>
#include <numeric>

#include "perdita/functional/joint_loss.hpp"
#include "perdita/functional/loss_call.hpp"

namespace perdita {

namespace {

using namespace detail;

/// A checked call, apart from the log hazards.
struct Call {
  const char* function;
  std::vector<double> times;
  std::vector<std::uint8_t> events;
  std::vector<std::int64_t> strata;  // empty: one
  kernels::RiskOrder order;
  bool efron;
  Tensor weight;        // float64 [N], or undefined
  LossOptions options;  // without extras: it outlives the call

  std::int64_t count() const { return std::ssize(times); }
  bool are_compared(std::size_t i, std::size_t j) const { return strata.empty() || strata[i] == strata[j]; }
  /// Whether events at the same time are tied with j: one with the weight 0 is as if it were absent.
  bool is_counted(std::size_t j) const { return events[j] != 0 && (!weight.defined() || weight.data<double>()[j] > 0); }
};

void check_shape(const char* function, const char* argument, const Tensor& tensor, const Shape& expected) {
  if (!tensor.defined()) fail<ValueError>("{}: {} is not a tensor", function, argument);
  if (tensor.shape() != expected) {
    fail<ShapeError>("{}: {} has shape {}, but input has {} (valid: the same)", function, argument, tensor.shape(),
                     expected);
  }
}

void check_input(const char* function, const Tensor& input) {
  if (!input.defined()) fail<ValueError>("{}: input is not a tensor", function);
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  if (input.rank() != 1) fail<ShapeError>("{}: input has shape {} (valid: [N])", function, input.shape());
}

std::vector<double> times_of(const char* function, const Tensor& time) {
  std::vector<double> times = time.detach().to(DType::float64).to_vector<double>();
  for (std::size_t i = 0; i < times.size(); ++i)
    if (std::isnan(times[i])) fail<ValueError>("{}: time[{}] is nan (valid: numbers)", function, i);
  return times;
}

std::vector<std::uint8_t> events_of(const char* function, const Tensor& event) {
  std::vector<std::uint8_t> events;
  for (const double happened : event.detach().to(DType::float64).to_vector<double>()) {
    if (happened != 0 && happened != 1)
      fail<ValueError>("{}: event[{}] is {} (valid: 0 or 1)", function, events.size(), happened);
    events.push_back(happened == 1);
  }
  return events;
}

std::vector<std::int64_t> strata_of(const char* function, const Tensor& strata, const Shape& expected) {
  if (!strata.defined()) return {};
  check_shape(function, "strata", strata, expected);
  if (is_floating(strata.dtype())) {
    fail<DTypeError>("{}: strata holds {} (valid: int64, int32, uint8)", function, name_of(strata.dtype()));
  }
  return strata.to(DType::int64).to_vector<std::int64_t>();
}

Tensor weight_of(const char* function, const Tensor& weight, const Shape& expected) {
  if (!weight.defined()) return {};
  check_shape(function, "weight", weight, expected);
  check_domain(function, "weight", weight.to(DType::float64), non_negative);
  return weight.to(DType::float64).contiguous();
}

double denominator(const Call& call) {
  if (call.options.reduction == Reduction::none || call.options.reduction == Reduction::sum) return 1;
  double events = 0, weights = 0;
  const std::vector<double> of_losses = weights_of_losses(call.function, call.weight, {call.count()});
  for (std::size_t i = 0; i < call.events.size(); ++i)
    if (call.events[i]) ++events, weights += of_losses[i];
  const bool by_batch = call.options.reduction == Reduction::batchmean;
  return denominator_of(by_batch ? Normalize::batch : call.options.normalize_by, {call.count()}, events, weights);
}

/// Which samples the events are compared with, as matrices [events, N]: those at risk, and the events at the same time.
struct RiskMatrices {
  Tensor events;       // indices of samples
  Tensor at_risk;      // [events, N]
  Tensor tied;         // [events, N]
  Tensor share;        // [events]: l / d of the l-th of d tied events
  Tensor mean_of_tie;  // [events, events]: 1 / d for those at the same time
};

RiskMatrices matrices_of(const Call& call) {
  std::vector<std::int64_t> events;
  for (std::size_t i = 0; i < call.events.size(); ++i)
    if (call.events[i]) events.push_back(static_cast<std::int64_t>(i));
  const std::size_t n = call.events.size(), e = events.size();
  std::vector<double> at_risk(e * n), tied(e * n), share(e), mean_of_tie(e * e);
  for (std::size_t k = 0; k < e; ++k) {
    const auto i = static_cast<std::size_t>(events[k]);
    for (std::size_t j = 0; j < n; ++j) {
      at_risk[k * n + j] = call.are_compared(i, j) && call.times[j] >= call.times[i];
      tied[k * n + j] = call.are_compared(i, j) && call.times[j] == call.times[i] && call.is_counted(j);
    }
    const double* const row = tied.data() + k * n;
    const double d = std::accumulate(row, row + n, 0.0), before = std::accumulate(row, row + i, 0.0);
    if (d == 0) continue;  // its own weight is 0, too
    share[k] = call.efron ? before / d : 0;
    for (std::size_t m = 0; m < e; ++m) mean_of_tie[k * e + m] = row[events[m]] / d;
  }
  const auto rows = static_cast<std::int64_t>(e), columns = static_cast<std::int64_t>(n);
  return {Tensor::from(events, {rows}), Tensor::from(at_risk, {rows, columns}), Tensor::from(tied, {rows, columns}),
          Tensor::from(share, {rows}), Tensor::from(mean_of_tie, {rows, rows})};
}

/// The denominator of the sum of losses, as a tensor, because the sum of weights has a derivative.
Tensor recorded_denominator(const Call& call, const Tensor& events) {
  const bool by_weights = call.options.reduction == Reduction::mean &&
                          call.options.normalize_by == Normalize::weight_sum && call.weight.defined();
  if (by_weights) return sum(index_select(call.weight, 0, events));
  return Tensor::full({}, denominator(call), DType::float64);
}

/// The reduced loss by recorded operators, in O(N^2) memory: for second derivatives, and gradients of weights. Sums are
/// divided by their largest term; weights multiply the terms, so that a weight of 0 has a derivative too, unless the
/// log hazard is not finite: the sample is then absent.
Tensor by_formula(const Call& call, const Tensor& input, LossExtras* extras) {
  const RiskMatrices risk = matrices_of(call);
  constexpr double infinity = std::numeric_limits<double>::infinity(), largest_exponent = 700;
  const Tensor at_risk = risk.at_risk > 0.0;
  Tensor h = input.to(DType::float64), counts = at_risk;
  if (call.weight.defined()) {
    h = select((call.weight > 0.0) | (abs(h) < infinity), h, 0.0);
    counts = at_risk & (call.weight > 0.0);
  }
  const Tensor maximum = amax(select(counts, h.detach(), -infinity), 1, true);
  const Tensor largest = select(maximum > -infinity, maximum, 0.0);
  // Only terms of weight 0 reach the bound: 0 times infinity would be NaN.
  Tensor terms = select(at_risk, exp(min(h - largest, largest_exponent)), 0.0);
  if (call.weight.defined()) terms = terms * call.weight;
  const Tensor risk_sum = sum(terms, 1), tied_sum = sum(terms * risk.tied, 1);
  const Tensor safe = select(risk_sum > 0.0, risk_sum, 1.0);  // all weights at risk may be 0, the event's own too
  const Tensor log_left = log(safe) + largest.squeeze(1) + log1p(-risk.share * (tied_sum / safe));
  const Tensor mean_log = matmul(risk.mean_of_tie, log_left.unsqueeze(1)).squeeze(1);
  const Tensor of_events = mean_log - index_select(h, 0, risk.events);
  Tensor losses = index_add({call.count()}, 0, risk.events, of_events);
  if (call.weight.defined()) losses = losses * call.weight;
  const Tensor divisor = recorded_denominator(call, risk.events);
  if (extras) {
    *extras = {.losses = losses.detach().to(input.dtype()),
               .numerator = sum(losses.detach()).item(),
               .denominator = divisor.item()};
  }
  if (call.options.reduction == Reduction::none) return losses.to(input.dtype());
  const Tensor total = sum(losses);
  if (divisor.item() != 0) return (total / divisor).to(input.dtype());
  return (total * (call.count() == 0 ? std::nan("") : 1.0)).to(input.dtype());
}

Tensor by_kernel(const std::shared_ptr<const Call>& call, const Tensor& input, LossExtras* extras) {
  const std::vector<double> weights = weights_of_losses(call->function, call->weight, {call->count()});
  std::vector<double> log_weights(call->weight.defined() ? weights.size() : 0);
  for (std::size_t i = 0; i < log_weights.size(); ++i) log_weights[i] = std::log(weights[i]);
  const auto kernel = [call, log_weights]<class T>(const T* log_hazards, const JointOutputs<T>& out) {
    kernels::cox_loss<T>({.order = &call->order,
                          .log_hazards = log_hazards,
                          .events = call->events.data(),
                          .log_weights = log_weights.empty() ? nullptr : log_weights.data(),
                          .efron = call->efron,
                          .coefficients = out.coefficients,
                          .losses = out.losses,
                          .gradient = out.gradient});
  };
  const LossNode node{.function = call->function,
                      .losses_shape = input.shape(),
                      .reduction = call->options.reduction,
                      .denominator = denominator(*call),
                      .extras = extras};
  return joint_loss(
      node, {input}, weights, [kernel](const JointTask& task) { return run_kernel(task, kernel); },
      [call](std::span<const Tensor> x) { return by_formula(*call, x[0], nullptr); });
}

}  // namespace

Tensor detail::own_call(const char* function, const Cox& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input = *x[0], &time = *x[1], &event = *x[2];
  check_input(function, input);
  check_shape(function, "time", time, input.shape());
  check_shape(function, "event", event, input.shape());
  const std::vector<double> times = times_of(function, time);
  const std::vector<std::int64_t> strata = strata_of(function, x.size() > 3 ? *x[3] : Tensor(), input.shape());
  const auto call = std::make_shared<const Call>(
      Call{.function = function,
           .times = times,
           .events = events_of(function, event),
           .strata = strata,
           .order = kernels::RiskOrder(times.data(), strata.empty() ? nullptr : strata.data(), input.numel()),
           .efron = loss.ties == Ties::efron,
           .weight = weight_of(function, options.weight, input.shape()),
           .options = without_extras(options)});
  if (call->weight.defined() && needs_grad({&call->weight})) return by_formula(*call, input, options.extras);
  return by_kernel(call, input, options.extras);
}

}  // namespace perdita
