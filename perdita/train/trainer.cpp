#include "perdita/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/class_sampler.hpp"
#include "perdita/data/weighted_sampler.hpp"
#include "perdita/nn/layers.hpp"
#include "perdita/train/diagnose.hpp"
#include "perdita/train/evaluate_model.hpp"

namespace perdita::train {

namespace {

std::unique_ptr<Model> make_model(const Problem& problem) {
  nn::manual_seed(problem.config.seed);
  return problem.make_model();
}

/// Of the model, and the learned weights of the loss.
std::vector<Tensor> parameters_of(const Model& model, const nn::Sum& criterion) {
  std::vector<Tensor> all = model.parameters();
  for (const Tensor& parameter : criterion.parameters()) all.push_back(parameter);
  return all;
}

/// Refuses what no run leaves: other types than `own` has, NaN, counts and second moments below 0.
void check_values(std::string_view part, const nn::StateDict& state, const nn::StateDict& own) {
  for (const auto& [name, tensor] : state) {
    const auto known = std::ranges::find(own, name, &nn::StateDict::value_type::first);
    const bool counts = known != own.end() ? known->second.dtype() == DType::int64 : name.starts_with("step.");
    const DType dtype = counts ? DType::int64 : DType::float32;
    if (tensor.dtype() != dtype) {
      fail<ValueError>("{}.{} has type {} (valid: {})", part, name, name_of(tensor.dtype()), name_of(dtype));
    }
    if (counts && tensor.numel() != 1) fail<ValueError>("{}.{} has shape {} (valid: [1])", part, name, tensor.shape());
    const bool is_positive = counts || name.find("square") != name.npos;
    for (const double value : tensor.to_vector<double>()) {
      if (std::isnan(value) || (is_positive && value < 0)) {
        fail<ValueError>("{}.{} holds {} (valid: {})", part, name, value, is_positive ? "0 or more" : "numbers");
      }
    }
  }
}

data::DataLoader make_loader(const Problem& problem) {
  const Config& config = problem.config;
  data::LoaderOptions options{.batch_size = *config.batch_size, .seed = config.seed};
  if (data::AnySampler sampler = sampler_of(problem)) {
    options.sampler = std::move(sampler);
  } else {
    options.shuffle = true;
  }
  return data::DataLoader(problem.train, options);
}

}  // namespace

data::AnySampler sampler_of(const Problem& problem) {
  const Sampling sampling = problem.config.sampling;
  const std::uint64_t seed = problem.config.seed;
  if (sampling == Sampling::shuffle) return {};
  if (sampling == Sampling::balanced) {
    return data::WeightedRandomSampler(data::balanced_sample_weights(problem.train), problem.train.size(),
                                       {.seed = seed});
  }
  const data::Balance balance =
      sampling == Sampling::oversample ? data::Balance::oversample : data::Balance::undersample;
  return data::ClassBalancedSampler(problem.train.labels(), {.how = balance, .seed = seed});
}

Trainer::Trainer(const Problem& problem)
    : problem_(problem),
      model_(make_model(problem)),
      criterion_(*problem.config.loss),
      optimizer_(make_optimizer(problem.config.optimizer, *problem.config.lr, parameters_of(*model_, criterion_))),
      loader_(make_loader(problem)),
      schedule_(problem.config.schedule),
      margin_tracker_(problem.train.size(), report::MarginTracker::Last::kept) {
  state_.config = problem.config;
  state_.data_checksum = problem.checksum;
}

double Trainer::lr_of(const StepReport& at) const {
  const auto warmup = static_cast<std::int64_t>(std::lround(problem_.config.warmup * static_cast<double>(at.batches)));
  return *problem_.config.lr * lr_factor(schedule_, at.step - 1, *problem_.config.epochs * at.batches, warmup);
}

double Trainer::step(const data::Batch& batch, const StepReport& at) {
  optimizer_->zero_grad();
  const double done = static_cast<double>(at.step - 1) / static_cast<double>(*problem_.config.epochs * at.batches);
  const bool weighted = done >= problem_.config.defer_weights;
  LossExtras extras;
  LossExtras* const wanted = problem_.objective.has_margins() ? &extras : nullptr;
  std::vector<PartResult> parts;
  const Tensor outputs = (*model_)(batch.inputs);
  const Tensor loss = problem_.objective.loss(outputs, batch.targets, weighted, wanted, criterion_.state(),
                                              problem_.objective.has_parts() ? &parts : nullptr);
  const double value = loss.item();
  if (!std::isfinite(value)) {
    fail<NumericalError>("the training loss is {} in epoch {}, batch {} of {}; {}{}", value, at.epoch, at.batch,
                         at.batches, origin_of(outputs, batch, weighted), diagnose(*model_, problem_, batch));
  }
  loss.backward();
  // Of the last layer, to which the derivatives with respect to all outputs add up.
  if (const Tensor last = model_->parameters().back().grad(); last.defined() && !all_finite(last)) {
    fail<NumericalError>("the gradient of the training loss is not finite in epoch {}, batch {} of {}; {}{}", at.epoch,
                         at.batch, at.batches, origin_of(outputs, batch, weighted), diagnose(*model_, problem_, batch));
  }
  optimizer_->set_lr(at.lr);
  optimizer_->step();
  margin_tracker_.add(batch.indices(), extras);
  add_parts(parts, batch.size());
  return value;
}

std::string Trainer::origin_of(const Tensor& outputs, const data::Batch& batch, bool weighted) const {
  const auto found = problem_.objective.first_nonfinite(outputs, batch.targets, weighted);
  if (!found) return {};
  const auto row = static_cast<std::size_t>(found->row);
  if (row >= batch.indices().size()) return fmt::format("first: {}; ", found->message);
  const std::int64_t sample = batch.indices()[row];
  const auto& rows = problem_.train.rows;
  return fmt::format("first: {} (row {} of the batch is sample {}, counted from 0); ", found->message, row,
                     rows.empty() ? sample : rows[static_cast<std::size_t>(sample)]);
}

void Trainer::add_parts(const std::vector<PartResult>& parts, std::int64_t samples) {
  parts_.resize(parts.size());
  for (std::size_t k = 0; k < parts.size(); ++k) {
    parts_[k].name = parts[k].name;
    parts_[k].value += parts[k].value * static_cast<double>(samples);
  }
}

std::vector<PartReport> Trainer::finish_parts(std::int64_t samples) const {
  std::vector<PartReport> reports;
  for (std::size_t k = 0; k < parts_.size(); ++k) {
    reports.push_back({.name = parts_[k].name,
                       .train_loss = parts_[k].value / static_cast<double>(samples),
                       .weight = current_weight(problem_.objective.sum().parts()[k], k, criterion_.state())});
  }
  return reports;
}

std::optional<EpochReport> Trainer::run_epoch(const Events& events) {
  const auto start = std::chrono::steady_clock::now();
  StepReport at{.epoch = state_.epoch + 1, .step = state_.step, .batches = loader_.size()};
  model_->train();
  criterion_.set_epoch(state_.epoch);
  parts_.clear();
  double total = 0;
  std::int64_t samples = 0;
  data::Batch last;
  for (const data::Batch& batch : loader_) {
    if (events.should_stop && events.should_stop()) return std::nullopt;
    ++at.batch, ++at.step;
    at.lr = lr_of(at);
    at.loss = step(batch, at);
    total += at.loss * static_cast<double>(batch.size());
    samples += batch.size();
    at.mean_loss = total / static_cast<double>(samples);
    if (events.on_step) events.on_step(at);
    last = batch;
  }
  for (const Tensor& parameter : model_->parameters()) {
    if (all_finite(parameter)) continue;
    fail<NumericalError>("a parameter is not finite after epoch {}, batch {} of {}; {}", at.epoch, at.batch, at.batches,
                         diagnose(*model_, problem_, last));
  }
  EpochReport report{.epoch = at.epoch, .step = at.step, .train_loss = at.mean_loss, .lr = at.lr};
  report.parts = finish_parts(samples);
  for (const auto& [name, value] : criterion_.named_parameters())
    report.loss_parameters.emplace_back(name, value.item());
  validate(report, events);
  if (events.should_stop && events.should_stop()) return std::nullopt;
  state_.epoch = at.epoch;
  state_.step = at.step;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

void Trainer::validate(EpochReport& report, const Events& events) {
  if (!problem_.validation) return;
  const ModelEvaluation evaluation =
      evaluate_model(*model_, problem_.objective, *problem_.validation, true, criterion_.state(), events.should_stop);
  if (evaluation.losses.empty()) return;
  report.val_loss = evaluation.mean_loss;
  for (std::size_t k = 0; k < report.parts.size(); ++k) report.parts[k].val_loss = evaluation.part_means[k];
  if (problem_.objective.has_classes()) {
    report.val_accuracy = static_cast<double>(evaluation.correct) / static_cast<double>(evaluation.losses.size());
  }
  // Losses of epochs with other weights of the parts cannot be compared.
  if (!(evaluation.mean_loss < state_.best_loss) || problem_.objective.sum().changes()) return;
  report.is_best = true;
  state_.best_loss = evaluation.mean_loss;
  state_.best_epoch = report.epoch;
  if (problem_.config.patience == 0) return;
  state_.best.clear();
  for (const auto& [name, tensor] : model_->state_dict()) state_.best.emplace_back(name, tensor.clone());
}

bool Trainer::stopped_early() const {
  const std::int64_t patience = problem_.config.patience;
  return patience > 0 && state_.epoch - state_.best_epoch >= patience && state_.epoch < *problem_.config.epochs;
}

bool Trainer::is_finished() const { return state_.epoch >= *problem_.config.epochs || stopped_early(); }

Checkpoint Trainer::checkpoint() const {
  Checkpoint full = state_;
  full.model = model_->state_dict();
  full.loss = criterion_.state_dict();
  full.optimizer = optimizer_->state_dict();
  full.samples = margin_tracker_.state_dict();
  return full;
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const nn::StateDict own = model_->state_dict();
  check_values("model", checkpoint.model, own);
  check_values("best", checkpoint.best, own);
  check_values("loss", checkpoint.loss, criterion_.state_dict());
  check_values("optimizer", checkpoint.optimizer, {});
  if (!checkpoint.best.empty()) model_->load_state_dict(checkpoint.best);  // checks it: finish() will need it
  model_->load_state_dict(checkpoint.model);
  criterion_.load_state_dict(checkpoint.loss);
  optimizer_->load_state_dict(checkpoint.optimizer);
  margin_tracker_.load_state_dict(checkpoint.samples);
  state_ = checkpoint;
  state_.config = problem_.config;
  state_.model.clear();
  state_.loss.clear();
  state_.optimizer.clear();
  state_.samples.clear();
  if (problem_.config.patience == 0) state_.best.clear();  // the last model is wanted
  if (problem_.config.patience > 0 && state_.best.empty()) {
    // Nobody kept the best model so far: patience counts from here.
    state_.best_epoch = state_.epoch;
    state_.best_loss = std::numeric_limits<double>::infinity();
  }
  criterion_.set_epoch(std::max<std::int64_t>(checkpoint.epoch - 1, 0));
  loader_.restore({.seed = problem_.config.seed, .epoch = static_cast<std::uint64_t>(checkpoint.epoch)});
}

void Trainer::take_best() const {
  if (!state_.best.empty()) model_->load_state_dict(state_.best);
}

}  // namespace perdita::train
