#include "perdita/losses/part_weight.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/core/trim.hpp"

namespace perdita {

namespace {

constexpr std::array<std::string_view, 3> ramp_names{"linear", "cosine", "step"};

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::string_view name_of(Ramp ramp) { return ramp_names[static_cast<std::size_t>(ramp)]; }

double WeightSchedule::at(std::int64_t epoch) const {
  const double done = std::min(1.0, static_cast<double>(epoch) / epochs);
  switch (ramp) {
    case Ramp::linear:
      break;
    case Ramp::cosine:
      return done < 1 ? from + (to - from) * (1 - std::cos(std::numbers::pi * done)) / 2 : to;
    case Ramp::step:
      return done < 1 ? from : to;
  }
  return done < 1 ? from + (to - from) * done : to;
}

double PartWeight::at(std::int64_t epoch) const { return schedule ? factor * schedule->at(epoch) : factor; }

void check(const PartWeight& weight) {
  if (!std::isfinite(weight.factor)) fail<ValueError>("the weight {} is not finite (valid: numbers)", weight.factor);
  if (weight.schedule) {
    const WeightSchedule& schedule = *weight.schedule;
    if (!std::isfinite(schedule.from) || !std::isfinite(schedule.to)) {
      fail<ValueError>("the schedule {} goes from {} to {} (valid: numbers)", name_of(schedule.ramp), schedule.from,
                       schedule.to);
    }
    if (!(schedule.epochs > 0) || !std::isfinite(schedule.epochs)) {
      fail<ValueError>("the schedule {} has epochs={} (valid: above 0)", name_of(schedule.ramp), schedule.epochs);
    }
  }
  if (!weight.is_learned) return;
  if (!(weight.factor > 0) || (weight.schedule && !(std::min(weight.schedule->from, weight.schedule->to) > 0))) {
    fail<ValueError>("the other factors of the learned weight {} are not above 0 (valid: above 0)", to_string(weight));
  }
}

std::string to_string(const PartWeight& weight) {
  std::string text = weight.factor == 1 ? "" : fmt::format("{}*", weight.factor);
  if (weight.schedule) {
    text += fmt::format("{}({},{},epochs={})*", name_of(weight.schedule->ramp), weight.schedule->from,
                        weight.schedule->to, weight.schedule->epochs);
  }
  return weight.is_learned ? text + "learned*" : text;
}

WeightSchedule parse_weight_schedule(std::string_view name, std::string_view arguments) {
  const auto found = std::ranges::find(ramp_names, name);
  if (found == ramp_names.end()) {
    fail<ValueError>("unknown schedule '{}' of a weight (valid: {}){}", name, fmt::join(ramp_names, ", "),
                     suggestion(name, std::vector<std::string_view>(ramp_names.begin(), ramp_names.end())));
  }
  WeightSchedule schedule{.ramp = static_cast<Ramp>(found - ramp_names.begin()), .epochs = 0};
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at <= arguments.size();) {
    const std::size_t end = std::min(arguments.find(',', at), arguments.size());
    words.push_back(trimmed(arguments.substr(at, end - at)));
    at = end + 1;
  }
  const std::string_view last = words.size() == 3 ? words[2] : "";
  const std::size_t equals = std::min(last.find('='), last.size());
  const bool is_whole = equals < last.size() && trimmed(last.substr(0, equals)) == "epochs";
  const auto from = is_whole ? number_in(words[0]) : std::nullopt, to = is_whole ? number_in(words[1]) : std::nullopt;
  const auto epochs = is_whole ? number_in(trimmed(last.substr(equals + 1))) : std::nullopt;
  if (!from || !to || !epochs) {
    fail<ValueError>("got '{}({})' (valid: {}(FROM,TO,epochs=N), for example {}(0,1,epochs=10))", name, arguments, name,
                     name);
  }
  schedule.from = *from, schedule.to = *to, schedule.epochs = *epochs;
  check(PartWeight{.schedule = schedule});
  return schedule;
}

}  // namespace perdita
