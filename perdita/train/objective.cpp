#include "perdita/train/objective.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/evaluate/evaluation_plan.hpp"
#include "perdita/kernels/softcap.hpp"

namespace perdita::train {

namespace {

using data::Task;

/// The function that turns the output of the last linear layer into predictions.
Head head_for(const LossInfo& info) {
  if (info.operands.count(Role::prediction) > 1) return Head::mean_and_variance;
  switch (meaning_of_prediction(info)) {
    case Meaning::probability:
      return Head::sigmoid;
    case Meaning::distance:
      return Head::softplus;
    case Meaning::log_probability:
      return Head::log_softmax;
    default:
      return Head::identity;
  }
}

/// The option log_input of losses that have it.
std::optional<bool> log_input_of(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) -> std::optional<bool> {
        if constexpr (requires { loss.log_input; })
          return loss.log_input;
        else
          return std::nullopt;
      },
      any.loss);
}

/// What a loss multiplies logits by before their softmax.
double logit_scale_of(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) {
        if constexpr (is_of_class_rows(Loss::info) && requires { loss.scale; })
          return loss.scale;
        else
          return 1.0;
      },
      any.loss);
}

/// The bound of a loss of logits; infinite if it has none.
double softcap_of(const AnyLoss& any) {
  return std::visit([](const auto& loss) { return kernels::softcap_of(loss); }, any.loss);
}

/// Which target counts for nothing in a mask, where the loss is of masks. Throws ValueError where it would not give
/// each sample a loss of its own.
std::optional<double> ignored_target_of(const AnyLoss& any) {
  return std::visit(
      []<class Loss>(const Loss& loss) -> std::optional<double> {
        if constexpr (Loss::info.unit == Unit::mask) {
          if (loss.batch || loss.multilabel) {
            fail<ValueError>("the loss {} has {}=true, but each sample is a separate mask (valid: false)",
                             Loss::info.name, loss.batch ? "batch" : "multilabel");
          }
          return static_cast<double>(loss.ignore_index);
        } else {
          return std::nullopt;
        }
      },
      any.loss);
}

/// Losses whose targets are class probabilities, side by side.
bool takes_distributions(const AnyLoss& any) {
  return is_of_class_rows(info_of(any)) || sums_distributions(info_of(any));
}

/// Throws ValueError where parts ask for different outputs of the network.
void check_agreement(const LossSum& sum) {
  const AnyLoss& leading = sum.leading();
  for (const LossPart& part : sum.parts()) {
    const LossInfo& info = info_of(part.loss);
    if (is_of_class_rows(info) != is_of_class_rows(info_of(leading))) {
      fail<ValueError>("the parts of {} read a row of targets differently: {} as classes, {} not (valid: the same)",
                       to_string(sum), is_of_class_rows(info) ? info.name : info_of(leading).name,
                       is_of_class_rows(info) ? info_of(leading).name : info.name);
    }
    if (logit_scale_of(part.loss) != logit_scale_of(leading)) {
      fail<ValueError>("{} multiplies logits by {}, but {} by {} (valid: the same)", part.name,
                       logit_scale_of(part.loss), info_of(leading).name, logit_scale_of(leading));
    }
    if (softcap_of(part.loss) != softcap_of(leading)) {
      fail<ValueError>("{} has softcap={}, but {} softcap={} (valid: the same)", part.name, softcap_of(part.loss),
                       info_of(leading).name, softcap_of(leading));
    }
  }
}

bool suits(const AnyLoss& any, Task task, std::int64_t columns) {
  const LossInfo& info = info_of(any);
  const bool of_classes = is_of_class_rows(info);
  const bool has_samples = info.unit == Unit::element || info.unit == Unit::row || info.unit == Unit::mask;
  if (compares_predictions(info) || is_of_several_operands(info) || !has_samples) return false;
  if (info.unit == Unit::mask) return task == Task::regression && columns >= 2;  // a row is a mask
  if (task == Task::multiclass) return of_classes;
  if (task == Task::binary) {
    const Meaning target = meaning_of_target(info);
    return of_classes || target == Meaning::label || target == Meaning::sign || target == Meaning::any;
  }
  if (meaning_of_prediction(info) == Meaning::quantiles) return columns == 1;
  if (of_classes && (!takes_class_probabilities(info) || takes_class_counts(info))) return false;
  return columns >= 2 || !takes_distributions(any);
}

/// Whether adding a number to both input and target changes nothing: then they are in one unit.
bool is_of_difference(const AnyLoss& loss) {
  const Tensor y = Tensor::from({-2.0, -0.3, 0.4, 1.7, 3.1}).set_requires_grad();
  const Tensor t = Tensor::from({0.0, 1.0, 0.5, -1.2, 2.0}).set_requires_grad();
  functional::call(loss, {y, t}, {.reduction = Reduction::sum}).backward();
  const std::vector<double> by_input = y.grad().to_vector<double>();
  const std::vector<double> by_target = t.grad().defined() ? t.grad().to_vector<double>() : std::vector(5, 0.0);
  for (std::size_t i = 0; i < by_input.size(); ++i) {
    if (!(std::abs(by_input[i] + by_target[i]) <= 1e-9 * std::abs(by_input[i]))) return false;
  }
  return true;
}

[[noreturn]] void refuse(const AnyLoss& any, const data::Dataset& dataset, std::int64_t columns) {
  std::vector<std::string_view> suitable;
  for_each_loss([&](const auto& loss) {
    if (suits({.loss = loss}, dataset.task, columns)) suitable.push_back(loss.info.name);
  });
  const std::string targets = dataset.task == Task::regression ? fmt::format("numbers ({} per sample)", columns)
                                                               : fmt::format("{} classes", dataset.num_classes());
  std::string_view advice;
  const LossInfo& info = info_of(any);
  if (meaning_of_prediction(info) == Meaning::any && info.unit == Unit::element)
    advice = "; a formula for classes uses log_p, the log-probability of a class, and t, for example -t * log_p";
  if (meaning_of_prediction(info) == Meaning::any && info.unit == Unit::row)
    advice = "; a formula for numbers uses y and t, for example (y - t)^2";
  fail<ValueError>("the loss {} does not support targets that are {} (valid: {}){}", info_of(any).name, targets,
                   fmt::join(suitable, ", "), advice);
}

std::int64_t columns_of(const data::Dataset& dataset) {
  return dataset.targets.shape.rank() == 2 ? dataset.targets.shape[1] : 1;
}

}  // namespace

AnyLoss default_loss(Task task) {
  switch (task) {
    case Task::regression:
      return {.loss = Mse{}};
    case Task::binary:
      return {.loss = BinaryCrossEntropyWithLogits{}};
    case Task::multiclass:
      return {.loss = CrossEntropy{}};
  }
  return {.loss = Mse{}};
}

Objective::Objective(const LossSum& loss, const data::Dataset& dataset, const SampleWeighting& weighting)
    : loss_(loss),
      task_(dataset.task),
      of_classes_(is_of_class_rows(info_of(loss.leading()))),
      class_weights_(weighting.class_weights),
      normalize_by_(weighting.normalize_by) {
  const std::int64_t columns = columns_of(dataset);
  for (const LossPart& part : loss.parts()) {
    if (!suits(part.loss, task_, columns)) refuse(part.loss, dataset, columns);
    if (part.loss.missing)
      fail<ValueError>("missing of {} is nan, but training does not support missing targets (valid: none)", part.name);
    ignored_targets_.push_back(ignored_target_of(part.loss));
  }
  check_agreement(loss);
  if (const std::vector<double> levels = levels_of(leading()); !levels.empty()) {
    outputs_ = std::ssize(levels);
    median_ = std::ranges::min_element(levels, {}, [](double q) { return std::abs(q - 0.5); }) - levels.begin();
  } else if (task_ == Task::regression) {
    outputs_ = columns;
  } else {
    outputs_ = of_classes_ ? dataset.num_classes() : 1;
  }
  if (takes_class_counts(info_of(leading()))) {
    const std::vector<std::int64_t> counts = dataset.class_counts();
    class_counts_ = Tensor::from(std::vector<double>(counts.begin(), counts.end()));
  }
  const auto log_input = log_input_of(leading());
  head_ = log_input ? (*log_input ? Head::identity : Head::softplus) : head_for(info_of(leading()));
  form_ = find_form(log_input.value_or(false));
}

bool Objective::scales() const {
  const bool identity = head_ == Head::identity && !log_input_of(leading());
  const Meaning predicted = meaning_of_prediction(info_of(leading()));
  if (predicted == Meaning::any && info_of(leading()).unit == Unit::element) {
    return std::ranges::all_of(loss_.parts(), [](const LossPart& part) { return is_of_difference(part.loss); });
  }
  return (predicted == Meaning::value || predicted == Meaning::quantiles) &&
         (identity || head_ == Head::mean_and_variance);
}

double Objective::logit_scale() const { return logit_scale_of(leading()); }

void Objective::check_targets(const data::Dataset& dataset) const {
  if (task_ != Task::regression) return;  // a Dataset has only classes that exist
  const std::int64_t columns = columns_of(dataset);
  for (std::size_t k = 0; k < loss_.size(); ++k) {
    const AnyLoss& loss = loss_.parts()[k].loss;
    const Interval valid = evaluate::valid_targets(loss);
    visit_floating(dataset.targets.dtype, "check_targets", [&]<class T>() {
      const T* targets = dataset.targets.data<T>();
      for (std::int64_t i = 0; i < dataset.targets.size(); ++i) {
        const double t = static_cast<double>(targets[i]);
        if (valid.contains(t) || t == ignored_targets_[k]) continue;
        const auto row = static_cast<std::size_t>(i / columns);
        fail<DataError>("{}: the target of sample {} (counted from 0) is {}, outside the domain of {} (valid: {})",
                        dataset.name, dataset.rows.empty() ? static_cast<std::int64_t>(row) : dataset.rows[row], t,
                        info_of(loss).name, to_string(valid));
      }
    });
  }
}

std::vector<Tensor> Objective::Operands::tensors() const {
  std::vector<Tensor> all{input, target};
  if (third.defined()) all.push_back(third);
  return all;
}

Objective::Operands Objective::operands(const Tensor& outputs, const Tensor& targets, bool weighted) const {
  Operands all{outputs, targets, {}, {}};
  const bool weighs = weighted && class_weights_.defined();
  if (of_classes_) {
    if (weighs) all.weight = class_weights_;
    all.third = class_counts_;
    return all;
  }
  if (head_ == Head::mean_and_variance) {
    all.input = outputs.slice(1, 0, outputs_);
    all.third = outputs.slice(1, outputs_, 2 * outputs_);
  }
  if (meaning_of_prediction(info_of(leading())) == Meaning::quantiles) {
    all.target = targets.reshape({targets.size(0)}).to(DType::float32);
    return all;
  }
  if (targets.rank() == 1) {
    all.input = all.input.squeeze(1);
    if (all.third.defined()) all.third = all.third.squeeze(1);
  }
  all.target = targets.to(DType::float32);
  if (task_ == Task::binary) {
    if (info_of(leading()).target.ends_only) all.target = (all.target * 2 - 1).contiguous();
    if (weighs) all.weight = index_rows(class_weights_, targets);
  }
  return all;
}

Tensor Objective::loss(const Tensor& outputs, const Tensor& targets, bool weighted, LossExtras* extras,
                       const SumState& state, std::vector<PartResult>* parts) const {
  // The divergence of a sample is the sum over its classes, and not their mean.
  const bool sums_classes = sums_distributions(info_of(leading()));
  const Operands all = operands(outputs, targets, weighted);
  const Tensor value = functional::call(loss_, all.tensors(),
                                        {.weight = all.weight,
                                         .reduction = sums_classes ? Reduction::batchmean : Reduction::mean,
                                         .normalize_by = sums_classes ? Normalize::standard : normalize_by_,
                                         .extras = extras},
                                        state, parts);
  if (extras != nullptr && has_margins() && !of_classes_) {
    extras->margins = margins(all.input.detach(), targets);
  }
  return value;
}

Tensor Objective::margins(const Tensor& scores, const Tensor& labels) const {
  const Tensor own_sign = labels.to(DType::float32) * 2 - 1;
  if (head_ == Head::identity) return own_sign * scores;
  // As binary_cross_entropy bounds its logarithms: a probability of 0 or 1 has no finite logit.
  return own_sign * (max(log(scores), -100.0) - max(log1p(-scores), -100.0));
}

std::optional<Nonfinite> Objective::first_nonfinite(const Tensor& outputs, const Tensor& targets, bool weighted) const {
  const Operands all = operands(outputs, targets, weighted);
  return perdita::first_nonfinite(loss_, all.tensors(), {.weight = all.weight});
}

std::vector<Tensor> Objective::part_losses(const Tensor& outputs, const Tensor& targets, bool weighted,
                                           const SumState& state) const {
  const Operands all = operands(outputs, targets, weighted);
  const bool sums_classes = sums_distributions(info_of(leading()));
  std::vector<Tensor> found;
  for (std::size_t k = 0; k < loss_.size(); ++k) {
    const SumState of_part{.parameters = {k < state.parameters.size() ? state.parameters[k] : std::vector<Tensor>()}};
    const Tensor losses = functional::call(LossSum(loss_.parts()[k].loss), all.tensors(),
                                           {.weight = all.weight, .reduction = Reduction::none}, of_part);
    found.push_back(losses.rank() == 1 ? losses : sums_classes ? perdita::sum(losses, 1) : mean(losses, 1));
  }
  return found;
}

Tensor Objective::weighted_sum(const std::vector<Tensor>& parts, const SumState& state) const {
  Tensor total;
  double offset = 0;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const LossPart& part = loss_.parts()[k];
    if (part.weight.is_learned && k < state.log_variances.size()) offset += 0.5 * state.log_variances[k].item();
    const double weight = current_weight(part, k, state);
    if (weight == 0 && parts.size() > 1) continue;
    const Tensor weighted = weight == 1 ? parts[k] : parts[k] * weight;
    total = total.defined() ? total + weighted : weighted;
  }
  if (!total.defined()) return Tensor::zeros(parts[0].shape(), parts[0].dtype());
  return offset == 0 ? total : total + offset;
}

double Objective::denominator(const Tensor& targets, std::size_t part) const {
  const bool by_weights = class_weights_.defined() && divides_by_weights();
  const std::int64_t ignored = loss_.parts()[part].loss.ignore_index;
  const bool ignores = of_classes_ && ignored >= 0;
  if (!has_classes() || (!by_weights && !ignores)) return static_cast<double>(targets.size(0));
  const std::vector<float> weights = by_weights ? class_weights_.to_vector<float>() : std::vector<float>();
  double total = 0;
  for (std::int64_t label : targets.to_vector<std::int64_t>()) {
    if (ignores && label == ignored) continue;
    total += weights.empty() ? 1.0 : static_cast<double>(weights[static_cast<std::size_t>(label)]);
  }
  return total;
}

double Objective::softcap() const { return softcap_of(leading()); }

}  // namespace perdita::train
