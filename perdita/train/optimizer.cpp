#include "perdita/train/optimizer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/losses/any.hpp"
#include "perdita/train/parse.hpp"

namespace perdita::train {

namespace {

/// What options belong to: the rule, its name in text, and the learning rate where none is given.
template <class Options>
struct RuleOf;
template <>
struct RuleOf<optim::SGDOptions> {
  using Rule = optim::SGD;
  static constexpr std::string_view name = "sgd";
  static constexpr double lr = 0.1;
};
template <>
struct RuleOf<optim::AdamOptions> {
  using Rule = optim::Adam;
  static constexpr std::string_view name = "adam";
  static constexpr double lr = 1e-3;
};
template <>
struct RuleOf<optim::AdamWOptions> {
  using Rule = optim::AdamW;
  static constexpr std::string_view name = "adamw";
  static constexpr double lr = 1e-3;
};

/// Calls f<Options>() for each optimizer, in the order of listings.
template <class F>
void for_each_optimizer(const F& f) {
  f.template operator()<optim::SGDOptions>();
  f.template operator()<optim::AdamOptions>();
  f.template operator()<optim::AdamWOptions>();
}

std::string_view name_of(const OptimizerSpec& spec) {
  return std::visit([]<class Options>(const Options&) { return RuleOf<Options>::name; }, spec.options);
}

OptimizerSpec spec_of(std::string_view name) {
  std::optional<OptimizerSpec> found;
  std::vector<std::string_view> names;
  for_each_optimizer([&]<class Options>() {
    names.push_back(RuleOf<Options>::name);
    if (name == names.back()) found = OptimizerSpec{Options{}, {}};
  });
  if (found) return *found;
  fail<ValueError>("unknown optimizer '{}' (valid: {}){}", name, fmt::join(names, ", "), suggestion(name, names));
}

template <class Options>
std::string shown(const Parameter<Options>& parameter, const Options& options) {
  const double value = parameter.get(options);
  return parameter.is_bool ? (value != 0 ? "yes" : "no") : fmt::format("{}", value);
}

template <class Options>
void set_parameter_of(Options& options, std::string_view optimizer, std::string_view name, std::string_view value) {
  static constexpr auto table = Options::parameters();
  const auto found = std::ranges::find(table, name, &Parameter<Options>::name);
  if (found == table.end()) {
    std::vector<std::string_view> names;
    for (const auto& parameter : table) names.push_back(parameter.name);
    fail<ValueError>("optimizer {} has no option '{}' (valid: {}; the learning rate is --lr){}", optimizer, name,
                     fmt::join(names, ", "), suggestion(name, names));
  }
  try {
    found->set(options, found->is_bool ? parse_bool(value) : parse_number(value, found->valid));
  } catch (const ValueError& error) {
    fail<ValueError>("optimizer {}: {}: {}", optimizer, name, error.what());
  }
}

bool is_given(const OptimizerSpec& spec, std::string_view name) {
  return std::ranges::find(spec.given, name) != spec.given.end();
}

}  // namespace

void set_parameter(OptimizerSpec& spec, std::string_view name, std::string_view value) {
  std::visit(
      [&]<class Options>(Options& options) {
        set_parameter_of(options, RuleOf<Options>::name, name, value);
        for (const auto& parameter : Options::parameters()) {  // whose name outlives the text
          if (parameter.name == name && !is_given(spec, name)) spec.given.push_back(parameter.name);
        }
      },
      spec.options);
}

OptimizerSpec parse_optimizer(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  OptimizerSpec spec = spec_of(text.substr(0, colon));
  std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) {
      fail<ValueError>("optimizer {}: option '{}' has no value (valid: NAME=VALUE,...)", name_of(spec), option);
    }
    const std::string_view name = option.substr(0, equals);
    const bool is_repeated = is_given(spec, name);
    set_parameter(spec, name, option.substr(equals + 1));
    if (is_repeated) fail<ValueError>("optimizer {}: option '{}' is given twice (valid: once)", name_of(spec), name);
  }
  check(spec);
  return spec;
}

std::string to_string(const OptimizerSpec& spec) {
  return std::visit(
      [&]<class Options>(const Options& options) {
        std::string text(RuleOf<Options>::name);
        bool is_first = true;
        for (const auto& parameter : Options::parameters()) {
          if (!is_given(spec, parameter.name)) continue;
          text += fmt::format("{}{}={}", is_first ? ":" : ",", parameter.name, shown(parameter, options));
          is_first = false;
        }
        return text;
      },
      spec.options);
}

void check(const OptimizerSpec& spec) {
  Tensor probe = Tensor::zeros({1});
  probe.set_requires_grad();
  make_optimizer(spec, 1, {probe});
}

std::vector<std::string> describe_optimizers() {
  std::vector<std::string> lines;
  for_each_optimizer([&]<class Options>() {
    lines.push_back(fmt::format("{}:", RuleOf<Options>::name));
    for (const auto& parameter : Options::parameters()) {
      lines.push_back(fmt::format("  {}: {} (default {}, valid: {})", parameter.name, parameter.meaning,
                                  shown(parameter, Options{}),
                                  parameter.is_bool ? "yes, no" : to_string(parameter.valid)));
    }
  });
  return lines;
}

double default_lr(const OptimizerSpec& spec) {
  const double lr = std::visit([]<class Options>(const Options&) { return RuleOf<Options>::lr; }, spec.options);
  // Momentum m adds up gradients to 1 / (1 - m) times their size.
  const double momentum = sgd_momentum(spec).value_or(0);
  if (momentum == 0 || momentum >= 1) return lr;
  return std::stod(fmt::format("{:.3g}", lr * (1 - momentum)));  // 0.01 rather than 0.00999...98
}

std::optional<double> sgd_momentum(const OptimizerSpec& spec) {
  const auto* const sgd = std::get_if<optim::SGDOptions>(&spec.options);
  return sgd == nullptr ? std::nullopt : std::optional(sgd->momentum);
}

std::unique_ptr<optim::Optimizer> make_optimizer(const OptimizerSpec& spec, double lr, std::vector<Tensor> parameters) {
  return std::visit(
      [&]<class Options>(Options options) -> std::unique_ptr<optim::Optimizer> {
        options.lr = lr;
        return std::make_unique<typename RuleOf<Options>::Rule>(std::move(parameters), options);
      },
      spec.options);
}

}  // namespace perdita::train
