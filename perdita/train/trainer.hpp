// Trainer: epochs of steps over a Problem, and everything that another process needs to go on with them.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "perdita/data/loader.hpp"
#include "perdita/optim/optimizer.hpp"
#include "perdita/train/checkpoint.hpp"
#include "perdita/train/margin_tracker.hpp"
#include "perdita/train/problem.hpp"
#include "perdita/train/schedule.hpp"

namespace perdita::train {

struct StepReport {
  std::int64_t epoch = 0, step = 0;     ///< from 1; steps over the whole run
  std::int64_t batch = 0, batches = 0;  ///< of the epoch, from 1
  double loss = 0;                      ///< of the batch
  double mean_loss = 0;                 ///< of the epoch's samples so far
  double lr = 0;
};

struct EpochReport {
  std::int64_t epoch = 0, step = 0;
  double train_loss = 0;  ///< mean over the epoch, taken while the model changed
  std::optional<double> val_loss = {}, val_accuracy = {};
  double lr = 0;  ///< of the last step
  double seconds = 0;
  bool is_best = false;  ///< no epoch before had a lower validation loss
};

struct Events {
  std::function<void(const StepReport&)> on_step = {};
  std::function<bool()> should_stop = {};  ///< asked between steps
};

/// What draws the samples of an epoch as config.sampling says; empty for a shuffle.
data::AnySampler sampler_of(const Problem& problem);

class Trainer {
 public:
  /// The model's weights follow from the seed alone.
  explicit Trainer(const Problem& problem);

  /// One more epoch; nothing if should_stop() ended it early. Throws NumericalError with epoch, batch and likely cause
  /// when the loss or a parameter is no longer finite.
  std::optional<EpochReport> run_epoch(const Events& events = {});
  /// All epochs are done, or patience is at its end.
  bool is_finished() const;
  bool stopped_early() const;

  std::int64_t epoch() const { return state_.epoch; }
  std::int64_t best_epoch() const { return state_.best_epoch; }
  const Model& model() const { return *model_; }
  const MarginTracker& margin_tracker() const { return margin_tracker_; }

  Checkpoint checkpoint() const;
  /// Throws ValueError or ShapeError for a checkpoint of another model.
  void restore(const Checkpoint& checkpoint);
  /// With patience: goes back to the model of the best epoch.
  void take_best() const;

 private:
  double step(const data::Batch& batch, const StepReport& at);
  double lr_of(const StepReport& at) const;
  void validate(EpochReport& report, const Events& events);

  const Problem& problem_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  data::DataLoader loader_;
  Schedule schedule_;
  MarginTracker margin_tracker_;
  Checkpoint state_;  // without the tensors of model and optimizer, which live there
};

}  // namespace perdita::train
