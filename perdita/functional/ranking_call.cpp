#include "perdita/functional/ranking_call.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace perdita::detail {

namespace {

using Integers = std::vector<std::int64_t>;

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

}  // namespace

PaddedGroups padded_groups(const RankingCall& call) {
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
  std::vector<double> is_filled(count);
  for (std::size_t row = 0; row < groups.size(); ++row) {
    const auto g = static_cast<std::size_t>(groups[row]);
    for (std::int64_t i = call.begins[g]; i < call.begins[g + 1]; ++i) {
      const std::size_t at = row * static_cast<std::size_t>(longest) + static_cast<std::size_t>(i - call.begins[g]);
      documents[at] = i;
      is_filled[at] = 1;
    }
  }
  PaddedGroups result{.groups = Tensor::from(groups, {shape[0]}),
                      .documents = Tensor::from(documents, {numel(shape)}),
                      .is_filled = Tensor::from(is_filled, shape) > 0.0,
                      .relevance = {}};
  const Tensor relevance = call.relevance.get(call.function).to(DType::float64).flatten();
  result.relevance = select(result.is_filled, index_select(relevance, 0, result.documents).reshape(shape), 0.0);
  return result;
}

RankingCall ranking_call(const char* function, GivenTensors x, const LossOptions& options, DType relevance_dtype) {
  const Tensor &input = *x[0], &relevance = *x[1];
  if (!input.defined() || !relevance.defined())
    fail<ValueError>("{}: {} is not a tensor", function, input.defined() ? "target" : "input");
  if (!is_floating(input.dtype()))
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  if (relevance.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, relevance.shape(),
                     input.shape());
  }
  if (needs_grad({&relevance})) {
    fail<GraphError>("{}: target requires a gradient (valid: gradients with respect to input and weight)", function);
  }
  const bool stays_narrow = relevance.dtype() == DType::float32 && relevance_dtype == DType::float32;
  const Tensor labels = relevance.detach().to(stays_narrow ? DType::float32 : DType::float64).contiguous();
  check_domain(function, "target", labels, non_negative);
  return {.function = function,
          .begins = begins_of(function, x.size() > 2 ? *x[2] : Tensor(), input),
          .relevance = Saved(labels),
          .options = without_extras(options)};
}

Tensor recorded_ranking(const RankingCall& call, const Tensor& input, const LossesOfGroups& losses_of,
                        LossExtras* extras) {
  const PaddedGroups p = padded_groups(call);
  const Tensor scores = index_select(input.to(DType::float64).flatten(), 0, p.documents).reshape(p.relevance.shape());
  const Tensor losses = index_add({call.groups()}, 0, p.groups, losses_of(p, scores));
  LossOptions options = call.options;
  options.extras = extras;
  const bool has_counts =
      !call.counts.empty() && options.reduction == Reduction::mean && options.normalize_by != Normalize::batch;
  if (!has_counts) {
    const Tensor result = reduce_losses(call.function, losses, options, Normalize::count);
    if (extras) extras->losses = extras->losses.to(input.dtype());
    return result.to(input.dtype());
  }
  const bool by_weights = options.normalize_by == Normalize::weight_sum && options.weight.defined();
  options.reduction = Reduction::sum, options.normalize_by = Normalize::standard;
  const Tensor total = reduce_losses(call.function, losses, options, Normalize::count);
  const Tensor counts = Tensor::from(call.counts);
  const Tensor divisor = by_weights ? sum(options.weight.to(DType::float64) * counts) : sum(counts);
  if (extras) {
    extras->denominator = divisor.item();
    extras->losses = extras->losses.to(input.dtype());
  }
  // Without pairs, the mean is 0 with gradients 0, and NaN without groups.
  if (divisor.item() != 0) return (total / divisor).to(input.dtype());
  return (total * (call.groups() == 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0)).to(input.dtype());
}

LossNode ranking_node(const RankingCall& call, const std::vector<double>& weights, LossExtras* extras) {
  LossNode node{.function = call.function,
                .losses_shape = {call.groups()},
                .reduction = call.options.reduction,
                .denominator = 1,
                .extras = extras};
  if (node.reduction == Reduction::none || node.reduction == Reduction::sum) return node;
  double count = 0, weight_sum = 0;
  for (std::size_t g = 0; g < weights.size(); ++g) {
    const double of_group = call.counts.empty() ? 1.0 : call.counts[g];
    count += of_group;
    weight_sum += weights[g] * of_group;
  }
  const bool by_batch = node.reduction == Reduction::batchmean;
  node.denominator =
      denominator_of(by_batch ? Normalize::batch : call.options.normalize_by, {call.groups()}, count, weight_sum);
  return node;
}

}  // namespace perdita::detail
