#include "perdita/train/schedule.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/train/parse.hpp"

namespace perdita::train {

namespace {

constexpr std::array<std::string_view, 3> names{"constant", "step", "cosine"};
constexpr Interval inside{.low = 0, .high = 1, .includes_low = false, .includes_high = false};

void set_word(Schedule& schedule, std::string_view word) {
  if (schedule.decay == Decay::step && word.starts_with("factor=")) {
    schedule.factor = parse_number(word.substr(7), positive);
  } else if (schedule.decay == Decay::step) {
    schedule.milestones.push_back(parse_number(word, inside));
  } else if (schedule.decay == Decay::cosine && word.starts_with("minimum=")) {
    schedule.minimum = parse_number(word.substr(8), probabilities);
  } else {
    fail<ValueError>("got '{}' (valid: constant, step:FRACTION,...[,factor=F], cosine[:minimum=M])", word);
  }
}

}  // namespace

Schedule parse_schedule(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    fail<ValueError>("unknown schedule '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
  }
  Schedule schedule{.decay = static_cast<Decay>(found - names.begin())};
  for (std::size_t at = name.size(); at < text.size();) {
    const std::size_t end = std::min(text.find(',', at + 1), text.size());
    set_word(schedule, text.substr(at + 1, end - at - 1));
    at = end;
  }
  if (schedule.decay == Decay::step && schedule.milestones.empty()) {
    fail<ValueError>(
        "got '{}' (valid: step: with the fractions of the run at which the rate decreases, for example step:0.8,0.9)",
        text);
  }
  std::ranges::sort(schedule.milestones);
  return schedule;
}

std::string to_string(const Schedule& schedule) {
  std::string text(names[static_cast<std::size_t>(schedule.decay)]);
  if (schedule.decay == Decay::step) {
    text += fmt::format(":{}", fmt::join(schedule.milestones, ","));
    if (schedule.factor != Schedule{}.factor) text += fmt::format(",factor={}", schedule.factor);
  }
  if (schedule.decay == Decay::cosine && schedule.minimum != 0) text += fmt::format(":minimum={}", schedule.minimum);
  return text;
}

double lr_factor(const Schedule& schedule, std::int64_t step, std::int64_t steps, std::int64_t warmup) {
  const double rise = step < warmup ? static_cast<double>(step + 1) / static_cast<double>(warmup) : 1.0;
  switch (schedule.decay) {
    case Decay::constant:
      return rise;
    case Decay::step: {
      const double done = static_cast<double>(step) / static_cast<double>(steps);
      const auto passed = std::ranges::count_if(schedule.milestones, [&](double share) { return done >= share; });
      return rise * std::pow(schedule.factor, static_cast<double>(passed));
    }
    case Decay::cosine: {
      if (step < warmup) return rise;
      const double done =
          static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(steps - warmup, 1));
      return schedule.minimum + (1 - schedule.minimum) * (1 + std::cos(std::numbers::pi * done)) / 2;
    }
  }
  return 1;
}

}  // namespace perdita::train
