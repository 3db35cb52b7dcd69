// Which columns of a log are losses, learning rates, steps and epochs: rules that need no configuration.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace perdita::diagnose {

/// Columns by their meaning, as indices; several of one meaning are added (parts of a loss).
struct LogColumns {
  std::vector<std::size_t> train_loss = {}, train_loss_of_steps = {}, val_loss = {};
  std::optional<std::size_t> val_accuracy = {}, lr = {}, grad_norm = {}, step = {}, epoch = {};
  /// What was found, in words: ("train/box_loss + train/cls_loss", "training loss").
  std::vector<std::pair<std::string, std::string>> mapping = {};
  std::vector<std::string> ignored = {};
};

/// Explicit choices, which come before the rules: ("train_loss", "Objective"). Meanings: train_loss, val_loss,
/// val_accuracy, lr, grad_norm, step, epoch.
using ColumnChoices = std::vector<std::pair<std::string, std::string>>;

/// Parses "train_loss=Objective,val_loss=Held out". Throws ValueError that lists the meanings.
ColumnChoices parse_column_choices(std::string_view text);

/// The columns that are recognized by the words of their names, in any case and with any separators: "train", "val",
/// "eval" and similar words name the samples, and a loss without such a word is the training loss; "loss" or a metric
/// that is a loss marks a loss; "lr", "learning rate", "grad norm", "step" and "epoch" have their own meaning. Without
/// a total loss, its parts are added. Throws ValueError for a choice of a column that does not exist.
LogColumns find_columns(const std::vector<std::string>& names, const ColumnChoices& choices = {});

}  // namespace perdita::diagnose
