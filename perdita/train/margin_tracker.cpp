#include "perdita/train/margin_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "perdita/core/error.hpp"

namespace perdita::train {

namespace {

const Tensor& find(const nn::StateDict& state, std::string_view name, std::int64_t samples, DType dtype) {
  for (const auto& [key, tensor] : state) {
    if (key != name) continue;
    if (tensor.rank() != 1 || tensor.numel() != samples || tensor.dtype() != dtype) {
      fail<ValueError>("MarginTracker: {} has shape {} and type {} (valid: [{}], {})", name, tensor.shape(),
                       name_of(tensor.dtype()), samples, name_of(dtype));
    }
    return tensor;
  }
  fail<ValueError>("MarginTracker: the state lacks {} (valid: margins, losses, last, visits)", name);
}

std::vector<double> take(const nn::StateDict& state, std::string_view name, std::int64_t samples) {
  std::vector<double> values = find(state, name, samples, DType::float64).to_vector<double>();
  const auto bad = std::ranges::find_if(values, [](double value) { return std::isnan(value); });
  if (bad != values.end()) fail<ValueError>("MarginTracker: {} of sample {} is nan", name, bad - values.begin());
  return values;
}

}  // namespace

MarginTracker::MarginTracker(std::int64_t samples) : samples_(samples) {}

void MarginTracker::add(std::span<const std::int64_t> samples, const LossExtras& extras) {
  if (!extras.margins.defined()) return;
  if (is_empty()) {
    const auto count = static_cast<std::size_t>(samples_);
    margins_.resize(count), losses_.resize(count), last_.resize(count), visits_.resize(count);
  }
  const std::vector<double> margins = extras.margins.to(DType::float64).to_vector<double>();
  const std::vector<double> losses = extras.losses.to(DType::float64).to_vector<double>();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (std::isnan(margins[i])) continue;  // ignored
    const auto at = static_cast<std::size_t>(samples[i]);
    margins_[at] += margins[i];
    losses_[at] += losses[i];
    last_[at] = losses[i];
    ++visits_[at];
  }
}

std::vector<SampleScore> MarginTracker::ranking() const {
  std::vector<SampleScore> all;
  for (std::size_t i = 0; i < visits_.size(); ++i) {
    if (visits_[i] == 0) continue;
    const auto visits = static_cast<double>(visits_[i]);
    all.push_back({static_cast<std::int64_t>(i), margins_[i] / visits, losses_[i] / visits, last_[i]});
  }
  std::ranges::stable_sort(all, {}, &SampleScore::aum);
  return all;
}

nn::StateDict MarginTracker::state_dict() const {
  if (is_empty()) return {};
  return {{"margins", Tensor::from(margins_)},
          {"losses", Tensor::from(losses_)},
          {"last", Tensor::from(last_)},
          {"visits", Tensor::from(visits_)}};
}

void MarginTracker::load_state_dict(const nn::StateDict& state) {
  if (state.empty()) {  // of a loss without margins
    *this = MarginTracker(samples_);
    return;
  }
  MarginTracker loaded(samples_);
  loaded.margins_ = take(state, "margins", samples_);
  loaded.losses_ = take(state, "losses", samples_);
  loaded.last_ = take(state, "last", samples_);
  loaded.visits_ = find(state, "visits", samples_, DType::int64).to_vector<std::int64_t>();
  const auto bad = std::ranges::find_if(loaded.visits_, [](std::int64_t visits) { return visits < 0; });
  if (bad != loaded.visits_.end()) {
    fail<ValueError>("MarginTracker: visits of sample {} are {} (valid: 0 or more)", bad - loaded.visits_.begin(),
                     *bad);
  }
  *this = std::move(loaded);
}

}  // namespace perdita::train
