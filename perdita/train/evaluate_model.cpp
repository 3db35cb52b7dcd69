#include "perdita/train/evaluate_model.hpp"

#include "perdita/data/loader.hpp"

namespace perdita::train {

namespace {

template <class T>
void append(std::vector<T>& all, const Tensor& tensor) {
  const std::vector<T> values = tensor.to_vector<T>();
  all.insert(all.end(), values.begin(), values.end());
}

/// The mean of each part of the loss, which has its own denominator.
class PartMeans {
 public:
  explicit PartMeans(const Objective& objective)
      : objective_(objective), totals_(objective.sum().size()), denominators_(objective.sum().size()) {}

  void add(const std::vector<Tensor>& losses, const Tensor& targets, bool weighted) {
    for (std::size_t k = 0; k < losses.size(); ++k) {
      totals_[k] += sum(losses[k].to(DType::float64)).item();
      denominators_[k] += weighted ? objective_.denominator(targets, k) : static_cast<double>(targets.size(0));
    }
  }

  std::vector<double> result() const {
    std::vector<double> means;
    for (std::size_t k = 0; k < totals_.size(); ++k) means.push_back(totals_[k] / denominators_[k]);
    return means;
  }

  double sum_of(const std::vector<double>& means, const SumState& state) const {
    std::vector<Tensor> parts;
    for (const double mean : means) parts.push_back(Tensor::full({}, mean, DType::float64));
    return objective_.weighted_sum(parts, state).item();
  }

 private:
  const Objective& objective_;
  std::vector<double> totals_, denominators_;
};

}  // namespace

ModelEvaluation evaluate_model(const Model& model, const Objective& objective, const data::Dataset& dataset,
                               bool weighted, const SumState& state, const std::function<bool()>& stop) {
  const NoGrad no_grad;
  model.eval();
  ModelEvaluation result;
  PartMeans means(objective);
  data::DataLoader loader(dataset, {.batch_size = 1024});
  for (const auto& [inputs, targets] : loader) {
    if (stop && stop()) return {};
    const Tensor outputs = model(inputs).contiguous();
    const std::vector<Tensor> losses = objective.part_losses(outputs, targets, weighted, state);
    append(result.losses, objective.weighted_sum(losses, state));
    means.add(losses, targets, weighted);
    if (objective.has_classes()) {
      append(result.targets, targets);
      append(result.predictions, objective.predictions(outputs));
    } else {
      append(result.target_values, targets);
      append(result.predicted_values, objective.predictions(outputs));
    }
  }
  result.part_means = means.result();
  result.mean_loss = means.sum_of(result.part_means, state);
  for (std::size_t i = 0; i < result.targets.size(); ++i) result.correct += result.targets[i] == result.predictions[i];
  return result;
}

}  // namespace perdita::train
