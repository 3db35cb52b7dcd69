// The state of a recorder: saved, restored, and merged over processes.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"
#include "perdita/report/recorder.hpp"

namespace perdita::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int state_version = 1;

/// The samples of a state: the parts of the tracker, and what the recorder adds to them.
struct Samples {
  MarginTracker::State of_tracker = {};
  std::vector<std::int32_t> labels = {};
  std::vector<bool> seen = {};
};

Samples separate(const MarginTracker::State& state) {
  Samples samples;
  for (const auto& [name, tensor] : state) {
    if (name == "labels") {
      samples.labels = tensor.to_vector<std::int32_t>();
    } else if (name == "seen") {
      const std::vector<std::uint8_t> seen = tensor.to_vector<std::uint8_t>();
      samples.seen.assign(seen.begin(), seen.end());
    } else {
      samples.of_tracker.emplace_back(name, tensor);
    }
  }
  return samples;
}

}  // namespace

Recorder::State Recorder::state(bool with_samples) {
  flush_step();
  lines_.end_epoch();
  write_lines();
  Json counts{{"recorder", state_version},
              {"epoch", epoch_},
              {"step", step_},
              {"manual", is_manual_},
              {"ended_automatically", ended_automatically_},
              {"open", open_.to_json()},
              {"class_counts", class_counts_},
              {"epoch_values", Json::object()}};
  for (const auto& [name, value] : epoch_values_) counts["epoch_values"][name] = fmt::format("{:a}", value);
  if (!std::isnan(last_lr_)) counts["lr"] = last_lr_;
  if (folder_) counts["history_bytes"] = std::filesystem::file_size(folder_->history());
  State state{.counts = counts.dump(-1, ' ', false, Json::error_handler_t::replace), .samples = {}};
  if (!with_samples) return state;
  state.samples = tracker_.state_dict();
  if (!labels_.empty()) state.samples.emplace_back("labels", Tensor::from(labels_));
  if (!seen_.empty()) {
    state.samples.emplace_back("seen", Tensor::from(std::vector<std::uint8_t>(seen_.begin(), seen_.end())));
  }
  return state;
}

void Recorder::load_state(const State& state) {
  if (step_ > 0) fail<ValueError>("Recorder: load_state() comes before the first step");
  const Json counts = data::parse_json<Json>(state.counts, "Recorder: the state");
  try {
    if (counts.at("recorder").get<int>() != state_version) {
      fail<DataError>("Recorder: the state has version {} (valid: {})", counts.at("recorder").dump(), state_version);
    }
    MarginTracker tracker = tracker_;
    Samples samples = separate(state.samples);
    tracker.load_state_dict(samples.of_tracker);
    const EpochTotals open = EpochTotals::from_json(counts.at("open").get<std::string>());
    const auto epoch = counts.at("epoch").get<std::int64_t>(), step = counts.at("step").get<std::int64_t>();
    if (folder_) reopen_history(counts.at("history_bytes").get<std::uint64_t>());
    epoch_ = epoch, step_ = step, open_ = open;
    tracker_ = std::move(tracker);
    labels_ = std::move(samples.labels), seen_ = std::move(samples.seen);
    is_manual_ = counts.at("manual").get<bool>();
    ended_automatically_ = counts.at("ended_automatically").get<bool>();
    class_counts_ = counts.at("class_counts").get<std::vector<std::int64_t>>();
    last_lr_ = counts.value("lr", last_lr_);
    for (const auto& [name, value] : counts.at("epoch_values").items()) {
      epoch_values_.emplace_back(name, std::strtod(value.get<std::string>().c_str(), nullptr));
    }
  } catch (const nlohmann::json::exception& error) {
    fail<DataError>("Recorder: the state cannot be read: {} (valid: the result of state())", error.what());
  }
  awaits_state_ = false;
}

void Recorder::reopen_history(std::uint64_t bytes) {
  log_.reset();
  log_.emplace(evaluate::History::resume_at(folder_->history(), bytes), *folder_, options_.tensorboard);
}

void Recorder::merge_epoch(std::string_view counts) {
  const Json object = data::parse_json<Json>(counts, "Recorder: the state");
  if (!object.is_object() || !object.contains("open") || !object["open"].is_string()) {
    fail<DataError>("Recorder: the state of another process cannot be read (valid: the counts of state())");
  }
  open_.merge(EpochTotals::from_json(object["open"].get<std::string>()));
}

void Recorder::merge_samples(const MarginTracker::State& samples) {
  const auto [of_tracker, labels, seen] = separate(samples);
  MarginTracker other = tracker_;
  other.load_state_dict(of_tracker);
  if (labels.size() > labels_.size()) labels_.resize(labels.size(), -1);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0) labels_[i] = labels[i];
  }
  tracker_.merge(other);
}

void Recorder::count_classes() {
  std::vector<std::int64_t> counts;
  for (const EpochTotals::Class& each : open_.classes) counts.push_back(each.samples);
  // An epoch that was not completed may have seen the samples of one class only.
  const auto total = [](const auto& all) { return std::accumulate(all.begin(), all.end(), std::int64_t{0}); };
  if (total(counts) >= total(class_counts_)) class_counts_ = std::move(counts);
}

}  // namespace perdita::report
