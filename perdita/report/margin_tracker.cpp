#include "perdita/report/margin_tracker.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>

#include "perdita/core/error.hpp"

namespace perdita::report {

namespace {

constexpr std::uint64_t most_visits = 4095;

/// Packed statistics of a sample: two means of 26 bits each, sign and exponent included, and a 12-bit count of visits.
struct Means {
  float margin = 0, loss = 0;
  std::uint64_t visits = 0;

  static Means unpacked(std::uint64_t word) {
    constexpr std::uint64_t low = (std::uint64_t{1} << 26) - 1;
    return {widened(word >> 38), widened(word >> 12 & low), word & most_visits};
  }
  std::uint64_t packed() const { return narrowed(margin) << 38 | narrowed(loss) << 12 | visits; }
  void add(double new_margin, double new_loss) {
    visits = std::min(visits + 1, most_visits);
    const auto n = static_cast<double>(visits);
    margin = moved(margin, new_margin, 1 / n);
    loss = moved(loss, new_loss, 1 / n);
  }
  void merge(const Means& other) {
    if (other.visits == 0) return;
    const auto n = static_cast<double>(visits), m = static_cast<double>(other.visits);
    margin = moved(margin, static_cast<double>(other.margin), m / (n + m));
    loss = moved(loss, static_cast<double>(other.loss), m / (n + m));
    visits = std::min(visits + other.visits, most_visits);
  }

 private:
  /// Once infinite, a mean stays infinite.
  static float moved(float mean, double to, double share) {
    if (std::isinf(mean)) return mean;
    return static_cast<float>(std::isinf(to) ? to
                                             : static_cast<double>(mean) + share * (to - static_cast<double>(mean)));
  }
  static float widened(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits << 6)); }
  /// Rounded to nearest.
  static std::uint64_t narrowed(float value) { return (std::uint64_t{std::bit_cast<std::uint32_t>(value)} + 32) >> 6; }
};

constexpr const char* parts = "margins, losses, visits";

/// The tensor of that name, or nothing.
const Tensor* find(const MarginTracker::State& state, std::string_view name) {
  const auto found = std::ranges::find(state, name, [](const auto& entry) { return std::string_view(entry.first); });
  return found == state.end() ? nullptr : &found->second;
}

template <class T>
std::vector<T> take(const MarginTracker::State& state, std::string_view name, std::int64_t samples) {
  const Tensor* const tensor = find(state, name);
  if (tensor == nullptr) fail<ValueError>("MarginTracker: the state lacks {} (valid: {})", name, parts);
  if (tensor->rank() != 1 || tensor->numel() != samples || tensor->dtype() != dtype_of<T>()) {
    fail<ValueError>("MarginTracker: {} has shape {} and type {} (valid: [{}], {})", name, tensor->shape(),
                     name_of(tensor->dtype()), samples, name_of(dtype_of<T>()));
  }
  std::vector<T> values = tensor->to_vector<T>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(values[i])) fail<ValueError>("MarginTracker: {} of sample {} is nan", name, i);
    } else if (values[i] < 0 || values[i] > static_cast<T>(most_visits)) {
      fail<ValueError>("MarginTracker: {} of sample {} are {} (valid: 0..{})", name, i, values[i], most_visits);
    }
  }
  return values;
}

}  // namespace

MarginTracker::MarginTracker(std::int64_t samples, Last last) : samples_(samples), keeps_last_(last == Last::kept) {}

MarginTracker MarginTracker::growing() {
  MarginTracker tracker;
  tracker.grows_ = true;
  return tracker;
}

void MarginTracker::check(std::span<const std::int64_t> samples) const {
  const std::int64_t most = grows_ ? most_growing : samples_;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i] >= 0 && samples[i] < most) continue;
    fail<IndexError>("index[{}] is {} (valid: 0..{}{})", i, samples[i], most - 1,
                     grows_ ? "; for more, give the number of training samples" : ", one index per training sample");
  }
}

void MarginTracker::reserve_for(std::span<const std::int64_t> samples) {
  if (grows_) samples_ = std::max(samples_, *std::ranges::max_element(samples) + 1);
  if (std::ssize(means_) == samples_) return;
  means_.resize(static_cast<std::size_t>(samples_));
  if (keeps_last_) last_.resize(static_cast<std::size_t>(samples_));
}

void MarginTracker::add(std::span<const std::int64_t> samples, std::span<const double> margins,
                        std::span<const double> losses) {
  if (losses.size() != samples.size() || (!margins.empty() && margins.size() != samples.size())) {
    fail<ShapeError>("MarginTracker: there are {} samples, {} losses and {} margins (valid: one of each per sample)",
                     samples.size(), losses.size(), margins.size());
  }
  if (samples.empty()) return;
  check(samples);
  reserve_for(samples);
  has_losses_ = true;
  has_margins_ = has_margins_ || !margins.empty();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double margin = margins.empty() ? 0 : margins[i];
    if (std::isnan(margin) || std::isnan(losses[i])) continue;
    const auto at = static_cast<std::size_t>(samples[i]);
    Means means = Means::unpacked(means_[at]);
    means.add(margin, losses[i]);
    means_[at] = means.packed();
    if (keeps_last_) last_[at] = static_cast<float>(losses[i]);
  }
}

void MarginTracker::add(std::span<const std::int64_t> samples, const LossExtras& extras) {
  if (!extras.margins.defined()) return;
  add(samples, extras.margins.to_vector<double>(), extras.losses.to_vector<double>());
}

void MarginTracker::merge(const MarginTracker& other) {
  if (other.is_empty()) return;
  if (!grows_ && other.samples_ > samples_) {
    fail<ValueError>("MarginTracker: a tracker of {} samples cannot be merged into one of {} (valid: the same samples)",
                     other.samples_, samples_);
  }
  samples_ = std::max(samples_, other.samples_);
  means_.resize(static_cast<std::size_t>(samples_));
  if (keeps_last_) last_.resize(static_cast<std::size_t>(samples_));
  has_margins_ = has_margins_ || other.has_margins_;
  has_losses_ = has_losses_ || other.has_losses_;
  for (std::size_t i = 0; i < other.means_.size(); ++i) {
    Means means = Means::unpacked(means_[i]);
    means.merge(Means::unpacked(other.means_[i]));
    means_[i] = means.packed();
    if (keeps_last_ && i < other.last_.size()) last_[i] = other.last_[i];
  }
}

std::vector<SampleScore> MarginTracker::ranking() const {
  std::vector<SampleScore> all;
  for (std::size_t i = 0; i < means_.size(); ++i) {
    const Means means = Means::unpacked(means_[i]);
    if (means.visits == 0) continue;
    all.push_back({.sample = static_cast<std::int64_t>(i),
                   .aum = static_cast<double>(means.margin),
                   .mean_loss = static_cast<double>(means.loss)});
    if (keeps_last_) all.back().last_loss = static_cast<double>(last_[i]);
  }
  if (has_margins_)
    std::ranges::stable_sort(all, {}, &SampleScore::aum);
  else
    std::ranges::stable_sort(all, std::greater<>(), &SampleScore::mean_loss);
  return all;
}

std::int64_t MarginTracker::visits(std::int64_t sample) const {
  const auto at = static_cast<std::size_t>(sample);
  return at < means_.size() ? static_cast<std::int64_t>(Means::unpacked(means_[at]).visits) : 0;
}

MarginTracker::State MarginTracker::state_dict() const {
  if (is_empty()) return {};
  std::vector<float> margins, losses;
  std::vector<std::int64_t> visits;
  for (const std::uint64_t word : means_) {
    const Means means = Means::unpacked(word);
    margins.push_back(means.margin), losses.push_back(means.loss);
    visits.push_back(static_cast<std::int64_t>(means.visits));
  }
  State state{{"losses", Tensor::from(losses)}, {"visits", Tensor::from(visits)}};
  if (has_margins_) state.emplace_back("margins", Tensor::from(margins));
  if (keeps_last_) state.emplace_back("last", Tensor::from(last_));
  return state;
}

void MarginTracker::load_state_dict(const State& state) {
  MarginTracker loaded(samples_);
  loaded.grows_ = grows_, loaded.keeps_last_ = keeps_last_;
  if (!state.empty()) {
    const Tensor* const visits = find(state, "visits");
    if (grows_ && visits != nullptr) loaded.samples_ = visits->numel();
    const auto counts = take<std::int64_t>(state, "visits", loaded.samples_);
    const auto losses = take<float>(state, "losses", loaded.samples_);
    loaded.has_losses_ = true;
    // The last loss is kept of losses with margins only: there, a state without them is damaged.
    loaded.has_margins_ = keeps_last_ || find(state, "margins") != nullptr;
    const std::vector<float> margins =
        loaded.has_margins_ ? take<float>(state, "margins", loaded.samples_) : std::vector<float>(losses.size());
    if (keeps_last_) loaded.last_ = take<float>(state, "last", loaded.samples_);
    for (std::size_t i = 0; i < losses.size(); ++i) {
      loaded.means_.push_back(Means{margins[i], losses[i], static_cast<std::uint64_t>(counts[i])}.packed());
    }
  }
  *this = std::move(loaded);
}

}  // namespace perdita::report
