#include "perdita/report/run_log.hpp"

#include <fmt/format.h>

namespace perdita::report {

namespace {

void add_scalars(EventFile& events, const evaluate::Record& record) {
  for (const auto& [key, value] : record.values) {
    if (key == "seconds" || (key == "lr" && record.kind == "epoch")) continue;
    events.add_scalar(fmt::format("{}/{}", key, record.kind), record.kind == "step" ? record.step : record.epoch,
                      value);
  }
}

}  // namespace

RunLog::RunLog(evaluate::History history, const Folder& folder, bool tensorboard) : history_(std::move(history)) {
  if (!tensorboard) return;
  events_.emplace(folder.events());
  for (const evaluate::Record& record : evaluate::read_history(folder.history())) add_scalars(*events_, record);
}

void RunLog::write(const evaluate::Record& record) {
  history_.write(record);
  if (events_) add_scalars(*events_, record);
}

void RunLog::write_steps(std::span<const evaluate::Record> records) {
  history_.write_steps(records);
  if (!events_) return;
  for (const evaluate::Record& record : records) add_scalars(*events_, record);
}

void StepLines::begin_epoch(std::int64_t batches) {
  group_ = std::max<std::int64_t>(1, (batches + most - 1) / most);
  lines_ = 0, count_ = 0, sum_ = 0;
}

void StepLines::add(const StepLine& step) {
  sum_ += step.loss;
  ++count_;
  last_ = step;
  if (count_ < group_) return;
  end_epoch();
  if (++lines_ < most) return;
  group_ *= 2;  // as if the lines so far had been half as many
  lines_ = most / 2;
}

void StepLines::end_epoch() {
  if (count_ == 0) return;
  evaluate::Record record{"step", last_.epoch, last_.step, {{"train_loss", sum_ / static_cast<double>(count_)}}};
  record.values.insert(record.values.end(), last_.values.begin(), last_.values.end());
  sum_ = 0, count_ = 0;
  write_(record);
}

}  // namespace perdita::report
