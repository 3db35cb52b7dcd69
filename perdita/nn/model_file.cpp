#include "perdita/nn/model_file.hpp"

#include "perdita/data/safetensors.hpp"

namespace perdita::nn {

void save_model(const std::filesystem::path& path, const Module& module) {
  data::SafeTensors file;
  for (const auto& [name, tensor] : module.state_dict()) file.tensors[name] = tensor.to_array();
  data::write_safetensors(path, file);
}

void load_model(const std::filesystem::path& path, const Module& module) {
  StateDict state;
  for (const auto& [name, array] : data::read_safetensors(path).tensors) state.emplace_back(name, Tensor::from(array));
  module.load_state_dict(state);
}

}  // namespace perdita::nn
