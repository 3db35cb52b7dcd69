#include "perdita/diagnose/log_columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>

#include "perdita/core/error.hpp"
#include "perdita/core/suggest.hpp"

namespace perdita::diagnose {

namespace {

constexpr std::array<std::string_view, 7> meanings{"train_loss", "val_loss", "val_accuracy", "lr",
                                                   "grad_norm",  "step",     "epoch"};

/// "train/Box-loss" -> train, box, loss.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  bool was_lower = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0) {
      if (!words.back().empty()) words.emplace_back();
      was_lower = false;
      continue;
    }
    if (was_lower && std::isupper(byte) != 0) words.emplace_back();  // valLoss
    words.back() += static_cast<char>(std::tolower(byte));
    was_lower = std::islower(byte) != 0;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

template <std::size_t count>
bool is_in(const std::string& word, const std::array<std::string_view, count>& list) {
  return std::ranges::find(list, word) != list.end();
}

constexpr std::array<std::string_view, 4> train_words{"train", "training", "trn", "tr"};
constexpr std::array<std::string_view, 11> val_words{"val",     "valid", "validation", "eval",    "evaluation", "dev",
                                                     "holdout", "test",  "testing",    "heldout", "vl"};
/// Words that do not change the meaning of a column.
constexpr std::array<std::string_view, 10> neutral_words{"epoch", "step",    "avg",     "mean",    "average",
                                                         "total", "overall", "running", "metrics", "batch"};
/// Metrics that are losses, for logs without a column named so.
constexpr std::array<std::string_view, 20> loss_metrics{
    "logloss", "mlogloss", "rmse",  "mse",   "mae",  "l1",        "l2",   "nll", "crossentropy", "ce",
    "bce",     "binary",   "multi", "huber", "mape", "objective", "cost", "err", "deviance",     "error"};

enum class Side { unknown, train, val };

/// Meaning of the words of a column name.
struct Name {
  std::size_t column = 0;
  std::string text;
  Side side = Side::unknown;
  bool is_loss = false, is_metric = false, is_of_step = false, is_of_epoch = false;
  std::vector<std::string> parts = {};  // words that say which part of the loss it is
  std::vector<std::string> words = {};

  bool has(std::string_view word) const { return std::ranges::find(words, word) != words.end(); }
};

Name read_name(std::size_t column, const std::string& text) {
  Name name{.column = column, .text = text};
  name.words = words_of(text);
  for (const std::string& word : name.words) {
    if (is_in(word, train_words)) {
      name.side = Side::train;
    } else if (is_in(word, val_words)) {
      name.side = Side::val;
    } else if (word == "loss" || word == "losses") {
      name.is_loss = true;
    } else if (is_in(word, neutral_words)) {
      name.is_of_step |= word == "step" || word == "batch";
      name.is_of_epoch |= word == "epoch";
    } else if (std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c) != 0; })) {
      continue;
    } else {
      name.is_metric |= is_in(word, loss_metrics);
      name.parts.push_back(word);
    }
  }
  return name;
}

class Finder {
 public:
  Finder(const std::vector<std::string>& columns, const ColumnChoices& choices) : columns_(columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) names_.push_back(read_name(i, columns[i]));
    for (const auto& [meaning, column] : choices) choose(meaning, column);
  }

  LogColumns find() {
    if (!found_.step) found_.step = exact({"step", "global_step", "_step", "steps", "iteration", "iterations", "iter"});
    if (!found_.epoch) found_.epoch = exact({"epoch", "epochs", "train/epoch", "trainer/epoch"});
    if (!found_.lr)
      found_.lr = first([](const Name& n) { return n.has("lr") || (n.has("learning") && n.has("rate")); });
    if (!found_.grad_norm) {
      found_.grad_norm = first([](const Name& n) {
        return n.has("gradnorm") || ((n.has("grad") || n.has("gradient") || n.has("gradients")) && n.has("norm"));
      });
    }
    find_losses();
    find_accuracy();
    describe();
    return std::move(found_);
  }

 private:
  void choose(const std::string& meaning, const std::string& column) {
    const auto at = std::ranges::find(columns_, column);
    if (at == columns_.end()) {
      const std::vector<std::string_view> valid(columns_.begin(), columns_.end());
      fail<ValueError>("the log has no column '{}' (valid: {}){}", column, fmt::join(valid, ", "),
                       suggestion(column, valid));
    }
    const auto index = static_cast<std::size_t>(at - columns_.begin());
    if (meaning == "train_loss") found_.train_loss = {index};
    if (meaning == "val_loss") found_.val_loss = {index};
    if (meaning == "val_accuracy") found_.val_accuracy = index;
    if (meaning == "lr") found_.lr = index;
    if (meaning == "grad_norm") found_.grad_norm = index;
    if (meaning == "step") found_.step = index;
    if (meaning == "epoch") found_.epoch = index;
  }

  std::optional<std::size_t> exact(std::initializer_list<std::string_view> names) const {
    for (const std::string_view wanted : names) {
      const auto at = std::ranges::find_if(columns_, [&](const std::string& name) {
        return std::ranges::equal(name, wanted, {}, [](unsigned char c) { return std::tolower(c); });
      });
      if (at != columns_.end()) return static_cast<std::size_t>(at - columns_.begin());
    }
    return std::nullopt;
  }
  template <class Is>
  std::optional<std::size_t> first(const Is& is) const {
    const auto at = std::ranges::find_if(names_, is);
    return at == names_.end() ? std::nullopt : std::optional(at->column);
  }

  /// The columns of a loss on these samples: the total, or its parts.
  std::vector<std::size_t> loss_of(Side side, bool of_steps, bool Name::*kind) const {
    std::vector<const Name*> total, parts;
    for (const Name& name : names_) {
      if (!(name.*kind) || name.side != side || name.is_of_step != of_steps) continue;
      if (is_taken(name.column)) continue;
      (name.parts.empty() ? total : parts).push_back(&name);
    }
    const auto of_epoch = std::ranges::find_if(total, &Name::is_of_epoch);
    if (of_epoch != total.end()) return {(*of_epoch)->column};
    if (!total.empty()) return {total.front()->column};
    // Metrics are alternatives, parts of a loss are terms.
    if (kind == &Name::is_metric && !parts.empty()) return {parts.front()->column};
    std::vector<std::size_t> columns;
    for (const Name* name : parts) columns.push_back(name->column);
    return columns;
  }

  /// Whether a column has a meaning already.
  bool is_taken(std::size_t column) const {
    const auto is_among = [column](const std::vector<std::size_t>& columns) {
      return std::ranges::find(columns, column) != columns.end();
    };
    return found_.lr == column || found_.grad_norm == column || is_among(found_.train_loss) ||
           is_among(found_.train_loss_of_steps) || is_among(found_.val_loss);
  }

  void find_losses() {
    for (bool Name::*const kind : {&Name::is_loss, &Name::is_metric}) {
      bool has_found = false;
      const auto look = [&](std::vector<std::size_t>& columns, Side side, bool of_steps) {
        if (columns.empty()) columns = loss_of(side, of_steps, kind), has_found |= !columns.empty();
      };
      for (const Side side : {Side::train, Side::unknown}) {
        look(found_.train_loss, side, false);
        look(found_.train_loss_of_steps, side, true);
      }
      look(found_.val_loss, Side::val, false);
      if (has_found) return;
    }
  }

  void find_accuracy() {
    const auto is_accuracy = [](const Name& n) { return n.has("acc") || n.has("accuracy"); };
    if (!found_.val_accuracy) {
      found_.val_accuracy = first([&](const Name& n) { return n.side == Side::val && is_accuracy(n); });
    }
  }

  void describe() {
    std::set<std::size_t> used;
    const auto add = [&](const std::vector<std::size_t>& columns, std::string_view meaning) {
      if (columns.empty()) return;
      std::vector<std::string_view> names;
      for (const std::size_t column : columns) names.push_back(columns_[column]), used.insert(column);
      found_.mapping.emplace_back(fmt::format("{}", fmt::join(names, " + ")), meaning);
    };
    const auto add_one = [&](std::optional<std::size_t> column, std::string_view meaning) {
      if (column) add({*column}, meaning);
    };
    add(found_.train_loss, "training loss");
    add(found_.train_loss_of_steps, "training loss of steps");
    add(found_.val_loss, "validation loss");
    add_one(found_.val_accuracy, "validation accuracy");
    add_one(found_.lr, "learning rate");
    add_one(found_.grad_norm, "gradient norm");
    add_one(found_.step, "step");
    add_one(found_.epoch, "epoch");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!used.contains(i)) found_.ignored.push_back(columns_[i]);
    }
  }

  const std::vector<std::string>& columns_;
  std::vector<Name> names_;
  LogColumns found_;
};

}  // namespace

ColumnChoices parse_column_choices(std::string_view text) {
  ColumnChoices choices;
  while (!text.empty()) {
    const std::string_view choice = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), choice.size() + 1));
    const std::size_t equals = choice.find('=');
    const std::string_view meaning = choice.substr(0, equals);
    if (equals == choice.npos || std::ranges::find(meanings, meaning) == meanings.end()) {
      fail<ValueError>("got '{}' (valid: MEANING=COLUMN, with the meanings {})", choice, fmt::join(meanings, ", "));
    }
    choices.emplace_back(meaning, choice.substr(equals + 1));
  }
  return choices;
}

LogColumns find_columns(const std::vector<std::string>& names, const ColumnChoices& choices) {
  return Finder(names, choices).find();
}

}  // namespace perdita::diagnose
