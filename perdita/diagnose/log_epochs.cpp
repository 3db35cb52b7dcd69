#include "perdita/diagnose/log_epochs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "perdita/core/error.hpp"

namespace perdita::diagnose {

namespace {

constexpr double unknown = LogValue::unknown;

/// The values of one row by their meaning; NaN with has_* false: the row does not have it.
struct Row {
  double step = unknown, epoch = unknown, lr = unknown, grad_norm = unknown, val_accuracy = unknown;
  double train = 0, train_of_step = 0, val = 0;
  bool has_train = false, has_train_of_step = false, has_val = false;
};

std::vector<Row> rows_of(const LogTable& table, const LogColumns& columns) {
  std::map<std::int64_t, Row> rows;
  for (const LogValue& value : table.values) {
    Row& row = rows[value.row];
    const auto is = [&](std::optional<std::size_t> column) { return column == value.column; };
    const auto is_one_of = [&](const std::vector<std::size_t>& of) {
      return std::ranges::find(of, value.column) != of.end();
    };
    if (!std::isnan(value.step) && std::isnan(row.step)) row.step = value.step;
    if (is(columns.step)) row.step = value.value;
    if (is(columns.epoch)) row.epoch = value.value;
    if (is(columns.lr)) row.lr = value.value;
    if (is(columns.grad_norm)) row.grad_norm = value.value;
    if (is(columns.val_accuracy)) row.val_accuracy = value.value;
    if (is_one_of(columns.train_loss)) row.train += value.value, row.has_train = true;
    if (is_one_of(columns.train_loss_of_steps)) row.train_of_step += value.value, row.has_train_of_step = true;
    if (is_one_of(columns.val_loss)) row.val += value.value, row.has_val = true;
  }
  std::vector<Row> all;
  for (auto& [number, row] : rows) all.push_back(row);
  return all;
}

/// An epoch as its rows are added up.
struct Epoch {
  double train = 0, val = unknown, lr = unknown, accuracy = unknown, step = unknown;
  std::int64_t count = 0;

  void add(const Row& row, bool from_steps) {
    const bool has = from_steps ? row.has_train_of_step : row.has_train;
    if (has) train += from_steps ? row.train_of_step : row.train, ++count;
    if (row.has_val) val = row.val;
    if (!std::isnan(row.lr)) lr = row.lr;
    if (!std::isnan(row.val_accuracy)) accuracy = row.val_accuracy;
    if (!std::isnan(row.step)) step = row.step;
  }
};

class Assembler {
 public:
  Assembler(std::vector<Row> rows, TrainingLog& log) : rows_(std::move(rows)), log_(log) {
    for (const Row& row : rows_) {
      trains_ += row.has_train, steps_ += row.has_train_of_step, vals_ += row.has_val;
      both_ += row.has_train && row.has_val;
      has_fractions_ = has_fractions_ || (!std::isnan(row.epoch) && !is_whole(row.epoch));
    }
    from_steps_ = trains_ == 0 && steps_ > 0;
  }

  void run() {
    add_steps();
    if (trains_ > 0 && (both_ * 2 >= trains_ || (vals_ == 0 && is_one_row_per_epoch()))) return by_row();
    if (has_epochs()) return by_epoch();
    if (vals_ >= 3) return by_validation();
    by_part();
  }

 private:
  static bool is_whole(double value) { return value == std::floor(value); }

  /// Whether there is one training loss for each value of the column epoch, or neither epochs nor steps.
  bool is_one_row_per_epoch() const {
    std::int64_t steps = 0;
    double last = -1;
    for (const Row& row : rows_) {
      if (!row.has_train) continue;
      steps += !std::isnan(row.step);
      if (std::isnan(row.epoch)) continue;
      if (!is_whole(row.epoch) || row.epoch <= last) return false;
      last = row.epoch;
    }
    return last >= 0 || steps == 0;
  }

  /// Whether a column epoch divides the run into at least three parts, and more finely than validations do.
  bool has_epochs() const {
    std::vector<double> epochs;
    for (const Row& row : rows_) {
      if (!std::isnan(row.epoch)) epochs.push_back(bucket_of(row.epoch));
    }
    std::ranges::sort(epochs);
    const auto distinct = std::unique(epochs.begin(), epochs.end()) - epochs.begin();
    return distinct >= 3 && 2 * distinct >= vals_;
  }

  /// Epoch 0.5 is part of the first epoch; whole numbers count from 0 or 1.
  double bucket_of(double epoch) const { return has_fractions_ ? std::ceil(epoch) : epoch; }

  void add_steps() {
    std::int64_t number = 0;
    for (const Row& row : rows_) {
      const bool has_step = row.has_train_of_step || (row.has_train && !std::isnan(row.step));
      if (!has_step) continue;
      ++number;
      const double loss = row.has_train_of_step ? row.train_of_step : row.train;
      evaluate::Record record{"step", 0, number, {{"train_loss", loss}}};
      if (row.step >= 1 && row.step < 0x1p53) record.step = static_cast<std::int64_t>(row.step);
      if (!std::isnan(row.lr)) record.values.emplace_back("lr", row.lr);
      if (!std::isnan(row.grad_norm)) record.values.emplace_back("grad_norm", row.grad_norm);
      log_.history.push_back(std::move(record));
    }
  }

  void add_epoch(const Epoch& epoch) {
    if (epoch.count == 0 && std::isnan(epoch.val)) return;
    evaluate::Record record{"epoch", ++epochs_, 0, {}};
    if (epoch.count > 0) record.values.emplace_back("train_loss", epoch.train / static_cast<double>(epoch.count));
    if (!std::isnan(epoch.val)) record.values.emplace_back("val_loss", epoch.val);
    if (!std::isnan(epoch.accuracy)) record.values.emplace_back("val_accuracy", epoch.accuracy);
    if (!std::isnan(epoch.lr)) record.values.emplace_back("lr", epoch.lr);
    log_.history.push_back(std::move(record));
  }

  void by_row() {
    log_.epochs_are = "rows";
    for (const Row& row : rows_) {
      Epoch epoch;
      epoch.add(row, false);
      if (row.has_train || row.has_val) add_epoch(epoch);
    }
  }

  void by_epoch() {
    log_.epochs_are = "values of the column epoch";
    std::map<double, Epoch> epochs;
    double current = unknown;
    for (const Row& row : rows_) {
      if (!std::isnan(row.epoch)) current = bucket_of(row.epoch);
      if (!std::isnan(current)) epochs[current].add(row, from_steps_);
    }
    for (const auto& [number, epoch] : epochs) add_epoch(epoch);
  }

  void by_validation() {
    log_.epochs_are = "steps between two validations";
    Epoch epoch;
    for (const Row& row : rows_) {
      epoch.add(row, from_steps_);
      if (!row.has_val) continue;
      add_epoch(epoch);
      epoch = {};
    }
  }

  void by_part() {
    constexpr std::int64_t parts = 20;
    const std::int64_t count = from_steps_ ? steps_ : trains_;
    if (count == 0) return;
    const std::int64_t size = std::max<std::int64_t>(1, (count + parts - 1) / parts);
    log_.epochs_are = fmt::format("parts of {} logged steps", size);
    Epoch epoch;
    for (const Row& row : rows_) {
      epoch.add(row, from_steps_);
      if (epoch.count < size) continue;
      add_epoch(epoch);
      epoch = {};
    }
    add_epoch(epoch);
  }

  std::vector<Row> rows_;
  TrainingLog& log_;
  std::int64_t trains_ = 0, steps_ = 0, vals_ = 0, both_ = 0, epochs_ = 0;
  bool from_steps_ = false, has_fractions_ = false;
};

}  // namespace

TrainingLog history_of(const LogTable& table, const ColumnChoices& choices) {
  const LogColumns columns = find_columns(table.columns, choices);
  if (columns.train_loss.empty() && columns.train_loss_of_steps.empty() && columns.val_loss.empty()) {
    fail<DataError>(
        "{}: none of the columns is a loss: {} (valid: names with the word loss, such as loss, train_loss, val_loss or "
        "eval_loss, or --columns train_loss=NAME,val_loss=NAME)",
        table.path.string(), fmt::join(table.columns, ", "));
  }
  TrainingLog log{.path = table.path,
                  .format = table.format,
                  .is_boosting = table.is_boosting,
                  .mapping = columns.mapping,
                  .ignored = columns.ignored};
  Assembler(rows_of(table, columns), log).run();
  return log;
}

}  // namespace perdita::diagnose
