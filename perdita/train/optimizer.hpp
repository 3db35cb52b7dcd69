// Optimizers by name and options, as on a command line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/optim/optimizer.hpp"

namespace perdita::train {

/// The canonical text of "sgd:momentum=0.9,nesterov=yes", "adam", "adamw:weight_decay=0.1", ...: options are those of
/// optim::SGDOptions and optim::AdamOptions, but for lr. Throws ValueError that lists what is valid.
std::string check_optimizer(std::string_view text);

/// The same with one option set or replaced.
std::string with_option(std::string_view text, std::string_view option, std::string_view value);

/// The learning rate that is used when none is given: 0.1 (1 - momentum) for sgd, 0.001 for adam and adamw.
double default_lr(std::string_view text);

/// The momentum of sgd; nothing for those that divide a step by the gradient's size.
std::optional<double> sgd_momentum(std::string_view text);

std::unique_ptr<optim::Optimizer> make_optimizer(std::string_view text, double lr, std::vector<Tensor> parameters);

}  // namespace perdita::train
