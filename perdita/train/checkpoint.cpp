#include "perdita/train/checkpoint.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/data/safetensors.hpp"

namespace perdita::train {

namespace {

constexpr const char* key = "perdita_checkpoint";

void add(data::SafeTensors& file, const std::string& prefix, const nn::StateDict& state) {
  for (const auto& [name, tensor] : state) file.tensors[prefix + name] = tensor.to_array();
}

nn::StateDict take(const data::SafeTensors& file, const std::string& prefix) {
  nn::StateDict state;
  for (const auto& [name, array] : file.tensors) {
    if (name.starts_with(prefix)) state.emplace_back(name.substr(prefix.size()), Tensor::from(array));
  }
  return state;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  data::SafeTensors file;
  add(file, "model.", c.model);
  add(file, "optimizer.", c.optimizer);
  add(file, "best.", c.best);
  add(file, "samples.", c.samples);
  nlohmann::ordered_json facts{{"epoch", c.epoch}, {"step", c.step}, {"best_epoch", c.best_epoch}};
  if (std::isfinite(c.best_loss)) facts["best_loss"] = c.best_loss;
  facts["data_checksum"] = c.data_checksum;
  facts["config"] = nlohmann::ordered_json::parse(to_json(c.config));
  file.metadata[key] = facts.dump();
  data::write_safetensors(path, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const data::SafeTensors file = data::read_safetensors(path);
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    fail<DataError>("{}: has no {} in its metadata (valid: a checkpoint of perdita train)", path.string(), key);
  }
  try {
    const auto facts = nlohmann::ordered_json::parse(found->second);
    return {.config = config_from_json(facts.at("config").dump(), path.string()),
            .epoch = facts.at("epoch").get<std::int64_t>(),
            .step = facts.at("step").get<std::int64_t>(),
            .best_epoch = facts.at("best_epoch").get<std::int64_t>(),
            .best_loss = facts.value("best_loss", std::numeric_limits<double>::infinity()),
            .data_checksum = facts.at("data_checksum").get<std::uint32_t>(),
            .model = take(file, "model."),
            .optimizer = take(file, "optimizer."),
            .best = take(file, "best."),
            .samples = take(file, "samples.")};
  } catch (const nlohmann::json::exception& error) {
    fail<DataError>("{}: its {} is malformed: {}", path.string(), key, error.what());
  }
}

}  // namespace perdita::train
