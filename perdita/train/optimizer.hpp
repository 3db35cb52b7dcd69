// Optimizers by name and options, as on a command line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "perdita/optim/adam.hpp"
#include "perdita/optim/sgd.hpp"

namespace perdita::train {

/// An optimizer with its options, as text such as "sgd:momentum=0.9,nesterov=yes" states them. The default is adam.
struct OptimizerSpec {
  /// The alternative says which optimizer; its lr is not used, because the run has one.
  std::variant<optim::AdamOptions, optim::SGDOptions, optim::AdamWOptions> options = {};
  std::vector<std::string_view> given = {};  ///< the parameters that the text states, be it with their default values
};

/// Reads "sgd:momentum=0.9,nesterov=yes", "adam", "adamw:weight_decay=0.1", ...: the parameters are those of
/// optim::SGDOptions::parameters() and the like. Throws ValueError that lists what is valid, also for options that do
/// not go together.
OptimizerSpec parse_optimizer(std::string_view text);

/// What parse_optimizer() takes, the parameters in the order of the table.
std::string to_string(const OptimizerSpec& spec);

/// Throws ValueError for options that do not go together.
void check(const OptimizerSpec& spec);

/// Sets or replaces one parameter, without check(). Throws ValueError.
void set_parameter(OptimizerSpec& spec, std::string_view name, std::string_view value);

/// Every optimizer and its parameters with meaning, default and valid range, a line each.
std::vector<std::string> describe_optimizers();

/// The learning rate that is used when none is given: 0.1 (1 - momentum) for sgd, 0.001 for adam and adamw.
double default_lr(const OptimizerSpec& spec);

/// The momentum of sgd; nothing for those that divide a step by the gradient's size.
std::optional<double> sgd_momentum(const OptimizerSpec& spec);

std::unique_ptr<optim::Optimizer> make_optimizer(const OptimizerSpec& spec, double lr, std::vector<Tensor> parameters);

}  // namespace perdita::train
