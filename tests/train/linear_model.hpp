// A model that is no Mlp: y = x W + b, which starts at 0.
#pragma once

#include <memory>

#include "perdita/train/problem.hpp"

namespace perdita::train {

class LinearModel final : public Model {
 public:
  LinearModel(std::int64_t inputs, std::int64_t outputs)
      : weight_(register_parameter("weight", Tensor::zeros({inputs, outputs}))),
        bias_(register_parameter("bias", Tensor::zeros({outputs}))) {}

  Tensor forward(const Tensor& inputs) const override { return matmul(inputs, weight_) + bias_; }
  ModelDescription description() const override {
    return {.kind = "linear", .title = "linear model", .sizes = fmt::format("{}-{}", weight_.size(0), weight_.size(1))};
  }

 private:
  Tensor weight_, bias_;
};

/// The problem of `config`, to be solved by a LinearModel.
inline Problem prepare_linear(const Config& config) {
  Problem problem = prepare(config);
  problem.make_model = [inputs = numel(problem.train.sample_shape()), outputs = problem.objective.outputs()] {
    return std::make_unique<LinearModel>(inputs, outputs);
  };
  return problem;
}

}  // namespace perdita::train
