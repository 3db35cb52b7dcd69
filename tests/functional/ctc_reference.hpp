// CTC by other means: all alignments one by one, and the textbook's recursion in logarithms.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace perdita::testing {

/// Loss of one sequence, and its derivative by log_probs [frames, classes].
template <class Real>
struct CtcReference {
  Real loss = 0;
  std::vector<Real> gradient;
};

using CtcLabels = std::vector<std::int64_t>;

/// Every one of the classes^frames alignments.
inline CtcReference<double> ctc_by_enumeration(const std::vector<double>& log_probs, std::size_t classes,
                                               const CtcLabels& target, std::int64_t blank) {
  const std::size_t frames = log_probs.size() / classes;
  std::vector<std::size_t> path(frames, 0);
  CtcReference<double> result{0, std::vector<double>(log_probs.size())};
  double p = 0;
  for (;;) {
    CtcLabels spelt;
    double log_p = 0;
    for (std::size_t t = 0; t < frames; ++t) {
      const auto label = static_cast<std::int64_t>(path[t]);
      if (label != blank && (t == 0 || path[t] != path[t - 1])) spelt.push_back(label);
      log_p += log_probs[t * classes + path[t]];
    }
    if (spelt == target) {
      p += std::exp(log_p);
      for (std::size_t t = 0; t < frames; ++t) result.gradient[t * classes + path[t]] -= std::exp(log_p);
    }
    std::size_t t = 0;
    while (t < frames && ++path[t] == classes) path[t++] = 0;
    if (t == frames) break;
  }
  result.loss = -std::log(p);
  for (double& g : result.gradient) g = p > 0 ? g / p : 0;
  return result;
}

template <class Real>
Real log_add(Real a, Real b) {
  const Real high = a > b ? a : b;
  if (high == -std::numeric_limits<Real>::infinity()) return high;
  return high + std::log(std::exp(a - high) + std::exp(b - high));
}

/// alpha and beta in logarithms, over blanks and labels interleaved, as Graves et al. have it.
template <class Real>
CtcReference<Real> ctc_in_logarithms(const std::vector<double>& log_probs, std::size_t classes, const CtcLabels& target,
                                     std::int64_t blank) {
  constexpr Real none = -std::numeric_limits<Real>::infinity();
  const std::size_t frames = log_probs.size() / classes, states = 2 * target.size() + 1;
  CtcLabels label(states, blank);
  for (std::size_t i = 0; i < target.size(); ++i) label[2 * i + 1] = target[i];
  const auto y = [&](std::size_t t, std::size_t s) {
    return static_cast<Real>(log_probs[t * classes + static_cast<std::size_t>(label[s])]);
  };
  const auto jumps = [&](std::size_t s) { return s >= 2 && label[s] != label[s - 2] && s % 2 == 1; };
  std::vector<std::vector<Real>> alpha(frames, std::vector<Real>(states, none)), beta = alpha;
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t s = 0; s < states; ++s) {
      Real a = none;
      if (t == 0) {
        a = s < 2 ? Real(0) : none;
      } else {
        a = alpha[t - 1][s];
        if (s > 0) a = log_add(a, alpha[t - 1][s - 1]);
        if (jumps(s)) a = log_add(a, alpha[t - 1][s - 2]);
      }
      alpha[t][s] = a + y(t, s);
    }
  }
  for (std::size_t t = frames; t-- > 0;) {
    for (std::size_t s = 0; s < states; ++s) {
      if (t + 1 == frames) {
        beta[t][s] = s + 2 >= states ? Real(0) : none;
        continue;
      }
      Real b = beta[t + 1][s] + y(t + 1, s);
      if (s + 1 < states) b = log_add(b, beta[t + 1][s + 1] + y(t + 1, s + 1));
      if (s + 2 < states && jumps(s + 2)) b = log_add(b, beta[t + 1][s + 2] + y(t + 1, s + 2));
      beta[t][s] = b;
    }
  }
  const Real log_p = log_add(alpha[frames - 1][states - 1], states > 1 ? alpha[frames - 1][states - 2] : none);
  CtcReference<Real> result{-log_p, std::vector<Real>(log_probs.size())};
  if (log_p == none) return result;
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t s = 0; s < states; ++s)
      result.gradient[t * classes + static_cast<std::size_t>(label[s])] -= std::exp(alpha[t][s] + beta[t][s] - log_p);
  }
  return result;
}

}  // namespace perdita::testing
