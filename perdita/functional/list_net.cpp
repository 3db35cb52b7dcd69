// Cross-entropy of the rankings of groups on tensors.
#include <algorithm>
#include <memory>
#include <numeric>

#include "perdita/functional/joint_loss.hpp"
#include "perdita/functional/loss_call.hpp"
#include "perdita/kernels/group_softmax.hpp"

namespace perdita {

namespace {

using namespace detail;
using Integers = std::vector<std::int64_t>;

/// A checked call, apart from the scores.
struct Call {
  const char* function;
  Integers begins;              // of groups, and behind them the number of documents
  std::vector<double> targets;  // of documents, one after the other
  double temperature;
  LossOptions options;  // without extras: it outlives the call

  std::int64_t groups() const { return std::ssize(begins) - 1; }
};

/// Where groups begin, from the group of each document. Throws ValueError for a group that comes back.
Integers begins_of_ids(const char* function, const Integers& ids) {
  Integers begins, seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0 && ids[i] == ids[i - 1]) continue;
    begins.push_back(static_cast<std::int64_t>(i));
    seen.push_back(ids[i]);
  }
  std::sort(seen.begin(), seen.end());
  const auto again = std::adjacent_find(seen.begin(), seen.end());
  if (again != seen.end()) {
    fail<ValueError>("{}: groups holds {} in separate places (valid: adjacent documents for each group)", function,
                     *again);
  }
  begins.push_back(std::ssize(ids));
  return begins;
}

Integers begins_of_sizes(const char* function, const Integers& sizes, std::int64_t documents) {
  Integers begins{0};
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    if (sizes[g] < 0) fail<ValueError>("{}: groups[{}] is {} (valid: sizes, 0 or more)", function, g, sizes[g]);
    begins.push_back(begins.back() + sizes[g]);
  }
  if (begins.back() != documents) {
    fail<ValueError>(
        "{}: groups has {} elements, which add up to {}, but input has {} (valid: the group of each document, sizes of "
        "groups that add up to {}, or the indices at which groups begin, from 0 to {})",
        function, sizes.size(), begins.back(), documents, documents, documents);
  }
  return begins;
}

Integers begins_of(const char* function, const Tensor& groups, const Tensor& input) {
  if (!groups.defined()) {
    if (input.rank() != 2) {
      fail<ShapeError>("{}: input has shape {} (valid: [G, L], or [N] with groups)", function, input.shape());
    }
    Integers begins(static_cast<std::size_t>(input.size(0)) + 1);
    for (std::size_t g = 0; g < begins.size(); ++g) begins[g] = static_cast<std::int64_t>(g) * input.size(1);
    return begins;
  }
  if (input.rank() != 1 || groups.rank() != 1) {
    fail<ShapeError>("{}: input has shape {} and groups {} (valid: [N] for input and one dimension for groups)",
                     function, input.shape(), groups.shape());
  }
  if (is_floating(groups.dtype()) || groups.dtype() == DType::boolean) {
    fail<DTypeError>("{}: groups holds {} (valid: int64, int32, uint8)", function, name_of(groups.dtype()));
  }
  const Integers given = groups.to(DType::int64).to_vector<std::int64_t>();
  if (std::ssize(given) == input.numel()) return begins_of_ids(function, given);
  const bool are_begins = !given.empty() && given.front() == 0 && given.back() == input.numel() &&
                          std::is_sorted(given.begin(), given.end());
  return are_begins ? given : begins_of_sizes(function, given, input.numel());
}

std::vector<double> targets_of(const char* function, const ListNet& loss, const Tensor& relevance,
                               const Integers& begins) {
  check_domain(function, "target", relevance.to(DType::float64), non_negative);
  std::vector<double> targets = relevance.detach().to(DType::float64).to_vector<double>();
  if (loss.relevance == RelevanceTarget::labels) return targets;
  if (loss.relevance == RelevanceTarget::softmax) {
    kernels::group_softmax(begins, std::vector<double>(targets).data(), targets.data());
    return targets;
  }
  for (std::size_t g = 0; g + 1 < begins.size(); ++g) {
    double *const first = targets.data() + begins[g], *const last = targets.data() + begins[g + 1];
    const double total = std::accumulate(first, last, 0.0);
    if (total > 0) std::for_each(first, last, [total](double& t) { t /= total; });
  }
  return targets;
}

/// The groups that have documents as a matrix [groups, longest], which second derivatives are taken of.
struct Padded {
  Tensor groups;     // their indices
  Tensor documents;  // indices, 0 where a group is shorter
  Tensor is_filled;  // 1 or 0
  Tensor targets;
};

Padded padded(const Call& call) {
  Integers groups;
  std::int64_t longest = 0;
  for (std::int64_t g = 0; g < call.groups(); ++g) {
    const std::int64_t size = call.begins[static_cast<std::size_t>(g) + 1] - call.begins[static_cast<std::size_t>(g)];
    if (size > 0) groups.push_back(g);
    longest = std::max(longest, size);
  }
  const Shape shape{std::ssize(groups), longest};
  const auto count = static_cast<std::size_t>(numel(shape));
  Integers documents(count);
  std::vector<double> is_filled(count), targets(count);
  for (std::size_t row = 0; row < groups.size(); ++row) {
    const auto g = static_cast<std::size_t>(groups[row]);
    for (std::int64_t i = call.begins[g]; i < call.begins[g + 1]; ++i) {
      const std::size_t at = row * static_cast<std::size_t>(longest) + static_cast<std::size_t>(i - call.begins[g]);
      documents[at] = i;
      is_filled[at] = 1;
      targets[at] = call.targets[static_cast<std::size_t>(i)];
    }
  }
  return {Tensor::from(groups, {shape[0]}), Tensor::from(documents, {numel(shape)}), Tensor::from(is_filled, shape),
          Tensor::from(targets, shape)};
}

/// The reduced loss by recorded operators.
Tensor by_formula(const Call& call, const Tensor& input, LossExtras* extras) {
  const Padded p = padded(call);
  const Tensor scores = index_select(input.to(DType::float64).flatten(), 0, p.documents).reshape(p.targets.shape());
  const Tensor filled = p.is_filled > 0.0;
  const Tensor log_p =
      log_softmax(select(filled, scores / call.temperature, -std::numeric_limits<double>::infinity()), 1);
  const Tensor of_rows = sum(select(filled & (p.targets > 0.0), -p.targets * log_p, 0.0), 1);
  const Tensor losses = index_add({call.groups()}, 0, p.groups, of_rows);
  LossOptions options = call.options;
  options.extras = extras;
  const Tensor result = reduce_losses(call.function, losses, options, Normalize::count).to(input.dtype());
  if (extras) extras->losses = extras->losses.to(input.dtype());
  return result;
}

double denominator(const Call& call, const std::vector<double>& weights) {
  const Reduction reduction = call.options.reduction;
  if (reduction == Reduction::none || reduction == Reduction::sum) return 1;
  const auto groups = static_cast<double>(call.groups());
  const bool by_batch = reduction == Reduction::batchmean;
  return denominator_of(by_batch ? Normalize::batch : call.options.normalize_by, {call.groups()}, groups,
                        std::accumulate(weights.begin(), weights.end(), 0.0));
}

Tensor by_kernel(const std::shared_ptr<const Call>& call, const Tensor& input, LossExtras* extras) {
  const std::vector<double> weights = weights_of_losses(call->function, call->options.weight, {call->groups()});
  const auto compute = [call](const double* scores, const JointOutputs& out) {
    kernels::group_softmax_loss({.begins = call->begins,
                                 .scores = scores,
                                 .targets = call->targets.data(),
                                 .temperature = call->temperature,
                                 .coefficients = out.coefficients,
                                 .losses = out.losses,
                                 .gradient = out.gradient});
  };
  const LossNode node{.function = call->function,
                      .losses_shape = {call->groups()},
                      .reduction = call->options.reduction,
                      .denominator = denominator(*call, weights),
                      .extras = extras};
  return joint_loss(node, input, weights, compute,
                    [call](std::span<const Tensor> x) { return by_formula(*call, x[0], nullptr); });
}

}  // namespace

Tensor detail::own_call(const char* function, const ListNet& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input = *x[0], &relevance = *x[1];
  if (!input.defined() || !relevance.defined())
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  if (!is_floating(input.dtype()))
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  if (relevance.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, relevance.shape(),
                     input.shape());
  }
  if (options.pos_weight.defined()) fail<ValueError>("{}: pos_weight is not supported", function);
  if (needs_grad({&relevance})) {
    fail<GraphError>("{}: target requires a gradient (valid: gradients with respect to input and weight)", function);
  }
  check_parameters(loss);
  const Integers begins = begins_of(function, x.size() > 2 ? *x[2] : Tensor(), input);
  const auto call = std::make_shared<const Call>(Call{.function = function,
                                                      .begins = begins,
                                                      .targets = targets_of(function, loss, relevance, begins),
                                                      .temperature = loss.temperature,
                                                      .options = without_extras(options)});
  if (options.weight.defined() && needs_grad({&options.weight})) return by_formula(*call, input, options.extras);
  return by_kernel(call, input, options.extras);
}

}  // namespace perdita
