// The RNN transducer by other means: all alignments one by one, and the textbook's recursion in logarithms.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "ctc_reference.hpp"

namespace perdita::testing {

/// The logits [frames, states, classes] of one sequence, and its target of states - 1 labels.
struct RnntSequence {
  std::size_t frames, states, classes;
  std::vector<double> logits;
  std::vector<std::int64_t> target;
  std::int64_t blank;

  std::size_t at(std::size_t t, std::size_t u) const { return t * states + u; }
  std::size_t label(std::size_t u) const { return static_cast<std::size_t>(target[u]); }

  template <class Real>
  Real log_p(std::size_t t, std::size_t u, std::size_t k) const {
    const double* z = logits.data() + at(t, u) * classes;
    Real total = -std::numeric_limits<Real>::infinity();
    for (std::size_t c = 0; c < classes; ++c) total = log_add(total, static_cast<Real>(z[c]));
    return static_cast<Real>(z[k]) - total;
  }
  template <class Real>
  Real log_blank(std::size_t t, std::size_t u) const {
    return log_p<Real>(t, u, static_cast<std::size_t>(blank));
  }
};

/// The loss of one sequence, and the probability that an alignment takes each transition.
template <class Real>
struct RnntReference {
  Real loss;
  std::vector<Real> blank, label;  ///< [frames, states]

  /// Each transition of class k pulls the logits by y - [class = k], those of labels `label_factor` times as much.
  std::vector<double> gradient(const RnntSequence& s, double label_factor = 1,
                               double limit = std::numeric_limits<double>::infinity()) const {
    std::vector<double> result(s.logits.size());
    for (std::size_t t = 0; t < s.frames; ++t) {
      for (std::size_t u = 0; u < s.states; ++u) {
        const Real b = blank[s.at(t, u)], l = static_cast<Real>(label_factor) * label[s.at(t, u)];
        for (std::size_t k = 0; k < s.classes; ++k) {
          Real g = (b + l) * std::exp(s.log_p<Real>(t, u, k));
          if (k == static_cast<std::size_t>(s.blank)) g -= b;
          if (u + 1 < s.states && k == s.label(u)) g -= l;
          result[s.at(t, u) * s.classes + k] = std::clamp(static_cast<double>(g), -limit, limit);
        }
      }
    }
    return result;
  }
};

class RnntEnumeration {
 public:
  explicit RnntEnumeration(const RnntSequence& sequence)
      : s_(sequence),
        found_{0, std::vector<double>(s_.frames * s_.states), std::vector<double>(s_.frames * s_.states)} {
    follow(0, 0, 0);
    for (auto* posterior : {&found_.blank, &found_.label}) {
      for (double& x : *posterior) x /= total_;
    }
    found_.loss = -std::log(total_);
  }
  const RnntReference<double>& found() const { return found_; }
  std::size_t count() const { return count_; }

 private:
  void follow(std::size_t t, std::size_t u, double log_p) {
    path_.push_back(&found_.blank[s_.at(t, u)]);
    const double after = log_p + s_.log_blank<double>(t, u);
    if (t + 1 < s_.frames)
      follow(t + 1, u, after);
    else if (u + 1 == s_.states)
      finish(std::exp(after));
    path_.back() = &found_.label[s_.at(t, u)];
    if (u + 1 < s_.states) follow(t, u + 1, log_p + s_.log_p<double>(t, u, s_.label(u)));
    path_.pop_back();
  }
  void finish(double p) {
    total_ += p;
    ++count_;
    for (double* posterior : path_) *posterior += p;
  }

  RnntSequence s_;
  RnntReference<double> found_;
  double total_ = 0;
  std::size_t count_ = 0;
  std::vector<double*> path_;
};

/// alpha and beta in logarithms, as Graves has it.
template <class Real>
RnntReference<Real> rnnt_in_logarithms(const RnntSequence& s) {
  constexpr Real none = -std::numeric_limits<Real>::infinity();
  const std::size_t count = s.frames * s.states;
  std::vector<Real> alpha(count, none), beta(count, none), b(count), l(count, none);
  for (std::size_t t = 0; t < s.frames; ++t) {
    for (std::size_t u = 0; u < s.states; ++u) {
      b[s.at(t, u)] = s.log_blank<Real>(t, u);
      if (u + 1 < s.states) l[s.at(t, u)] = s.log_p<Real>(t, u, s.label(u));
      Real a = t + u == 0 ? Real(0) : none;
      if (t > 0) a = log_add(a, alpha[s.at(t - 1, u)] + b[s.at(t - 1, u)]);
      if (u > 0) a = log_add(a, alpha[s.at(t, u - 1)] + l[s.at(t, u - 1)]);
      alpha[s.at(t, u)] = a;
    }
  }
  RnntReference<Real> result{0, std::vector<Real>(count), std::vector<Real>(count)};
  const Real log_p = alpha[count - 1] + b[count - 1];
  result.loss = -log_p;
  for (std::size_t t = s.frames; t-- > 0;) {
    for (std::size_t u = s.states; u-- > 0;) {
      const std::size_t i = s.at(t, u);
      Real by_blank = i + 1 == count ? b[i] : none, by_label = none;
      if (t + 1 < s.frames) by_blank = b[i] + beta[s.at(t + 1, u)];
      if (u + 1 < s.states) by_label = l[i] + beta[s.at(t, u + 1)];
      beta[i] = log_add(by_blank, by_label);
      if (log_p == none) continue;
      result.blank[i] = std::exp(alpha[i] + by_blank - log_p);
      result.label[i] = std::exp(alpha[i] + by_label - log_p);
    }
  }
  return result;
}

}  // namespace perdita::testing
