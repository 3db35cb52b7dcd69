// The distribution of per-sample losses: a mean hides who pays it. Writes distribution.svg.
#include <fmt/core.h>

#include <filesystem>
#include <perdita/core/file.hpp>
#include <perdita/evaluate/density.hpp>
#include <perdita/evaluate/statistics.hpp>
#include <perdita/perdita.hpp>
#include <perdita/report/chart.hpp>

using namespace perdita;
namespace F = perdita::functional;

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "loss_distribution";
  std::filesystem::create_directories(folder);
  nn::manual_seed(1);
  const auto [training, held_out] =
      data::hold_out(data::synthetic("moons", {.samples = 4000, .noise = 0.3}, 2), 0.5, 2);
  data::DataLoader loader(training, {.batch_size = 64, .shuffle = true, .seed = 2});
  const auto model = nn::Sequential(nn::Linear(2, 32), nn::ReLU(), nn::Linear(32, 2));
  optim::Adam optimizer(model.parameters(), {.lr = 1e-2});
  for (int epoch = 1; epoch <= 10; ++epoch) {
    for (auto [points, labels] : loader) {
      const Tensor loss = F::cross_entropy(model(points), labels);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
  }
  NoGrad no_grad;
  const Tensor labels = Tensor::from(held_out.targets);
  const auto losses =
      F::cross_entropy(model(Tensor::from(held_out.inputs)), labels, {.reduction = Reduction::none}).to_vector<float>();
  const evaluate::Summary summary = evaluate::summarize(losses);
  const report::DistributionChart chart{.title = "Test losses",
                                        .description = "Distribution of per-sample cross-entropy",
                                        .x_label = "cross-entropy of a sample",
                                        .histogram = evaluate::histogram(losses, {}),
                                        .density = evaluate::density(losses, {.reflect_at_zero = true}),
                                        .markers = {{summary.mean, "mean"}, {summary.median, "median"}}};
  write_file_atomically(folder / "distribution.svg", report::distribution_chart(chart, report::Placement::file));
  fmt::print("mean {:.3f}, median {:.3f}, 95 % below {:.3f}, worst {:.3f}; {}\n", summary.mean, summary.median,
             summary.p95, summary.max, (folder / "distribution.svg").string());
  return summary.median < summary.mean && summary.mean < summary.p95 ? 0 : 1;
}
