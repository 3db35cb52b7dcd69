// The partial likelihood of a proportional hazards model, with its gradient.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/kernels/radix_sort.hpp"

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
  std::int64_t count() const { return static_cast<std::int64_t>(order_.size()); }

 private:
  std::vector<std::uint32_t> order_;
  std::vector<Tie> ties_;
};

template <class T>
struct CoxTask {
  const RiskOrder* order;
  const T* log_hazards;
  const std::uint8_t* events;
  const double* log_weights;   ///< of the samples in the risk sets, or null for 0
  bool efron;                  ///< or breslow
  const double* coefficients;  ///< of the losses
  double* losses;              ///< one for each sample, 0 for those that are censored
  T* gradient = nullptr;       ///< of sum_i coefficients[i] losses[i] with respect to the log hazards
};

namespace detail {

/// Keys in the order of numbers that are not NaN; 0 and -0 have the same.
inline std::uint32_t ascending_key(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x + 0.0F);
  return bits >> 31 ? ~bits : bits | std::uint32_t{1} << 31;
}
inline std::uint64_t ascending_key(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);
  return bits >> 63 ? ~bits : bits | std::uint64_t{1} << 63;
}

/// Sorts `order` by key_of(sample), those with equal keys in the order they had.
template <class KeyOf>
void sort_stably(std::vector<std::uint32_t>& order, const KeyOf& key_of) {
  using Entry = Keyed<decltype(key_of(0U))>;
  const std::size_t count = order.size();
  const std::unique_ptr<Entry[]> entries(new Entry[2 * count]);
  for (std::size_t i = 0; i < count; ++i) entries[i] = {key_of(order[i]), order[i]};
  const Entry* const sorted = radix_sort(entries.get(), entries.get() + count, static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) order[i] = sorted[i].value;
}

}  // namespace detail

inline RiskOrder::RiskOrder(const double* times, const std::int64_t* strata, std::int64_t count)
    : order_(static_cast<std::size_t>(count)) {
  if (count > std::numeric_limits<std::uint32_t>::max()) {
    fail<ValueError>("cox: {} samples (valid: up to {})", count, std::numeric_limits<std::uint32_t>::max());
  }
  const auto stratum = [&](std::int64_t i) { return strata ? strata[i] : 0; };
  std::iota(order_.begin(), order_.end(), 0U);
  // Half as many digits to sort by where times have no more of them, such as whole numbers.
  const bool are_floats = std::all_of(times, times + count, [](double t) { return static_cast<float>(t) == t; });
  if (are_floats)
    detail::sort_stably(order_, [&](std::uint32_t i) { return ~detail::ascending_key(static_cast<float>(times[i])); });
  else
    detail::sort_stably(order_, [&](std::uint32_t i) { return ~detail::ascending_key(times[i]); });
  if (strata) {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    detail::sort_stably(order_, [&](std::uint32_t i) { return static_cast<std::uint64_t>(strata[i]) ^ sign; });
  }
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

/// The terms of the events at one time: with S the sum of exp(h) over those at risk and D over the events themselves,
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

template <class T>
double log_weight_of(const CoxTask<T>& task, std::int64_t sample) {
  return task.log_weights ? task.log_weights[sample] : 0;
}

}  // namespace detail

namespace detail {

/// The samples one after the other as they are at risk: reading them by index costs more than all sums.
struct PlacedSamples {
  std::unique_ptr<double[]> at;            ///< log hazard plus log weight; then the gradient
  std::unique_ptr<double[]> coefficients;  ///< of the losses; only for a gradient
  std::unique_ptr<double[]> mean_logs;     ///< of the time of each
  std::unique_ptr<bool[]> are_events;
};

/// body(place) for all places, in parallel.
template <class Body>
void for_each_place(std::int64_t count, const Body& body) {
  constexpr std::int64_t block = 16384;
  parallel_for((count + block - 1) / block, [&](std::int64_t b) {
    for (std::int64_t place = b * block; place < std::min(count, (b + 1) * block); ++place) body(place);
  });
}

template <class T>
PlacedSamples placed(const CoxTask<T>& task, std::int64_t count) {
  const auto size = static_cast<std::size_t>(count);
  const auto numbers = [](std::size_t n) { return std::unique_ptr<double[]>(new double[n]); };
  PlacedSamples samples{numbers(size), numbers(task.gradient ? size : 0), numbers(size),
                        std::unique_ptr<bool[]>(new bool[size])};
  for_each_place(count, [&](std::int64_t place) {
    const std::int64_t i = task.order->sample(place);
    // A sample of weight 0 is as if it were absent: it is not tied with others, and its log hazard may be infinite.
    const double log_weight = log_weight_of(task, i);
    const bool is_absent = log_weight == -infinity;
    samples.at[place] = is_absent ? -infinity : static_cast<double>(task.log_hazards[i]) + log_weight;
    samples.are_events[place] = task.events[i] != 0 && !is_absent;
    if (task.gradient) samples.coefficients[place] = task.coefficients[i];
  });
  return samples;
}

/// Forward in time: a sample is at risk at all earlier times of its stratum, whose terms are a running sum.
inline void find_gradients(const RiskOrder& order, const std::vector<AtTime>& times, PlacedSamples& samples) {
  ScaledSum seen;
  for (std::size_t t = times.size(); t-- > 0;) {
    const RiskOrder::Tie& tie = order.ties()[t];
    const AtTime& here = times[t];
    double coefficient = 0;
    for (std::int64_t place = tie.begin; place < tie.end; ++place)
      if (samples.are_events[place]) coefficient += samples.coefficients[place];
    seen.add(coefficient * here.by_risk, -here.log_risk);
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      const double at = samples.at[place];
      double gradient = at == -infinity ? 0.0 : seen.times_exp(at);
      if (samples.are_events[place]) {
        if (here.by_events != 0) gradient -= coefficient * here.by_events * std::exp(at - here.log_risk);
        gradient -= samples.coefficients[place];
      }
      samples.at[place] = gradient;
    }
    if (tie.begins_stratum) seen = {};
  }
}

}  // namespace detail

/// O(N): risk sets grow as time runs backward, so one running log-sum-exp gives all of them.
template <class T>
void cox_loss(const CoxTask<T>& task) {
  using namespace detail;
  const RiskOrder& order = *task.order;
  PlacedSamples samples = placed(task, order.count());
  std::vector<AtTime> times;
  times.reserve(task.gradient ? order.ties().size() : 0);
  ScaledSum risk;
  for (const RiskOrder::Tie& tie : order.ties()) {
    if (tie.begins_stratum) risk = {};
    ScaledSum of_events;
    std::int64_t events = 0;
    for (std::int64_t place = tie.begin; place < tie.end; ++place) {
      risk.add(1, samples.at[place]);
      if (samples.are_events[place]) of_events.add(1, samples.at[place]), ++events;
    }
    // Without events nothing is compared with those at risk.
    const AtTime here = events == 0 ? AtTime{} : at_time(risk.log(), of_events.log(), events, task.efron);
    std::fill(samples.mean_logs.get() + tie.begin, samples.mean_logs.get() + tie.end, here.mean_log);
    if (task.gradient) times.push_back(here);
  }
  if (task.gradient) find_gradients(order, times, samples);
  for_each_place(order.count(), [&](std::int64_t place) {
    const std::int64_t i = order.sample(place);
    const auto log_hazard = static_cast<double>(task.log_hazards[i]);
    task.losses[i] = samples.are_events[place] ? samples.mean_logs[place] - log_hazard : 0.0;
    if (task.gradient) task.gradient[i] = static_cast<T>(samples.at[place]);
  });
}

}  // namespace perdita::kernels
