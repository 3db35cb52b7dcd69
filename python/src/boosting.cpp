#include "python/src/boosting.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "perdita/boosting/gradient_pairs.hpp"
#include "perdita/boosting/lambda_rank.hpp"
#include "perdita/boosting/link.hpp"
#include "perdita/boosting/minimize_constant.hpp"
#include "perdita/core/error.hpp"
#include "perdita/losses/parameter_range.hpp"

namespace nb = nanobind;

namespace perdita::python {

namespace {

using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;

template <class T>
bool holds(const auto& array) {
  return array.dtype() == nb::dtype<T>();
}

/// The argument of a call of Python; its shapes and types are checked by the package.
template <class T>
boosting::Strided<const T> strided(const Input& array, const char* name) {
  if (array.ndim() != 1 || !holds<T>(array))
    fail<DTypeError>("boosting: {} has {} dimensions or another type than expected (valid: 1)", name, array.ndim());
  return {static_cast<const T*>(array.data()), array.stride(0)};
}
template <class T>
boosting::Strided<const T> strided(const std::optional<Input>& array, const char* name) {
  return array ? strided<T>(*array, name) : boosting::Strided<const T>{};
}
template <class T, class Array>
auto rows(const Array& array, const char* name) {
  using Element = std::conditional_t<std::is_same_v<Array, Input>, const T, T>;
  if (array.ndim() != 2 || !holds<T>(array))
    fail<DTypeError>("boosting: {} has {} dimensions or another type than expected (valid: 2)", name, array.ndim());
  return boosting::StridedRows<Element>{static_cast<Element*>(array.data()), array.stride(0), array.stride(1)};
}
template <class T>
boosting::Strided<T> output(const Output& array, const char* name) {
  if (array.ndim() != 1 || !holds<T>(array))
    fail<DTypeError>("boosting: {} has {} dimensions or another type than expected (valid: 1)", name, array.ndim());
  return {static_cast<T*>(array.data()), array.stride(0)};
}

void check_length(const auto& array, std::size_t count, const char* name) {
  if (array.shape(0) != count)
    fail<ShapeError>("boosting: {} has {} elements, but there are {} rows of scores", name, array.shape(0), count);
}

struct Arrays {
  const Input &scores, &targets;
  const std::optional<Input>& weights;
  const std::vector<double>& class_counts;
};

void check(const Arrays& arrays) {
  check_length(arrays.targets, arrays.scores.shape(0), "target");
  if (arrays.weights) check_length(*arrays.weights, arrays.scores.shape(0), "weight");
}

template <class T, class Out>
boosting::ElementPairs<T, Out> elements(const Arrays& arrays) {
  return {.scores = strided<T>(arrays.scores, "scores"),
          .targets = strided<T>(arrays.targets, "target"),
          .weights = strided<T>(arrays.weights, "weight"),
          .gradient = {},
          .hessian = {},
          .count = static_cast<std::int64_t>(arrays.scores.shape(0))};
}
template <class T, class Out>
boosting::ClassPairs<T, Out> classes(const Arrays& arrays) {
  return {.scores = rows<T>(arrays.scores, "scores"),
          .labels = strided<std::int32_t>(arrays.targets, "target"),
          .weights = strided<T>(arrays.weights, "weight"),
          .gradient = {},
          .hessian = {},
          .rows = static_cast<std::int64_t>(arrays.scores.shape(0)),
          .classes = static_cast<std::int64_t>(arrays.scores.shape(1)),
          .class_counts = arrays.class_counts};
}

template <class T, class Out>
boosting::PairReport pairs_of(const LossSum& loss, const boosting::PairOptions& options, const Arrays& arrays,
                              const Output& gradient, const Output& hessian) {
  if (arrays.scores.ndim() == 1) {
    auto pairs = elements<T, Out>(arrays);
    pairs.gradient = output<Out>(gradient, "gradient"), pairs.hessian = output<Out>(hessian, "hessian");
    const nb::gil_scoped_release unlocked;
    return boosting::element_pairs(loss, pairs, options);
  }
  auto pairs = classes<T, Out>(arrays);
  pairs.gradient = rows<Out>(gradient, "gradient"), pairs.hessian = rows<Out>(hessian, "hessian");
  const nb::gil_scoped_release unlocked;
  return boosting::class_pairs(loss, pairs, options);
}

/// Gradients and Hessians into two arrays; returns (clipped, count, first row that is not finite or -1).
nb::tuple boosting_pairs(std::string_view text, std::string_view policy, double least, Input scores, Input targets,
                         std::optional<Input> weights, Output gradient, Output hessian,
                         const std::vector<double>& class_counts) {
  const LossSum loss = parse_loss_sum(text);
  const boosting::PairOptions options{boosting::parse_hessian(policy), least};
  const Arrays arrays{scores, targets, weights, class_counts};
  check(arrays);
  check_length(gradient, scores.shape(0), "gradient");
  check_length(hessian, scores.shape(0), "hessian");
  boosting::PairReport report;
  if (holds<float>(scores) && holds<float>(gradient))
    report = pairs_of<float, float>(loss, options, arrays, gradient, hessian);
  else if (holds<double>(scores) && holds<float>(gradient))
    report = pairs_of<double, float>(loss, options, arrays, gradient, hessian);
  else if (holds<double>(scores) && holds<double>(gradient))
    report = pairs_of<double, double>(loss, options, arrays, gradient, hessian);
  else
    fail<DTypeError>("boosting: scores and gradients have types that do not match (valid: float32 or float64)");
  return nb::make_tuple(report.clipped, report.count, report.not_finite);
}

template <class T>
boosting::LossSums sums_of(const LossSum& loss, const Arrays& arrays) {
  if (arrays.scores.ndim() == 1) {
    const auto pairs = elements<T, float>(arrays);
    const nb::gil_scoped_release unlocked;
    return boosting::element_sums<T>(loss, pairs);
  }
  const auto pairs = classes<T, float>(arrays);
  const nb::gil_scoped_release unlocked;
  return boosting::class_sums<T>(loss, pairs);
}

/// (the weighted sum of the losses, the sum of the weights)
nb::tuple boosting_loss(std::string_view text, Input scores, Input targets, std::optional<Input> weights,
                        const std::vector<double>& class_counts) {
  const LossSum loss = parse_loss_sum(text);
  const Arrays arrays{scores, targets, weights, class_counts};
  check(arrays);
  const boosting::LossSums sums = holds<float>(scores) ? sums_of<float>(loss, arrays) : sums_of<double>(loss, arrays);
  return nb::make_tuple(sums.loss, sums.weight);
}

double minimize_constant(std::string_view text, Input targets, std::optional<Input> weights) {
  const LossSum loss = parse_loss_sum(text);
  if (weights) check_length(*weights, targets.shape(0), "weight");
  const auto given = strided<double>(targets, "target"), factors = strided<double>(weights, "weight");
  const auto count = static_cast<std::int64_t>(targets.shape(0));
  const nb::gil_scoped_release unlocked;
  return boosting::minimize_constant(loss, given, factors, count);
}

std::vector<double> minimize_constant_of_classes(std::string_view text, Input labels, std::optional<Input> weights,
                                                 std::int64_t classes, const std::vector<double>& class_counts) {
  const LossSum loss = parse_loss_sum(text);
  if (weights) check_length(*weights, labels.shape(0), "weight");
  const auto given = strided<std::int32_t>(labels, "target");
  const auto factors = strided<double>(weights, "weight");
  const auto count = static_cast<std::int64_t>(labels.shape(0));
  const nb::gil_scoped_release unlocked;
  return boosting::minimize_constant_of_classes(loss, given, factors, count, classes, class_counts);
}

template <class T, class Out>
boosting::PairReport rank_pairs_of(const Arrays& arrays, std::span<const std::int64_t> groups, const Output& gradient,
                                   const Output& hessian, const boosting::LambdaRankOptions& options) {
  const boosting::RankedPairs<T, Out> pairs{strided<T>(arrays.scores, "scores"),  strided<T>(arrays.targets, "target"),
                                            strided<T>(arrays.weights, "weight"), output<Out>(gradient, "gradient"),
                                            output<Out>(hessian, "hessian"),      groups};
  const nb::gil_scoped_release unlocked;
  return boosting::lambda_rank_pairs(pairs, static_cast<std::int64_t>(arrays.scores.shape(0)), options);
}

/// As boosting_pairs(), into float32 arrays.
nb::tuple lambda_rank_pairs(Input scores, Input relevance, std::optional<Input> weights,
                            const std::vector<std::int64_t>& groups, Output gradient, Output hessian, std::int64_t k,
                            double sigma, bool normalize, double least) {
  const std::vector<double> no_counts;
  const Arrays arrays{scores, relevance, weights, no_counts};
  check(arrays);
  check_length(gradient, scores.shape(0), "gradient");
  check_length(hessian, scores.shape(0), "hessian");
  const boosting::LambdaRankOptions options{k, sigma, normalize, least};
  const boosting::PairReport report = holds<float>(scores)
                                          ? rank_pairs_of<float, float>(arrays, groups, gradient, hessian, options)
                                          : rank_pairs_of<double, float>(arrays, groups, gradient, hessian, options);
  return nb::make_tuple(report.clipped, report.count, report.not_finite);
}

double ndcg(Input scores, Input relevance, const std::vector<std::int64_t>& groups, std::int64_t k) {
  check_length(relevance, scores.shape(0), "target");
  const auto s = strided<double>(scores, "scores"), l = strided<double>(relevance, "target");
  const auto count = static_cast<std::int64_t>(scores.shape(0));
  const nb::gil_scoped_release unlocked;
  return boosting::ndcg<double>(s, l, groups, count, k);
}

std::string_view name_of(boosting::ScoreKind kind) {
  using Kind = boosting::ScoreKind;
  switch (kind) {
    case Kind::value:
      return "value";
    case Kind::log_mean:
      return "log_mean";
    case Kind::label:
      return "label";
    case Kind::sign:
      return "sign";
    case Kind::classes:
      return "classes";
    case Kind::any:
      return "any";
  }
  return "any";
}

/// The policy that `automatic` is for all parts of a loss, or "auto" if it differs.
std::string_view automatic_policy(const LossSum& loss, bool is_one_score) {
  const auto policy_of = [&](const LossPart& part) {
    return boosting::resolve(boosting::Hessian::automatic, part.loss, is_one_score);
  };
  const boosting::Hessian first = policy_of(loss.parts()[0]);
  for (const LossPart& part : loss.parts()) {
    if (policy_of(part) != first) return boosting::name_of(boosting::Hessian::automatic);
  }
  return boosting::name_of(first);
}

/// What the package needs to know of a loss.
nb::dict boosting_entry(std::string_view text) {
  const LossSum loss = parse_loss_sum(text);
  const LossInfo& info = info_of(loss.leading());
  std::string name;
  for (const LossPart& part : loss.parts()) name += fmt::format("{}{}", name.empty() ? "" : "+", part.name);
  nb::dict entry;
  entry["name"] = name;
  entry["text"] = to_string(loss);
  entry["kind"] = name_of(boosting::score_kind_of(loss));
  entry["link"] = boosting::name_of(boosting::link_of(loss.leading()));
  entry["hessian"] = automatic_policy(loss, false);
  entry["hessian_of_one_score"] = automatic_policy(loss, true);
  nb::list hessians;
  for (const boosting::Hessian policy : boosting::hessians_of(loss)) hessians.append(boosting::name_of(policy));
  entry["hessians"] = hessians;
  entry["takes_class_counts"] = takes_class_counts(info);
  nb::list levels;
  if (const auto* const several = std::get_if<Quantiles>(&loss.leading().loss))
    for (const double level : several->levels) levels.append(level);
  entry["levels"] = levels;
  return entry;
}

}  // namespace

void add_boosting(nb::module_& m) {
  m.def("boosting_pairs", &boosting_pairs, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(),
        nb::arg(), nb::arg(), nb::arg());
  m.def("boosting_loss", &boosting_loss, nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg());
  m.def("minimize_constant", &minimize_constant, nb::arg(), nb::arg(), nb::arg().none());
  m.def("minimize_constant_of_classes", &minimize_constant_of_classes, nb::arg(), nb::arg(), nb::arg().none(),
        nb::arg(), nb::arg());
  m.def("lambda_rank_pairs", &lambda_rank_pairs, nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg(),
        nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg());
  m.def("ndcg", &ndcg);
  m.def("function_of_loss", [](std::string_view text) {
    return std::visit([]<class Loss>(const Loss&) { return std::string(function_name<Loss>); }, parse_loss(text).loss);
  });
  m.def("boosting_entry", &boosting_entry);
}

}  // namespace perdita::python
