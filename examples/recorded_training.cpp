// Records a training loop: the folder receives the history, the report, the suspects and a diagnosis.
//
//   build/release/bin/examples/recorded_training /tmp/recorded
#include <fmt/format.h>

#include <filesystem>
#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "runs/recorded";
  std::filesystem::remove_all(folder);
  const data::Source source = data::load("synthetic:blobs,samples=1500,classes=3", 1);
  const data::Splits splits = data::split(source.train, {.val_fraction = 0.2, .test_fraction = 0, .seed = 1});
  data::DataLoader loader(splits.train, {.batch_size = 50, .shuffle = true, .seed = 1});

  nn::manual_seed(1);
  auto model = nn::Sequential(nn::Linear(2, 16), nn::ReLU(), nn::Linear(16, 3));
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  report::Recorder recorder(folder, {.data = "three blobs",
                                     .model = "a network with 16 hidden units",
                                     .loss = "cross_entropy",
                                     .class_names = {"red", "green", "blue"},
                                     .train_samples = splits.train.size()});
  const Tensor inputs = Tensor::from(splits.validation->inputs), labels = Tensor::from(splits.validation->targets);
  for (int epoch = 0; epoch < 8; ++epoch) {
    for (const data::Batch& batch : loader) {
      LossExtras extras;
      const Tensor loss = F::cross_entropy(model(batch.inputs), batch.targets, {.extras = &extras});
      recorder.step({.loss = loss.item(),
                     .losses = extras.losses,
                     .margins = extras.margins,
                     .labels = batch.targets,
                     .samples = batch.indices()});
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      recorder.log("lr", 0.1);
    }
    const NoGrad no_grad;
    recorder.epoch({.outputs = model(inputs), .targets = labels});
  }
  const NoGrad no_grad;
  recorder.finish({.outputs = model(inputs), .targets = labels});
  for (const diagnose::Finding& finding : recorder.diagnosis()) {
    fmt::print("{}: {}\n", diagnose::title_of(finding.issue), finding.text);
  }
  fmt::print("{}\n", (folder / "report.html").string());
  const auto history = evaluate::read_history(folder / "history.jsonl");
  const auto accuracy = evaluate::curve(history, "epoch", "val_accuracy").y;
  return accuracy.size() == 8 && accuracy.back() > 0.85 && std::filesystem::exists(folder / "suspects.csv") ? 0 : 1;
}
