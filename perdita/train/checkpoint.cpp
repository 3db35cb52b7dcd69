#include "perdita/train/checkpoint.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"
#include "perdita/data/safetensors.hpp"
#include "perdita/train/fields.hpp"

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
  add(file, "loss.", c.loss);
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
  const std::string name = fmt::format("{}: {}", path.string(), key);
  const auto object = data::parse_json<nlohmann::ordered_json>(found->second, name);
  const Fields facts(object, name);
  constexpr std::int64_t most_epochs = 1'000'000'000, most_steps = std::int64_t{1} << 53;
  Checkpoint c{.config = config_from_json(facts.at("config").dump(-1, ' ', true), path.string())};
  const std::int64_t epochs = c.config.epochs.value_or(most_epochs);
  c.epoch = facts.whole("epoch", 0, epochs);
  c.step = facts.whole("step", c.epoch, most_steps);
  c.best_epoch = facts.whole("best_epoch", 0, c.epoch);
  if (facts.has("best_loss")) c.best_loss = facts.number("best_loss");
  c.data_checksum = static_cast<std::uint32_t>(facts.whole("data_checksum", 0, 0xFFFFFFFF));
  c.model = take(file, "model.");
  c.optimizer = take(file, "optimizer.");
  c.best = take(file, "best.");
  c.samples = take(file, "samples.");
  c.loss = take(file, "loss.");
  return c;
}

}  // namespace perdita::train
