#include "perdita/rewriting/stabilize.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numeric>
#include <unordered_set>

#include "perdita/core/error.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/rewriting/equivalence_graph.hpp"
#include "perdita/rewriting/extraction.hpp"
#include "perdita/rewriting/parameters.hpp"
#include "perdita/rewriting/reference.hpp"
#include "perdita/rewriting/regions.hpp"
#include "perdita/rewriting/rules.hpp"
#include "perdita/rewriting/wide_interval.hpp"

namespace perdita {

using namespace rewriting;

namespace {

/// The processor time of this thread: what is found in the time given does not depend on the load of the machine.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock>;
  static time_point now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

constexpr std::size_t graph_points = 32, candidates_of_round = 96, measured_points = 1024;
constexpr std::size_t least_points = 32, most_evaluations = 80000;
constexpr int most_operations = 300;      // of formulas that are rewritten
constexpr double accepted_share = 0.005;  // of inexact points; stricter than the 1 % of tests, which draw other points
constexpr double share_in_float32 = 0.002;  // beyond it a form is computed in float64, if that is more exact
constexpr double accepted_bits = 0.15;      // by which the mean error may be above the least one, for a cheaper form
constexpr double cost_of_time = 0.004, cost_of_length = 0.001;  // of an addition, and of an operation that is written
constexpr double time_of_float64 = 3.5;  // relative to float32, which has more elements in a pack
constexpr int most_nodes = 2000, most_iterations = 6, most_rounds = 3;

void check_operations(const Expr& formula) {
  const ExprOrder order(std::span(&formula, 1));
  for (int i = 0; i < order.size(); ++i) {
    if (!has_wide_form(order[i].op())) fail<ValueError>("stabilize: {} is not supported", name_of(order[i].op()));
  }
}

/// The inputs of a formula, restricted by the conditions.
Domain domain_of(const Expr& formula, std::string_view conditions) {
  Domain domain = inputs_of(formula);
  if (domain.empty() || domain[0].name.empty())
    fail<ValueError>("stabilize: the formula does not depend on its first input: {}", to_text(formula));
  if (conditions.find_first_not_of(" \t\n") != conditions.npos) restrict_domain(domain, conditions);
  return domain;
}

/// A form of the formula, measured.
struct Form {
  FormErrors errors;                              ///< of the form with symbolic constants
  std::array<double, 2> mean_bits, share_beyond;  ///< see FormAccuracy
  Expr executed;                                  ///< with constants
  double time;                                    ///< of value and derivative
  double bits;                                    ///< the mean of those of `errors`

  const Expr& formula() const { return errors.formula; }
  double score() const { return bits + errors.cost; }
};

/// The number of operations of a formula as it is written, where common parts are repeated.
double written_length(const Expr& formula) {
  const ExprOrder order(std::span(&formula, 1));
  std::vector<double> length(static_cast<std::size_t>(order.size()), 1);
  for (int i = 0; i < order.size(); ++i) {
    for (int k = 0; k < arity(order[i].op()); ++k)
      length[static_cast<std::size_t>(i)] += length[static_cast<std::size_t>(order.operand(i, k))];
  }
  return length.back();
}

/// The forms that were found of a formula.
class Search {
 public:
  Search(const Domain& domain, const Parameters& parameters, const Measurement& measurement, Clock::time_point end)
      : domain_(domain), parameters_(parameters), measurement_(measurement), end_(end) {
    add(parameters.formula());
  }

  /// Rewrites the formula, then repeatedly the best form, and favors points where no form is exact.
  void run() {
    for (int round = 0; round < most_rounds && Clock::now() < end_; ++round) {
      const Form start = best();
      if (round > 0 && start.formula().id() == parameters_.formula().id()) break;
      add_rewritten(start.formula());
      add_regions();
      if (best().score() >= start.score()) break;
    }
    add_regions();  // at most two thresholds more
  }

  const Form& original() const { return forms_.front(); }
  /// The best ones first: the original, if it is exact; the cheapest ones that are exact in both types, the cheapest
  /// ones that are exact in float64, if they take less time for float32 as well, and then those with small errors.
  std::vector<Form> sorted() const {
    std::vector<Form> sorted = forms_;
    if (is_about_the_best(original(), 0) && is_about_the_best(original(), 1)) return sorted;
    std::ranges::stable_sort(sorted, {}, &Form::score);
    const auto cheapest_first = [&](auto begin, int types) {
      const auto end = std::stable_partition(begin, sorted.end(), [&](const Form& form) {
        return is_about_the_best(form, 1) && (types < 2 || is_about_the_best(form, 0));
      });
      std::stable_sort(begin, end, [](const Form& a, const Form& b) { return a.errors.cost < b.errors.cost; });
      return end;
    };
    const auto in_float64 = cheapest_first(sorted.begin(), 2);
    const auto others = cheapest_first(in_float64, 1);
    if (in_float64 != sorted.begin() && in_float64 != others &&
        sorted.front().time > time_of_float64 * in_float64->time)
      std::rotate(sorted.begin(), in_float64, others);
    return sorted;
  }

 private:
  /// Whether the form is exact in float32 or float64, no other one is much more exact, and the original is not.
  bool is_about_the_best(const Form& form, std::size_t type) const {
    constexpr double share_of_chance = 0.002, bits_of_chance = 0.01;
    const double share = form.share_beyond[type], bits = form.mean_bits[type];
    return share <= accepted_share && share <= least_share_[type] + share_of_chance &&
           bits <= least_bits_[type] + accepted_bits && bits <= original().mean_bits[type] + bits_of_chance;
  }

  const Form& best() const { return *std::ranges::min_element(forms_, {}, &Form::score); }

  void add(const Expr& formula) {
    const Expr executed = parameters_.with_constants(formula);
    FormAccuracy accuracy = measurement_.of_form(executed);
    double sum = 0;
    for (const double bits : accuracy.bits) sum += std::isnan(bits) ? 0 : bits;
    const double bits = sum / static_cast<double>(std::max<std::size_t>(1, measurement_.known()));
    const double time = time_of(std::array{executed, slope_of(executed)});
    const double cost = cost_of_time * time + cost_of_length * written_length(executed);
    for (std::size_t k = 0; k < 2; ++k) {
      least_bits_[k] = std::min(least_bits_[k], accuracy.mean_bits[k]);
      least_share_[k] = std::min(least_share_[k], accuracy.share_beyond[k]);
    }
    forms_.push_back(
        {{formula, std::move(accuracy.bits), cost}, accuracy.mean_bits, accuracy.share_beyond, executed, time, bits});
  }

  /// Points of the graph: those where no form is exact, up to half of them, and others.
  Points chosen_points(std::size_t& inexact) const {
    const Points& points = measurement_.points();
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < points.size() && chosen.size() < graph_points / 2; ++i) {
      if (is_inexact(i)) chosen.push_back(i);
    }
    // Those that lie near the diagonal, or near 0, come first: other forms are exact there.
    std::ranges::sort(chosen, {}, [&](std::size_t i) { return distance_of(i); });
    inexact = chosen.size();
    for (std::size_t i = 0; i < points.size() && chosen.size() < graph_points; ++i) {
      if (std::ranges::find(chosen, i) == chosen.end()) chosen.push_back(i);
    }
    Points of_graph;
    for (const std::vector<double>& column : points.columns) {
      std::vector<double>& numbers = of_graph.columns.emplace_back();
      for (const std::size_t i : chosen) numbers.push_back(column[i]);
    }
    return parameters_.with_columns(std::move(of_graph));
  }

  double distance_of(std::size_t point) const {
    const auto& columns = measurement_.points().columns;
    return std::abs(columns[0][point] - (columns.size() > 1 ? columns[1][point] : 0));
  }

  bool is_inexact(std::size_t point) const {
    return std::ranges::all_of(forms_, [&](const Form& form) { return form.errors.bits[point] > exact_bits; });
  }

  /// Adds forms that are found from one by rewriting.
  void add_rewritten(const Expr& start) {
    std::size_t inexact = 0;
    const Points points = chosen_points(inexact);
    std::vector<std::size_t> numbers(points.size());
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    const std::span<const std::size_t> all = numbers, near = all.first(inexact / 2),
                                       far = all.subspan(inexact / 2, inexact - inexact / 2);
    EquivalenceGraph graph(points);
    ClassId root = graph.add(start);
    // The best form may no longer contain a term that another rule matches, so the original is added as well.
    if (start.id() != parameters_.formula().id()) {
      graph.merge(root, graph.add(parameters_.formula()));
      root = graph.find(root);
      graph.rebuild();
    }
    for (int i = 0; i < most_iterations && Clock::now() < end_; ++i) {
      if (!apply_rules(graph, rules(), most_nodes) || graph.num_nodes() >= most_nodes) break;
    }
    std::vector<std::string> names;
    for (const Variable& variable : domain_) names.push_back(variable.name);
    for (std::string& name : parameters_.names()) names.push_back(std::move(name));
    for (const std::span<const std::size_t> where : {all, near, far}) {
      if (where.empty()) continue;
      for (const Candidate& candidate : cheapest_formulas(graph, root, names, where, candidates_of_round)) {
        if (!shapes_.insert(candidate.shape).second) continue;
        add(candidate.formula);
        if (Clock::now() > end_) return;
      }
    }
  }

  /// Adds forms for two regions that are made of those in `forms_`.
  void add_regions() {
    constexpr std::size_t most_forms = 12, most_splits = 12;
    std::vector<FormErrors> errors, chosen;
    for (const Form& form : forms_) errors.push_back(form.errors);
    for (const std::size_t f : complementary_forms(errors, most_forms)) chosen.push_back(errors[f]);
    for (const Expr& formula : forms_by_region(chosen, domain_, measurement_.points(), most_splits)) add(formula);
  }

  const Domain& domain_;
  const Parameters& parameters_;
  const Measurement& measurement_;
  Clock::time_point end_;
  std::vector<Form> forms_;
  std::array<double, 2> least_bits_{64, 64}, least_share_{1, 1};  // the least mean errors of all forms, and shares
  std::unordered_set<std::uint64_t> shapes_;
};

struct Verified {
  Form form;
  std::size_t drawn;
  Comparison comparison;
};

/// Where a form is compared with the original: at fewer points, if both together are long.
Points points_of_comparison(const Domain& domain, const Form& original, const Form& form,
                            const StabilizeOptions& options) {
  constexpr double most_time = 2.5e6;  // as time_of() estimates it, for all points
  constexpr std::size_t least = 500;
  const auto affordable = static_cast<std::size_t>(most_time / time_of(std::array{original.formula(), form.formula()}));
  return draw_points(domain, std::min(options.compared_points, std::max(least, affordable)), options.seed + 2);
}

/// The best form that has the values of the original; this itself after several that have not.
Verified verified(const Search& search, const Domain& domain, const Parameters& parameters,
                  const StabilizeOptions& options) {
  constexpr std::size_t most_tries = 6;
  const Form& original = search.original();
  const std::vector<Form> forms = search.sorted();
  for (std::size_t i = 0; i < std::min(most_tries, forms.size()); ++i) {
    if (forms[i].formula().id() == original.formula().id()) break;
    const Points points = parameters.with_columns(points_of_comparison(domain, original, forms[i], options));
    const Comparison comparison = compare_values(original.formula(), forms[i].formula(), points);
    if (!comparison.differs) return {forms[i], points.size(), comparison};
  }
  return {original, 0, {}};
}

double worst_share_in_float32(const Measurement::Result& result) {
  return std::max(result.value[0].share_beyond, result.slope[0].share_beyond);
}

/// Fewer points for long formulas, whose exact values take long.
std::size_t points_for(const Expr& formula) {
  const std::array formulas{formula, slope_of(formula)};
  const auto operations = static_cast<std::size_t>(ExprOrder(formulas).size());
  return std::clamp<std::size_t>(most_evaluations / operations, least_points, measured_points);
}

bool is_long(const Expr& formula) { return ExprOrder(std::span(&formula, 1)).size() > most_operations; }

}  // namespace

Stabilized stabilize(const Expr& formula, const StabilizeOptions& options) {
  check_operations(formula);
  const Domain domain = domain_of(formula, options.domain);
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  const Measurement measurement(formula, draw_points(domain, points_for(formula), options.seed));
  if (measurement.known() == 0) {
    const std::string conditions = to_text(domain);
    fail<ValueError>("stabilize: the formula is not defined at any of {} points{}{}, or too large or small there: {}",
                     measurement.points().size(), conditions.empty() ? "" : " of ", conditions, to_text(formula));
  }
  const Parameters parameters(formula, domain.size());
  Search search(domain, parameters, measurement, end);
  if (!is_long(formula)) search.run();
  const auto [result, drawn, comparison] = verified(search, domain, parameters, options);
  const bool has_form = result.formula().id() != search.original().formula().id();
  // Measured where the search has not looked.
  const Measurement further(formula, draw_points(domain, points_for(formula), options.seed + 1));
  Stabilized found{.original = formula,
                   .formula = has_form ? result.executed : formula,
                   .is_changed = has_form,
                   .domain = domain,
                   .points = further.points(),
                   .before = further.of(formula),
                   .drawn = drawn,
                   .comparison = comparison};
  // The form was chosen for its share of inexact points: that of others is needed, too.
  const Measurement others(formula, draw_points(domain, points_for(formula), options.seed + 3));
  const double share = 0.5 * (result.share_beyond[0] + worst_share_in_float32(others.of(found.formula)));
  if (share > share_in_float32) {
    found.compute_in_float64 = worst_share_in_float32(others.of(found.formula, true)) < 0.5 * share;
    found.is_changed |= found.compute_in_float64;
  }
  found.after = further.of(found.formula, found.compute_in_float64);
  found.nanoseconds_before = nanoseconds_per_element(formula, domain, DType::float32);
  found.nanoseconds_after =
      nanoseconds_per_element(found.formula, domain, found.compute_in_float64 ? DType::float64 : DType::float32);
  return found;
}

}  // namespace perdita
