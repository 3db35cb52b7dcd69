// Inputs and targets drawn from the domains a loss declares.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "perdita/losses/list.hpp"
#include "perdita/math/dual.hpp"

namespace perdita::testing {

using Real = Pack<double, 1>;

inline double draw(const Interval& interval, std::mt19937& random) {
  if (interval.ends_only) return random() & 1 ? interval.high : interval.low;
  std::uniform_real_distribution<double> inside(std::max(interval.low, -6.0), std::min(interval.high, 6.0));
  return inside(random);
}

/// An input where the loss is defined: a rate where it is not taken as a logarithm.
template <class Loss>
double draw_input(const Loss& loss, std::mt19937& random) {
  const double input = draw(Loss::info.input, random);
  if constexpr (requires { loss.log_input; }) {
    if (!loss.log_input) return 0.05 + std::abs(input);
  }
  return input;
}

/// A target where the loss is defined: log-probabilities where it asks for them, counts and hard labels as well.
template <class Loss>
double draw_target(const Loss& loss, std::mt19937& random) {
  double target = draw(Loss::info.target, random);
  if (random() % 4 == 0 && Loss::info.target.contains(std::round(target))) target = std::round(target);
  if constexpr (requires { loss.log_target; }) {
    if (loss.log_target) target = -std::abs(draw(reals, random));
  }
  return target;
}

/// The formula on plain double numbers; some have one operand alone.
template <class Loss, class Y>
auto apply(const Loss& loss, const Y& y, double t) {
  if constexpr (requires { loss(y, Real(t)); })
    return loss(y, Real(t));
  else
    return loss(y);
}
template <class Loss>
double value_at(const Loss& loss, double y, double t) {
  return Real(apply(loss, Real(y), t))[0];
}
template <class Loss>
double slope_at(const Loss& loss, double y, double t) {
  return apply(loss, Dual<Real>{Real(y), Real(1.0)}, t).d[0];
}

/// Another valid value of a parameter.
inline double moved_within(const Interval& valid, double value) {
  for (double other : {value + 0.6, value / 2, value * 1.2}) {
    if (valid.contains(other)) return other;
  }
  return value;
}

/// The loss with its default parameters, and with each parameter moved.
template <class Loss>
std::vector<Loss> variants() {
  std::vector<Loss> all{Loss{}};
  for (const auto& parameter : parameters_of<Loss>()) {
    Loss moved;
    const double value = parameter.get(moved);
    if (parameter.is_bool || parameter.choices.size() == 2)
      parameter.set(moved, 1 - value);
    else
      parameter.set(moved, moved_within(parameter.valid, value));
    all.push_back(moved);
  }
  return all;
}

}  // namespace perdita::testing
