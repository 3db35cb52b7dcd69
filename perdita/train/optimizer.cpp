#include "perdita/train/optimizer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/optim/adam.hpp"
#include "perdita/optim/sgd.hpp"
#include "perdita/train/parse.hpp"

namespace perdita::train {

namespace {

using Settings = std::map<std::string, double, std::less<>>;
using optim::Optimizer;

struct Setting {
  std::string_view name;
  Interval valid;
  bool is_bool = false;
};
constexpr Interval decay_rate{.low = 0, .high = 1, .includes_high = false};
constexpr Setting sgd_settings[] = {
    {"momentum", non_negative}, {"dampening", reals}, {"weight_decay", non_negative}, {"nesterov", {}, true}};
constexpr Setting adam_settings[] = {{"beta1", decay_rate},
                                     {"beta2", decay_rate},
                                     {"eps", non_negative},
                                     {"weight_decay", non_negative},
                                     {"amsgrad", {}, true}};

/// What is given, or what the options' default is.
template <class T>
void assign(T& field, const Settings& given, std::string_view name) {
  if (const auto found = given.find(name); found != given.end()) field = static_cast<T>(found->second);
}

std::unique_ptr<Optimizer> make_sgd(std::vector<Tensor> parameters, double lr, const Settings& given) {
  optim::SGDOptions options{.lr = lr};
  assign(options.momentum, given, "momentum");
  assign(options.dampening, given, "dampening");
  assign(options.weight_decay, given, "weight_decay");
  assign(options.nesterov, given, "nesterov");
  return std::make_unique<optim::SGD>(std::move(parameters), options);
}

template <class Rule, class Options>
std::unique_ptr<Optimizer> make_adam(std::vector<Tensor> parameters, double lr, const Settings& given) {
  Options options{.lr = lr};
  assign(options.beta1, given, "beta1");
  assign(options.beta2, given, "beta2");
  assign(options.eps, given, "eps");
  assign(options.weight_decay, given, "weight_decay");
  assign(options.amsgrad, given, "amsgrad");
  return std::make_unique<Rule>(std::move(parameters), options);
}

struct Entry {
  std::string_view name;
  double lr;
  std::span<const Setting> settings;
  std::unique_ptr<Optimizer> (*make)(std::vector<Tensor>, double, const Settings&);
};
constexpr Entry entries[] = {{"sgd", 0.1, sgd_settings, make_sgd},
                             {"adam", 1e-3, adam_settings, make_adam<optim::Adam, optim::AdamOptions>},
                             {"adamw", 1e-3, adam_settings, make_adam<optim::AdamW, optim::AdamWOptions>}};

std::vector<std::string_view> names_of(auto range) {
  std::vector<std::string_view> names;
  for (const auto& item : range) names.push_back(item.name);
  return names;
}

const Entry& entry_of(std::string_view name) {
  const auto found = std::ranges::find(entries, name, &Entry::name);
  if (found != std::end(entries)) return *found;
  const auto names = names_of(std::span(entries));
  fail<ValueError>("unknown optimizer '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
}

double parse_setting(const Entry& entry, std::string_view name, std::string_view value) {
  const auto found = std::ranges::find(entry.settings, name, &Setting::name);
  if (found == entry.settings.end()) {
    const auto names = names_of(entry.settings);
    fail<ValueError>("optimizer {} has no option '{}' (valid: {}; the learning rate is --lr){}", entry.name, name,
                     fmt::join(names, ", "), suggestion(name, names));
  }
  try {
    return found->is_bool ? parse_bool(value) : parse_number(value, found->valid);
  } catch (const ValueError& error) {
    fail<ValueError>("optimizer {}: {}: {}", entry.name, name, error.what());
  }
}

struct Parsed {
  const Entry& entry;
  Settings given;
};

Parsed parse(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  Parsed parsed{entry_of(text.substr(0, colon)), {}};
  std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) {
      fail<ValueError>("optimizer {}: option '{}' has no value (valid: NAME=VALUE,...)", parsed.entry.name, option);
    }
    const std::string_view name = option.substr(0, equals);
    if (!parsed.given.emplace(name, parse_setting(parsed.entry, name, option.substr(equals + 1))).second) {
      fail<ValueError>("optimizer {}: option '{}' is given twice (valid: once)", parsed.entry.name, name);
    }
  }
  return parsed;
}

std::string to_text(const Parsed& parsed) {
  std::string text(parsed.entry.name);
  for (const Setting& setting : parsed.entry.settings) {
    const auto found = parsed.given.find(setting.name);
    if (found == parsed.given.end()) continue;
    const std::string value = setting.is_bool ? (found->second != 0 ? "yes" : "no") : fmt::format("{}", found->second);
    text += fmt::format("{}{}={}", text.size() == parsed.entry.name.size() ? ":" : ",", setting.name, value);
  }
  return text;
}

}  // namespace

std::string check_optimizer(std::string_view text) {
  const Parsed parsed = parse(text);
  Tensor probe = Tensor::zeros({1});
  probe.set_requires_grad();
  parsed.entry.make({probe}, parsed.entry.lr, parsed.given);  // options that do not go together
  return to_text(parsed);
}

std::string with_option(std::string_view text, std::string_view option, std::string_view value) {
  Parsed parsed = parse(text);
  parsed.given.insert_or_assign(std::string(option), parse_setting(parsed.entry, option, value));
  return to_text(parsed);
}

double default_lr(std::string_view text) {
  const Parsed parsed = parse(text);
  // Momentum m adds up gradients to 1 / (1 - m) times their size.
  const auto momentum = parsed.given.find("momentum");
  if (momentum == parsed.given.end() || momentum->second >= 1) return parsed.entry.lr;
  return std::stod(fmt::format("{:.3g}", parsed.entry.lr * (1 - momentum->second)));  // 0.01 rather than 0.00999...98
}

std::optional<double> sgd_momentum(std::string_view text) {
  const Parsed parsed = parse(text);
  if (parsed.entry.name != "sgd") return std::nullopt;
  const auto momentum = parsed.given.find("momentum");
  return momentum == parsed.given.end() ? 0.0 : momentum->second;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view text, double lr, std::vector<Tensor> parameters) {
  const Parsed parsed = parse(text);
  return parsed.entry.make(std::move(parameters), lr, parsed.given);
}

}  // namespace perdita::train
