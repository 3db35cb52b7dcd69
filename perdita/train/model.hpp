// Model: what a run trains, as training, evaluation and checkpoints see it.
#pragma once

#include <cstdint>
#include <string>

#include "perdita/nn/module.hpp"

namespace perdita::train {

/// How a model is named.
struct ModelDescription {
  std::string kind;           ///< in files: "mlp"
  std::string article = "a";  ///< of the title
  std::string title;          ///< in text: "MLP"
  std::string sizes;          ///< of its layers: "784-256-10"
};

/// A network from inputs to what the loss takes: class scores, probabilities, numbers. The parameters and buffers that
/// it registers (see nn::Module) are what is trained, kept in checkpoints, restored and saved. As every module it is a
/// handle: copies share parameters.
class Model : public nn::Module {
 public:
  virtual ~Model() = default;
  /// Outputs [N, ...] of inputs [N, ...].
  virtual Tensor forward(const Tensor& inputs) const = 0;
  virtual ModelDescription description() const = 0;

  Tensor operator()(const Tensor& inputs) const { return forward(inputs); }
  /// Elements of all parameters.
  std::int64_t parameter_count() const;

 protected:
  Model() = default;
  Model(const Model&) = default;
  Model& operator=(const Model&) = default;
};

}  // namespace perdita::train
