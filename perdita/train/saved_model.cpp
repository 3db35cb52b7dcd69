#include "perdita/train/saved_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"
#include "perdita/data/safetensors.hpp"
#include "perdita/train/fields.hpp"
#include "perdita/train/mlp.hpp"
#include "perdita/train/table_json.hpp"

namespace perdita::train {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Tensors = std::map<std::string, Array>;

constexpr const char* key = "perdita_model";

/// "layers.4.weight": 4.
std::int64_t layer_of(const std::string& name) {
  const std::size_t begin = name.find('.') + 1;
  const auto index = data::parse_json<Json>(name.substr(begin, name.find('.', begin) - begin), name);
  if (!index.is_number_integer()) fail<DataError>("{}: unknown tensor (valid: layers.I.weight)", name);
  return index.get<std::int64_t>();
}

bool is_of_dropout(const std::string& name) { return name.ends_with(".draws"); }

/// The tensors with the names that they have without dropout, whose layers prediction does not need.
nn::StateDict without_dropout(const Tensors& tensors) {
  std::set<std::int64_t> layers;
  for (const auto& [name, array] : tensors) {
    if (name.starts_with("layers.") && !is_of_dropout(name)) layers.insert(layer_of(name));
  }
  nn::StateDict state;
  for (const auto& [name, array] : tensors) {
    if (is_of_dropout(name)) continue;
    if (!name.starts_with("layers.")) {
      state.emplace_back(name, Tensor::from(array));
      continue;
    }
    const auto place = std::distance(layers.begin(), layers.find(layer_of(name)));
    state.emplace_back(fmt::format("layers.{}{}", 2 * place, name.substr(name.rfind('.'))), Tensor::from(array));
  }
  return state;
}

Tensor find(const nn::StateDict& state, const std::string& name) {
  const auto found = std::ranges::find(state, name, &nn::StateDict::value_type::first);
  return found == state.end() ? Tensor() : found->second;
}

Head head_from(const Fields& facts) {
  const std::string name = facts.text("head");
  for (const Head head : {Head::identity, Head::sigmoid, Head::softplus, Head::log_softmax, Head::mean_and_variance}) {
    if (name_of(head) == name) return head;
  }
  facts.refuse("head", "identity, sigmoid, softplus, log_softmax, mean_and_variance");
}

/// Sizes and scalings of a network with these tensors.
MlpOptions options_of(const nn::StateDict& state, Head head, const std::string& file) {
  MlpOptions options;
  options.head = head;
  options.input_scaling = {find(state, "input.mean"), find(state, "input.deviation")};
  options.output_scaling = {find(state, "output.mean"), find(state, "output.deviation")};
  std::vector<std::int64_t> widths;
  std::int64_t layer = 0;
  for (;; layer += 2) {
    const Tensor weight = find(state, fmt::format("layers.{}.weight", layer));
    if (!weight.defined()) break;
    if (weight.rank() != 2 || weight.dtype() != DType::float32) {
      fail<DataError>("{}: layers.{}.weight is {} of shape {} (valid: float32 [outputs, inputs])", file, layer,
                      name_of(weight.dtype()), weight.shape());
    }
    if (layer == 0) options.inputs = weight.size(1);
    widths.push_back(weight.size(0));
  }
  if (widths.empty())
    fail<DataError>("{}: the tensor layers.0.weight is missing (valid: a model of perdita train)", file);
  options.outputs = head == Head::mean_and_variance ? widths.back() / 2 : widths.back();
  options.hidden.assign(widths.begin(), widths.end() - 1);
  if (find(state, fmt::format("layers.{}.scale", layer - 2)).defined()) options.cosine_scale = 1;
  return options;
}

data::Task task_from(const Fields& facts) {
  const std::string name = facts.text("task");
  for (const data::Task task : {data::Task::regression, data::Task::binary, data::Task::multiclass}) {
    if (data::name_of(task) == name) return task;
  }
  facts.refuse("task", "regression, binary, multiclass");
}

/// The objective on a sample of the kind that the model was trained with.
Objective objective_of(const Fields& facts, std::int64_t outputs, const std::vector<std::string>& class_names) {
  const LossSum loss = parse_loss_sum(facts.text("loss"));
  data::Dataset sample;
  sample.task = task_from(facts);
  sample.class_names = class_names;
  sample.inputs = Tensor::zeros({1, 1}).to_array();
  const bool has_levels = !levels_of(loss.leading()).empty();
  if (sample.task != data::Task::regression) {
    sample.targets = Tensor::zeros({1}, DType::int64).to_array();
  } else {
    sample.targets = Tensor::zeros({1, has_levels ? 1 : outputs}).to_array();
  }
  return Objective(loss, sample);
}

std::vector<std::string> class_names_from(const Fields& facts) {
  std::vector<std::string> names;
  if (!facts.has("classes")) return names;
  for (const Json& name : facts.list("classes")) {
    if (!name.is_string()) facts.refuse("classes", "a list of strings");
    names.push_back(name.get<std::string>());
  }
  return names;
}

SavedModel build(const Fields& facts, const Tensors& tensors, const std::string& file) {
  if (facts.text("model") != "mlp") facts.refuse("model", "mlp");
  const nn::StateDict state = without_dropout(tensors);
  const MlpOptions options = options_of(state, head_from(facts), file);
  const std::vector<std::string> names = class_names_from(facts);
  SavedModel saved{.model = std::make_unique<Mlp>(options),
                   .inputs = options.inputs,
                   .objective = objective_of(facts, options.outputs, names),
                   .class_names = names,
                   .encoding = {},
                   .pixels = {}};
  saved.model->load_state_dict(state);
  if (saved.objective.outputs() != options.outputs || saved.objective.head() != options.head) {
    fail<DataError>("{}: the network has {} outputs and the head {}, but its loss {} and {} (valid: the same)", file,
                    options.outputs, name_of(options.head), saved.objective.outputs(), name_of(saved.objective.head()));
  }
  if (facts.has("columns")) saved.encoding = encoding_from_json(facts.at("columns"), file + ": columns");
  if (!saved.encoding.is_empty() && saved.encoding.width() != options.inputs) {
    fail<DataError>("{}: the columns have {} inputs, but the network {} (valid: the same)", file,
                    saved.encoding.width(), options.inputs);
  }
  if (facts.has("pixels")) {
    const Fields pixels(facts.at("pixels"), file + ": pixels");
    saved.pixels = data::PixelScale{pixels.number("mean"), pixels.number("deviation")};
  }
  return saved;
}

/// How predictions are computed from the outputs, for readers that do not know the loss.
Json output_facts(const Objective& objective) {
  Json facts{{"form", name_of(objective.form())}};
  if (objective.form() == OutputForm::class_scores) facts["scale"] = objective.logit_scale();
  if (std::isfinite(objective.softcap())) facts["softcap"] = objective.softcap();
  if (objective.form() == OutputForm::distance) facts["threshold"] = objective.threshold();
  if (objective.form() == OutputForm::quantiles) facts["levels"] = levels_of(objective.sum().leading());
  return facts;
}

}  // namespace

void write_model(const fs::path& path, const Model& model, const Problem& problem) {
  data::SafeTensors file;
  for (const auto& [name, tensor] : model.state_dict()) file.tensors[name] = tensor.to_array();
  const ModelDescription description = model.description();
  Json facts{{"model", description.kind},
             {"sizes", description.sizes},
             {"head", name_of(problem.objective.head())},
             {"loss", to_string(*problem.config.loss)},
             {"task", data::name_of(problem.train.task)},
             {"output", output_facts(problem.objective)}};
  if (!problem.train.class_names.empty()) facts["classes"] = problem.train.class_names;
  if (!problem.encoding.is_empty()) facts["columns"] = to_json(problem.encoding);
  if (problem.train.inputs.dtype == DType::uint8) {
    facts["pixels"] = {{"mean", problem.train.pixels.mean}, {"deviation", problem.train.pixels.deviation}};
  }
  file.metadata[key] = facts.dump(-1, ' ', false, Json::error_handler_t::replace);
  data::write_safetensors(path, file);
}

SavedModel read_model(const fs::path& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const fs::path file = is_folder ? path / "model.safetensors" : path;
  if (is_folder && !fs::exists(file, ignored)) {
    fail<FileError>("the folder {} has no model.safetensors (valid: the folder of a finished run)", path.string());
  }
  const data::SafeTensors content = data::read_safetensors(file);
  const auto found = content.metadata.find(key);
  if (found == content.metadata.end()) {
    fail<DataError>("{}: has no {} in its metadata (valid: a model of perdita train)", file.string(), key);
  }
  const std::string name = fmt::format("{}: {}", file.string(), key);
  const auto object = data::parse_json<Json>(found->second, name);
  try {
    return build(Fields(object, name), content.tensors, file.string());
  } catch (const DataError&) {
    throw;
  } catch (const Error& error) {
    fail<DataError>("{}: {}", file.string(), error.what());
  }
}

}  // namespace perdita::train
