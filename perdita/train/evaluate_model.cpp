#include "perdita/train/evaluate_model.hpp"

#include "perdita/data/loader.hpp"

namespace perdita::train {

namespace {

template <class T>
void append(std::vector<T>& all, const Tensor& tensor) {
  const std::vector<T> values = tensor.to_vector<T>();
  all.insert(all.end(), values.begin(), values.end());
}

}  // namespace

ModelEvaluation evaluate_model(const Model& model, const Objective& objective, const data::Dataset& dataset,
                               bool weighted, const std::function<bool()>& stop) {
  const NoGrad no_grad;
  model.eval();
  ModelEvaluation result;
  double total = 0, denominator = 0;
  data::DataLoader loader(dataset, {.batch_size = 1024});
  for (const auto& [inputs, targets] : loader) {
    if (stop && stop()) return {};
    const Tensor outputs = model(inputs).contiguous();
    const Tensor losses = objective.sample_losses(outputs, targets, weighted);
    append(result.losses, losses);
    total += sum(losses.to(DType::float64)).item();
    denominator += weighted ? objective.denominator(targets) : static_cast<double>(targets.size(0));
    if (objective.has_classes()) {
      append(result.targets, targets);
      append(result.predictions, objective.predictions(outputs));
    } else {
      append(result.target_values, targets);
      append(result.predicted_values, objective.predictions(outputs));
    }
  }
  result.mean_loss = total / denominator;
  for (std::size_t i = 0; i < result.targets.size(); ++i) result.correct += result.targets[i] == result.predictions[i];
  return result;
}

}  // namespace perdita::train
