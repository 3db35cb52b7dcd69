#include "perdita/losses/inspection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "perdita/core/error.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/losses/inspection_scan.hpp"

namespace perdita {

namespace {

using Kind = Finding::Kind;

constexpr int curve_points = 2001;

std::string shown(double value) { return std::isnan(value) ? "nan" : fmt::format("{:.4g}", value); }

class Inspector {
 public:
  Inspector(const detail::WrittenLoss& loss, const InspectionOptions& options)
      : options_(options),
        name_(input_of(loss.value()).name()),
        value_(loss.value()),
        slope_(loss.slope()),
        program_(std::array{value_, slope_, slope_of(slope_)}) {
    for (int i = 0; i < curve_points; ++i) {
      const double share = static_cast<double>(i) / (curve_points - 1);
      inputs_.push_back(options.low + (options.high - options.low) * share);
    }
  }

  Inspection inspect() {
    result_.finite_to = 1e4;
    for (double target : options_.targets) add_curve(target);
    for (const InspectedCurve& curve : result_.curves) find_kinks(curve);
    for (const InspectedCurve& curve : result_.curves) compare_differences(curve);
    for (const InspectedCurve& curve : result_.curves) find_not_finite(curve.target);
    for (double target : options_.targets) find_flat(target);
    for (const InspectedCurve& curve : result_.curves) find_not_convex(curve);
    for (const InspectedCurve& curve : result_.curves) find_unbounded(curve);
    std::ranges::stable_sort(result_.findings, {}, &Finding::kind);
    return std::move(result_);
  }

 private:
  static Expr input_of(const Expr& value) {
    const ExprOrder order(std::span(&value, 1));
    for (int i = 0; i < order.size(); ++i) {
      if (order[i].op() == Op::input && order[i].index() == 0) return order[i];
    }
    return Expr::input(0, "y");
  }
  static Expr slope_of(const Expr& value) {
    const Expr input = Expr::input(0, "y");
    return gradient(value, 1.0, std::span(&input, 1))[0];
  }

  struct Point {
    double value, slope;
  };
  Point at(double input, double target) const {
    const auto [value, slope, curvature] = values_at<double, 3>(program_, {input}, target);
    return {value[0], slope[0]};
  }

  void add(Kind kind, double input, double target, std::string text) {
    result_.findings.push_back({kind, std::move(text), input, target});
  }
  bool has(Kind kind) const {
    return std::ranges::find(result_.findings, kind, &Finding::kind) != result_.findings.end();
  }

  void add_curve(double target) {
    auto [value, slope, curvature] = values_at<double, 3>(program_, inputs_, target);
    InspectedCurve curve{.target = target, .input = inputs_, .value = value, .slope = slope};
    for (double& v : curve.value) v += 0.0;  // no -0 for the reader
    curve.least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (curve.value[i] < curve.least) curve.least = curve.value[i], curve.least_at = inputs_[i];
    }
    result_.curves.push_back(std::move(curve));
    curvatures_.push_back(std::move(curvature));
  }

  /// The expressions whose sign selects the branch of an operation, once each.
  std::vector<Expr> switches() const {
    const ExprOrder order(std::span(&value_, 1));
    std::vector<Expr> found;
    std::set<std::string> seen;
    const auto note = [&](const Expr& e) {
      if (e.op() != Op::constant && seen.insert(to_text(e)).second) found.push_back(e);
    };
    for (int i = 0; i < order.size(); ++i) {
      const Expr& node = order[i];
      switch (node.op()) {
        case Op::abs:
        case Op::sign:
          note(node.operand(0));
          break;
        case Op::flip_sign:
          note(node.operand(1));
          break;
        case Op::min:
        case Op::max:
        case Op::clamp_min:
        case Op::clamp_max:
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal:
        case Op::equal:
        case Op::not_equal:
          note(node.operand(0) - node.operand(1));
          break;
        default:
          break;
      }
    }
    return found;
  }

  void find_kinks(const InspectedCurve& curve) {
    for (const Expr& e : switches()) {
      const Program program(std::span(&e, 1));
      const auto sign_at = [&](double input) { return values_at<double, 1>(program, {input}, curve.target)[0][0]; };
      const std::vector<double> s = values_at<double, 1>(program, inputs_, curve.target)[0];
      for (std::size_t i = 0; i + 1 < s.size(); ++i) {
        if (s[i + 1] == 0 && i + 2 < s.size()) look_at_kink(inputs_[i + 1], curve.target, e);
        if (!(s[i] * s[i + 1] < 0)) continue;
        double low = inputs_[i], high = inputs_[i + 1];
        for (int step = 0; step < 60; ++step) {
          const double middle = low + (high - low) / 2;
          (sign_at(middle) * s[i] > 0 ? low : high) = middle;
        }
        look_at_kink(high, curve.target, e);
      }
    }
  }

  void look_at_kink(double input, double target, const Expr& e) {
    switched_.push_back({input, target});
    if (is_near(kinks_, input, target, 1e-6)) return;
    const double step = 1e-7 * std::max(1.0, std::abs(input));
    const Point left = at(input - step, target), right = at(input + step, target);
    if (!std::isfinite(left.slope + right.slope + left.value + right.value)) return;
    const double steepest = std::max(std::abs(left.slope), std::abs(right.slope));
    const bool jumps = std::abs(right.value - left.value) > 10 * step * std::max(steepest, 1.0);
    // A slope that is steep, as that of x^1.5, changes less over a shorter way; one that jumps does not.
    const double change = std::abs(right.slope - left.slope);
    const double nearer = std::abs(at(input + step / 16, target).slope - at(input - step / 16, target).slope);
    const bool bends = change > 1e-4 * std::max(steepest, 1e-3) && nearer > 0.9 * change;
    if (!jumps && !bends) return;
    kinks_.push_back({input, target});
    const double shown = std::abs(input) < 1e-12 ? 0 : input;
    const std::string place = fmt::format("at {} = {:.6g}, t = {:g} (where {} = 0)", name_, shown, target, to_text(e));
    if (jumps)
      add(Kind::jump, shown, target,
          fmt::format("{} the loss jumps from {:.4g} to {:.4g}", place, left.value, right.value));
    else
      add(Kind::kink, shown, target,
          fmt::format("{} the slope jumps from {:.4g} to {:.4g}", place, left.slope, right.slope));
    if (!jumps && left.slope > right.slope) concave_kinks_.push_back({shown, target});
  }

  static bool is_near(const std::vector<std::pair<double, double>>& places, double input, double target,
                      double distance) {
    return std::ranges::any_of(
        places, [&](const auto& place) { return place.second == target && std::abs(place.first - input) <= distance; });
  }

  /// Central differences of two steps, extrapolated: the error is of the fourth order.
  void compare_differences(const InspectedCurve& curve) {
    std::optional<Finding> worst;
    for (std::size_t i = 5; i + 5 < inputs_.size(); i += 5) {
      const double y = inputs_[i], h = 1e-3 * std::max(1.0, std::abs(y)), t = curve.target;
      if (is_near(switched_, y, t, 2 * h) || !std::isfinite(curve.slope[i])) continue;
      const auto v = values_at<double, 3>(program_, {y - h, y - h / 2, y + h / 2, y + h}, t)[0];
      const double numeric = (8 * (v[2] - v[1]) - (v[3] - v[0])) / (6 * h);
      if (!std::isfinite(numeric)) continue;
      const double scale = std::max({std::abs(numeric), std::abs(curve.slope[i]), 1e-3});
      const double difference = std::abs(numeric - curve.slope[i]) / scale;
      ++result_.compared;
      if (difference > result_.worst_difference) result_.worst_difference = difference;
      if (difference > 1e-4 && !worst) {
        worst =
            Finding{Kind::wrong_slope,
                    fmt::format("at {} = {:.4g}, t = {:g} the slope is {:.6g}, but differences of the loss give {:.6g}",
                                name_, y, t, curve.slope[i], numeric),
                    y, t};
      }
    }
    if (worst && !has(Kind::wrong_slope)) result_.findings.push_back(*worst);
  }

  /// Inputs up to +-finite_to, denser towards 0.
  std::vector<double> wide_inputs() const {
    std::vector<double> inputs{0};
    for (double x = 1e-6; x <= result_.finite_to * 1.001; x *= std::pow(10.0, 0.02)) {
      inputs.push_back(-x);
      inputs.push_back(x);
    }
    std::ranges::sort(inputs);
    return inputs;
  }

  /// Whether the loss (k = 0) or its slope (1) is a number.
  template <class T>
  bool is_finite_at(double input, double target, std::size_t k) const {
    return std::isfinite(values_at<T, 3>(program_, {input}, target)[k][0]);
  }

  /// Between an input where it is finite and one where it is not: the one nearest to the other that is not.
  template <class T>
  double border(double finite, double broken, double target, std::size_t k) const {
    for (int step = 0; step < 60; ++step) {
      const double middle = finite + (broken - finite) / 2;
      (is_finite_at<T>(middle, target, k) ? finite : broken) = middle;
    }
    return broken;
  }

  template <class T>
  std::vector<Range> not_finite(const std::vector<double>& inputs, double target, std::size_t k) const {
    const std::vector<double> values = values_at<T, 3>(program_, inputs, target)[k];
    std::vector<Range> runs = runs_of(inputs, [&](std::size_t i) { return !std::isfinite(values[i]); });
    for (Range& run : runs) {
      const auto first = std::ranges::lower_bound(inputs, run.first), last = std::ranges::lower_bound(inputs, run.last);
      if (first != inputs.begin()) run.first = border<T>(*std::prev(first), run.first, target, k);
      if (std::next(last) != inputs.end()) run.last = border<T>(*std::next(last), run.last, target, k);
    }
    return runs;
  }

  void find_not_finite(double target) {
    const std::vector<double> inputs = wide_inputs();
    constexpr std::string_view what[] = {"loss", "slope"};
    for (std::size_t k = 0; k < 2; ++k) {
      const std::vector<Range> wide = not_finite<double>(inputs, target, k),
                               narrow = not_finite<float>(inputs, target, k);
      const auto report = [&](const Range& run, double value, std::string_view precision) {
        add(Kind::not_finite, run.first, target,
            fmt::format("the {} is {}{} {}, t = {:g}", what[k], shown(value), precision, in_words(run), target));
      };
      for (const Range& run : wide) {
        report(run, values_at<double, 3>(program_, {run.first}, target)[k][0], "");
        if (k == 0) look_at_pole(run, target);
      }
      for (const Range& run : narrow) {
        const bool is_known = std::ranges::any_of(wide, [&](const Range& known) {
          return std::abs(run.first - known.first) <= 1e-3 * std::abs(run.first) + 1e-6 &&
                 std::abs(run.last - known.last) <= 1e-3 * std::abs(run.last) + 1e-6;
        });
        if (!is_known) report(run, values_at<float, 3>(program_, {run.first}, target)[k][0], " in float32");
      }
      if (!wide.empty() || !narrow.empty()) return;  // the slope of what is not finite is not news
    }
  }

  /// Beside a run that is not finite, the loss may fall without bound.
  void look_at_pole(const Range& run, double target) {
    for (const auto& [end, side] : {std::pair{run.first, -1.0}, std::pair{run.last, 1.0}}) {
      const double near = at(end + side * 1e-3, target).value, nearer = at(end + side * 1e-6, target).value,
                   nearest = at(end + side * 1e-9, target).value;
      if (!(nearer < near - 1 && nearest < nearer - 1)) continue;
      add(Kind::unbounded_below, end + side * 1e-9, target,
          fmt::format("as {} goes to {}, t = {:g} the loss falls for ever: {} at a distance of 0.001, {} at 1e-09",
                      name_, shown(end), target, shown(near), shown(nearest)));
    }
  }

  std::string in_words(const Range& range) const {
    if (range.first == range.last) return fmt::format("at {} = {:.4g}", name_, range.first);
    if (range.first <= -result_.finite_to) return fmt::format("for {} up to {:.4g}", name_, range.last);
    if (range.last >= result_.finite_to) return fmt::format("for {} from {:.4g}", name_, range.first);
    return fmt::format("for {} from {:.4g} to {:.4g}", name_, range.first, range.last);
  }

  /// Over four times the range: a loss that saturates does so out there.
  void find_flat(double target) {
    std::vector<double> inputs;
    for (double input : inputs_) inputs.push_back(4 * input);
    const auto [value, slope, curvature] = values_at<double, 3>(program_, inputs, target);
    double steepest = 0, least = std::numeric_limits<double>::infinity(), most = -least;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!std::isfinite(value[i]) || !std::isfinite(slope[i])) continue;
      steepest = std::max(steepest, std::abs(slope[i]));
      least = std::min(least, value[i]), most = std::max(most, value[i]);
    }
    const auto range = first_run(inputs, [&, &slope = slope, &value = value](std::size_t i) {
      return std::abs(slope[i]) <= 1e-3 * steepest && value[i] > least + 0.1 * (most - least);
    });
    if (!range || range->last - range->first < 0.02 * (inputs.back() - inputs.front())) return;
    add(Kind::flat, range->first, target,
        fmt::format(
            "for {} from {:.4g} to {:.4g}, t = {:g} the slope (the steepest being {:.3g}) is next to nothing, though "
            "the loss is as much as {:.4g} above its least",
            name_, range->first, range->last, target, steepest,
            std::max(at(range->first, target).value, at(range->last, target).value) - least));
  }

  void find_not_convex(const InspectedCurve& curve) {
    const std::vector<double>& curvature = curvatures_[static_cast<std::size_t>(&curve - result_.curves.data())];
    double largest = 0;
    for (double c : curvature) {
      if (std::isfinite(c)) largest = std::max(largest, std::abs(c));
    }
    const auto range = first_run(inputs_, [&](std::size_t i) {
      return curvature[i] < -1e-9 * largest && std::isfinite(curve.value[i]) &&
             !is_near(kinks_, inputs_[i], curve.target, 1e-9);
    });
    if (range) {
      add(Kind::not_convex, range->first, curve.target,
          fmt::format("{}, t = {:g} the curvature is negative", in_words_of_curve(*range), curve.target));
      return;
    }
    for (const auto& [input, target] : concave_kinks_) {
      if (target != curve.target) continue;
      add(Kind::not_convex, input, target,
          fmt::format("at {} = {:.4g}, t = {:g} the slope falls", name_, input, target));
      return;
    }
  }

  std::string in_words_of_curve(const Range& range) const {
    return fmt::format("for {} from {:.4g} to {:.4g}", name_, range.first, range.last);
  }

  void find_unbounded(const InspectedCurve& curve) {
    for (const double side : {-1.0, 1.0}) {
      const double near = at(side * 1e3, curve.target).value, far = at(side * 1e6, curve.target).value,
                   farther = at(side * 1e9, curve.target).value;
      if (!(far < near - 1 && farther < far - 1 && farther < curve.least - 1)) continue;
      add(Kind::unbounded_below, side * 1e6, curve.target,
          fmt::format("as {} goes to {}inf, t = {:g} the loss falls for ever: {:.4g} at {:g}, {:.4g} at {:g}", name_,
                      side < 0 ? "-" : "+", curve.target, near, side * 1e3, far, side * 1e6));
    }
  }

  InspectionOptions options_;
  std::string name_;
  Expr value_, slope_;
  Program program_;  // value, slope, curvature
  std::vector<double> inputs_;
  std::vector<std::vector<double>> curvatures_;
  std::vector<std::pair<double, double>> switched_, kinks_, concave_kinks_;  // input, target
  Inspection result_;
};

}  // namespace

std::string_view name_of(Finding::Kind kind) {
  switch (kind) {
    case Kind::wrong_slope:
      return "wrong slope";
    case Kind::kink:
      return "kink";
    case Kind::jump:
      return "jump";
    case Kind::not_finite:
      return "not finite";
    case Kind::flat:
      return "flat";
    case Kind::not_convex:
      return "not convex";
    case Kind::unbounded_below:
      return "unbounded below";
  }
  return "unknown";
}

Inspection inspect(const detail::WrittenLoss& loss, const InspectionOptions& options) {
  if (!(options.low < options.high) || !std::isfinite(options.low) || !std::isfinite(options.high)) {
    fail<ValueError>("inspect: the range is {} to {} (valid: finite, the first below the second)", options.low,
                     options.high);
  }
  if (options.targets.empty()) fail<ValueError>("inspect: targets is empty (valid: one or more)");
  for (double target : options.targets) {
    if (!std::isfinite(target)) fail<ValueError>("inspect: a target is {} (valid: finite)", target);
  }
  return Inspector(loss, options).inspect();
}

}  // namespace perdita
