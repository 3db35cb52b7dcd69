// Trainer: epochs of steps over a Problem, and everything that another process needs to go on with them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "perdita/data/loader.hpp"
#include "perdita/nn/loss_sum.hpp"
#include "perdita/optim/optimizer.hpp"
#include "perdita/report/margin_tracker.hpp"
#include "perdita/train/checkpoint.hpp"
#include "perdita/train/problem.hpp"
#include "perdita/train/schedule.hpp"

namespace perdita::train {

/// A part of a sum of losses, in a report of an epoch.
struct PartReport {
  std::string name;
  double train_loss = 0;                ///< mean over the epoch, without the weight of the part
  std::optional<double> val_loss = {};  ///< likewise
  double weight = 1;                    ///< at the end of the epoch
};

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
  bool is_best = false;                                              ///< no epoch before had a lower validation loss
  std::vector<PartReport> parts = {};                                ///< of a sum of losses
  std::vector<std::pair<std::string, double>> loss_parameters = {};  ///< learned by the loss, after the epoch
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
  const report::MarginTracker& margin_tracker() const { return margin_tracker_; }
  /// The epoch and the learned numbers on which the weights of a sum of losses depend.
  const SumState& sum_state() const { return criterion_.state(); }

  Checkpoint checkpoint() const;
  /// Throws ValueError or ShapeError for a checkpoint of another model.
  void restore(const Checkpoint& checkpoint);
  /// With patience: goes back to the model of the best epoch.
  void take_best() const;

 private:
  double step(const data::Batch& batch, const StepReport& at);
  double lr_of(const StepReport& at) const;
  void validate(EpochReport& report, const Events& events);
  /// Which part, row and operand of a batch are the first that are not finite, as the start of a message.
  std::string origin_of(const Tensor& outputs, const data::Batch& batch, bool weighted) const;
  /// Adds the parts of a batch to those of the epoch.
  void add_parts(const std::vector<PartResult>& parts, std::int64_t samples);
  std::vector<PartReport> finish_parts(std::int64_t samples) const;

  const Problem& problem_;
  std::unique_ptr<Model> model_;
  nn::Sum criterion_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  data::DataLoader loader_;
  Schedule schedule_;
  report::MarginTracker margin_tracker_;
  std::vector<PartResult> parts_;  // sums over the samples of the epoch
  Checkpoint state_;               // without the tensors of model and optimizer, which live there
};

}  // namespace perdita::train
