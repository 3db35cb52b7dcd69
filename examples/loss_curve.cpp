// A training loop that keeps its loss curve and draws it: history.jsonl for other tools, loss.svg to look at.
#include <fmt/core.h>

#include <filesystem>
#include <perdita/core/file.hpp>
#include <perdita/evaluate/history.hpp>
#include <perdita/perdita.hpp>
#include <perdita/report/chart.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "loss_curve";
  std::filesystem::create_directories(folder);
  nn::manual_seed(1);
  const auto [training, held_out] =
      data::hold_out(data::synthetic("circles", {.samples = 1500, .noise = 0.1}, 6), 0.3, 6);
  data::DataLoader loader(training, {.batch_size = 50, .shuffle = true, .seed = 6});
  const Tensor points = Tensor::from(held_out.inputs), labels = Tensor::from(held_out.targets);

  const auto model = nn::Sequential(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 1));
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  auto history = evaluate::History::create(folder / "history.jsonl");
  for (int epoch = 1; epoch <= 25; ++epoch) {
    double total = 0;
    for (auto [x, y] : loader) {
      const Tensor loss = F::binary_cross_entropy_with_logits(model(x).squeeze(1), y);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      total += loss.item();
    }
    NoGrad no_grad;
    const double validation = F::binary_cross_entropy_with_logits(model(points).squeeze(1), labels).item();
    history.write(
        {"epoch", epoch, 0, {{"train_loss", total / static_cast<double>(loader.size())}, {"val_loss", validation}}});
  }

  const auto records = evaluate::read_history(folder / "history.jsonl");
  const auto train_curve = evaluate::curve(records, "epoch", "train_loss"),
             val_curve = evaluate::curve(records, "epoch", "val_loss");
  const report::LineChart chart{
      .title = "Loss",
      .description = "Training and validation loss over 25 epochs",
      .x_label = "epoch",
      .y_label = "binary cross-entropy",
      .series = {{"train", train_curve.x, train_curve.y}, {"validation", val_curve.x, val_curve.y}}};
  write_file_atomically(folder / "loss.svg", report::line_chart(chart, report::Placement::file));
  fmt::print("{}: training loss from {:.3f} to {:.3f}\n", (folder / "loss.svg").string(), train_curve.y.front(),
             train_curve.y.back());
  return train_curve.y.size() == 25 && train_curve.y.back() < 0.5 * train_curve.y.front() ? 0 : 1;
}
