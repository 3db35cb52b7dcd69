// The partial likelihood of a proportional hazards model, with its gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace perdita::kernels {

/// The samples in the order of the risk sets: by stratum, and within it from the latest time to the earliest.
class RiskOrder {
 public:
  /// `strata` may be null: one stratum. Times must not be NaN.
  RiskOrder(const double* times, const std::int64_t* strata, std::int64_t count);

  /// Samples of one stratum and time.
  struct Tie {
    std::int64_t begin, end;  ///< in sample()
    bool begins_stratum;
  };
  const std::vector<Tie>& ties() const { return ties_; }
  std::int64_t sample(std::int64_t place) const { return order_[static_cast<std::size_t>(place)]; }

 private:
  std::vector<std::int64_t> order_;
  std::vector<Tie> ties_;
};

struct CoxTask {
  const RiskOrder* order;
  const double* log_hazards;
  const std::uint8_t* events;
  const double* log_weights;   ///< of the samples in the risk sets, or null for 0
  bool efron;                  ///< or breslow
  const double* coefficients;  ///< of the losses
  double* losses;              ///< one for each sample, 0 for those that are censored
  double* gradient = nullptr;  ///< of sum_i coefficients[i] losses[i] with respect to the log hazards
};

inline RiskOrder::RiskOrder(const double* times, const std::int64_t* strata, std::int64_t count)
    : order_(static_cast<std::size_t>(count)) {
  const auto stratum = [&](std::int64_t i) { return strata ? strata[i] : 0; };
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
    if (stratum(a) != stratum(b)) return stratum(a) < stratum(b);
    return times[a] != times[b] ? times[a] > times[b] : a < b;
  });
  for (std::int64_t begin = 0, end = 0; begin < count; begin = end) {
    const std::int64_t first = sample(begin);
    end = begin + 1;
    while (end < count && stratum(sample(end)) == stratum(first) && times[sample(end)] == times[first]) ++end;
    ties_.push_back({begin, end, begin == 0 || stratum(sample(begin - 1)) != stratum(first)});
  }
}

namespace detail {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// scale * exp(exponent), to which numbers of any size are added without overflow.
struct ScaledSum {
  double exponent = -infinity, scale = 0;

  void add(double factor, double at) {
    if (at == -infinity || factor == 0) return;
    if (at > exponent) {
      scale = scale * std::exp(exponent - at) + factor;
      exponent = at;
    } else {
      scale += factor * std::exp(at - exponent);
    }
  }
  double log() const { return scale == 0 ? -infinity : exponent + std::log(scale); }
  /// Times exp(at).
  double times_exp(double at) const { return scale == 0 ? 0.0 : scale * std::exp(exponent + at); }
};

/// What the events at one time see: with S the sum of exp(h) over those at risk and D over the events themselves,
/// sums over l = 0 ... d - 1 of terms with S - (l / d) D.
struct AtTime {
  double log_risk = -infinity;  ///< log S
  double mean_log = 0;          ///< mean of log(S - (l / d) D)
  double by_risk = 0;           ///< mean of S / (S - (l / d) D): its derivative with respect to S, times S
  double by_events = 0;         ///< the same of (l / d) S / (S - (l / d) D): minus that with respect to D
};

inline AtTime at_time(double log_risk, double log_events, std::int64_t events, bool efron) {
  if (!efron || events < 2) return {log_risk, log_risk, 1, 0};
  const double share = std::exp(log_events - log_risk), d = static_cast<double>(events);
  AtTime sums{log_risk, 0, 0, 0};
  for (std::int64_t l = 0; l < events; ++l) {
    const double part = static_cast<double>(l) / d, rest = 1 - part * share;
    sums.mean_log += std::log1p(-part * share) / d;
    sums.by_risk += 1 / (rest * d);
    sums.by_events += part / (rest * d);
  }
  sums.mean_log += log_risk;
  return sums;
}

inline double log_weight_of(const CoxTask& task, std::int64_t sample) {
  return task.log_weights ? task.log_weights[sample] : 0;
}

}  // namespace detail

/// O(N): risk sets grow as time runs backward, so one running log-sum-exp gives all of them.
inline void cox_loss(const CoxTask& task) {
  using namespace detail;
  const RiskOrder& order = *task.order;
  std::vector<AtTime> times;
  ScaledSum risk;
  for (const RiskOrder::Tie& tie : order.ties()) {
    if (tie.begins_stratum) risk = {};
    ScaledSum of_events;
    std::int64_t events = 0;
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      const std::int64_t i = order.sample(place);
      const double at = task.log_hazards[i] + log_weight_of(task, i);
      risk.add(1, at);
      if (task.events[i]) of_events.add(1, at), ++events;
    }
    times.push_back(at_time(risk.log(), of_events.log(), events, task.efron));
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      const std::int64_t i = order.sample(place);
      task.losses[i] = task.events[i] ? times.back().mean_log - task.log_hazards[i] : 0.0;
    }
  }
  if (!task.gradient) return;

  // A sample is at risk at all earlier times of its stratum: a running sum forward in time.
  ScaledSum seen;
  for (std::size_t t = times.size(); t-- > 0;) {
    const RiskOrder::Tie& tie = order.ties()[t];
    const AtTime& here = times[t];
    double coefficient = 0;
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      const std::int64_t i = order.sample(place);
      if (task.events[i]) coefficient += task.coefficients[i];
    }
    seen.add(coefficient * here.by_risk, -here.log_risk);
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      const std::int64_t i = order.sample(place);
      const double at = task.log_hazards[i] + log_weight_of(task, i);
      double gradient = at == -infinity ? 0.0 : seen.times_exp(at);
      if (task.events[i]) {
        if (here.by_events != 0) gradient -= coefficient * here.by_events * std::exp(at - here.log_risk);
        gradient -= task.coefficients[i];
      }
      task.gradient[i] = gradient;
    }
    if (tie.begins_stratum) seen = {};
  }
}

}  // namespace perdita::kernels
