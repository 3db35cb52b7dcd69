#include "perdita/rewriting/regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace perdita::rewriting {

namespace {

/// A quantity that separates regions: it is below a threshold in one, and not in the other.
struct Quantity {
  Expr formula;
  std::vector<double> values;  ///< at the points; if it has a unit, in that unit
  std::optional<Expr> unit = {};

  Expr is_below(double threshold) const { return formula < (unit ? threshold * *unit : Expr(threshold)); }
};

/// The distance of both inputs relative to the second one, if this is positive.
std::optional<Quantity> relative_distance(const Domain& domain, const Points& points) {
  if (domain.size() < 2 || !std::ranges::all_of(points.columns[1], [](double t) { return t > 0; })) return {};
  const Expr a = Expr::input(0, domain[0].name), b = Expr::input(1, domain[1].name);
  Quantity found{abs(a - b), points.columns[0], b};
  for (std::size_t i = 0; i < found.values.size(); ++i)
    found.values[i] = std::abs(found.values[i] - points.columns[1][i]) / points.columns[1][i];
  return found;
}

std::vector<Quantity> quantities_of(const Domain& domain, const Points& points) {
  std::vector<Quantity> found;
  for (std::size_t v = 0; v < domain.size(); ++v)
    found.push_back({Expr::input(static_cast<int>(v), domain[v].name), points.columns[v]});
  if (domain.size() > 1) {
    std::vector<double> difference(points.size());
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] = points.columns[0][i] - points.columns[1][i];
    found.push_back({found[0].formula - found[1].formula, std::move(difference)});
  }
  for (std::size_t q = 0, count = found.size(); q < count; ++q) {
    Quantity magnitude{abs(found[q].formula), found[q].values};
    for (double& x : magnitude.values) x = std::abs(x);
    found.push_back(std::move(magnitude));
  }
  if (std::optional<Quantity> distance = relative_distance(domain, points)) found.push_back(std::move(*distance));
  return found;
}

/// A way to divide the points.
struct Split {
  double bits;
  std::size_t quantity, below, above;  ///< the forms on both sides
  double low, high;                    ///< the threshold lies between
};

/// The best threshold for each pair of forms.
void add_splits(std::span<const FormErrors> forms, const Quantity& quantity, std::size_t number,
                std::vector<Split>& splits) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < quantity.values.size(); ++i) {
    if (!std::isnan(forms[0].bits[i]) && !std::isnan(quantity.values[i])) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return quantity.values[i]; });
  std::vector<std::vector<double>> up_to(forms.size());  // the sums of bits of the first points
  for (std::size_t f = 0; f < forms.size(); ++f) {
    up_to[f].push_back(0);
    for (const std::size_t i : order) up_to[f].push_back(up_to[f].back() + forms[f].bits[i]);
  }
  for (std::size_t a = 0; a < forms.size(); ++a) {
    for (std::size_t b = 0; b < forms.size(); ++b) {
      if (a == b) continue;
      const double cost = static_cast<double>(order.size()) * (forms[a].cost + forms[b].cost);
      Split best{std::min(up_to[a].back(), up_to[b].back()), number, a, a, 0, 0};
      for (std::size_t k = 1; k < order.size(); ++k) {
        const double low = quantity.values[order[k - 1]], high = quantity.values[order[k]];
        const double bits = up_to[a][k] + up_to[b].back() - up_to[b][k] + cost;
        if (low < high && bits < best.bits) best = {bits, number, a, b, low, high};
      }
      if (best.below != best.above) splits.push_back(best);
    }
  }
}

}  // namespace

std::vector<std::size_t> complementary_forms(std::span<const FormErrors> forms, std::size_t count) {
  std::vector<std::size_t> chosen;
  std::vector<double> least(forms.empty() ? 0 : forms[0].bits.size(), 1e9);
  while (chosen.size() < std::min(count, forms.size())) {
    std::size_t best = 0;
    double most_gain = 0;
    for (std::size_t f = 0; f < forms.size(); ++f) {
      double gain = chosen.empty() ? 0 : -forms[f].cost * static_cast<double>(least.size());
      for (std::size_t i = 0; i < least.size(); ++i) {
        if (forms[f].bits[i] < least[i]) gain += least[i] - forms[f].bits[i];
      }
      if (gain > most_gain) {
        most_gain = gain;
        best = f;
      }
    }
    if (most_gain <= 0) break;
    chosen.push_back(best);
    for (std::size_t i = 0; i < least.size(); ++i) least[i] = std::min(least[i], forms[best].bits[i]);
  }
  return chosen;
}

double shortest_between(double low, double high) {
  if (low < 0 && high >= 0) return 0;
  if (high < 0) {
    const double magnitude = shortest_between(-high, -low);
    return magnitude < -low ? -magnitude : high;
  }
  if (low < 1 && high >= 1) return 1;
  const double middle = low > 0 ? std::sqrt(low) * std::sqrt(high) : high;
  for (int digits = 1; digits < 17; ++digits) {
    const std::string text = fmt::format("{:.{}e}", middle, digits - 1);
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    if (low < rounded && rounded <= high) return rounded;
  }
  return high;
}

std::vector<Expr> forms_by_region(std::span<const FormErrors> forms, const Domain& domain, const Points& points,
                                  std::size_t count) {
  std::vector<Split> splits;
  const std::vector<Quantity> quantities = quantities_of(domain, points);
  for (std::size_t q = 0; q < quantities.size(); ++q) add_splits(forms, quantities[q], q, splits);
  std::ranges::stable_sort(splits, {}, &Split::bits);
  std::vector<Expr> found;
  for (std::size_t i = 0; i < std::min(count, splits.size()); ++i) {
    const Split& split = splits[i];
    found.push_back(select(quantities[split.quantity].is_below(shortest_between(split.low, split.high)),
                           forms[split.below].formula, forms[split.above].formula));
  }
  return found;
}

}  // namespace perdita::rewriting
