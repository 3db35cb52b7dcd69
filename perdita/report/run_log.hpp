// The files of a run that grow while it is trained: the history, and if wanted the event file of TensorBoard.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "perdita/evaluate/history.hpp"
#include "perdita/report/event_file.hpp"
#include "perdita/report/folder.hpp"

namespace perdita::report {

class RunLog {
 public:
  /// With `tensorboard`, an event file in the folder, which begins with what the history contains. Throws FileError.
  RunLog(evaluate::History history, const Folder& folder, bool tensorboard);

  /// A line of the history, and its values as scalars: "train_loss/step", "val_loss/epoch".
  void write(const evaluate::Record& record);
  void write_steps(std::span<const evaluate::Record> records);
  /// Null without an event file.
  EventFile* events() { return events_ ? &*events_ : nullptr; }
  const evaluate::History& history() const { return history_; }

 private:
  evaluate::History history_;
  std::optional<EventFile> events_;
};

/// One step of training.
struct StepLine {
  std::int64_t epoch = 0, step = 0;  ///< from 1; steps over the whole run
  double loss = 0;
  std::vector<std::pair<std::string, double>> values = {};  ///< further ones, such as lr
};

/// Turns steps into lines of a history: one per step, but at most about a thousand per epoch. A line then has the mean
/// loss of several steps, and the other values of the last one.
class StepLines {
 public:
  /// `write` is called with each line.
  explicit StepLines(std::function<void(const evaluate::Record&)> write) : write_(std::move(write)) {}

  /// `batches`: steps of an epoch, or 0 if they are not known; then the lines become sparser as the epoch grows.
  void begin_epoch(std::int64_t batches = 0);
  void add(const StepLine& step);
  /// Writes the steps that are not in a line yet.
  void end_epoch();

 private:
  static constexpr std::int64_t most = 1000;

  std::function<void(const evaluate::Record&)> write_;
  std::int64_t group_ = 1, lines_ = 0, count_ = 0;
  double sum_ = 0;
  StepLine last_;
};

}  // namespace perdita::report
