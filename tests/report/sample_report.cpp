// sample_report FOLDER [regression]: writes a report of an invented run, to look at and for the tests of the page.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>

#include "perdita/report/html.hpp"

namespace {
using perdita::report::Image;
using perdita::report::RunReport;

void add_history(RunReport& r, std::mt19937& random, int epochs, int steps) {
  std::normal_distribution<double> noise;
  std::int64_t step = 0;
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    for (int i = 0; i < steps; ++i) {
      ++step;
      const double clean = 0.22 + 2.0 * std::exp(-std::pow(static_cast<double>(step) / 60.0, 0.45));
      r.history.push_back({"step", epoch, step, {{"train_loss", clean * std::exp(0.18 * noise(random))}, {"lr", 0.1}}});
    }
    const double e = static_cast<double>(epoch);
    const double train = 0.15 + 0.45 * std::exp(-e / 4), val = 0.29 + 0.25 * std::exp(-e / 2.5) + 0.0022 * e;
    r.history.push_back({"epoch", epoch, 0, {{"train_loss", train}, {"val_loss", val}, {"seconds", 0.8}}});
  }
}

void add_classes(RunReport& r, std::mt19937& random) {
  r.class_names = {"T-shirt/top", "Trouser", "Pullover",   "Dress", "Coat",
                   "Sandal",      "Shirt",   "<script>alert(1)</script>", "Bag",   "Ankle boot"};
  std::normal_distribution<double> normal;
  for (int i = 0; i < 10000; ++i) {
    const std::int64_t label = i % 10;
    const double hard = label == 6 ? 2.2 : label == 1 ? -1.5 : 0.0;
    const double margin = 3.2 - hard + 2.4 * normal(random);
    r.test_losses.push_back(static_cast<float>(std::log1p(std::exp(-margin)) + 1e-6));
    r.targets.push_back(label);
    r.predictions.push_back(margin > 0 ? label : (label + 2 + 2 * static_cast<std::int64_t>(random() % 3)) % 10);
  }
  r.picture = [](std::int64_t index) {
    Image image{.width = 28, .height = 28, .channels = 1, .pixels = {}};
    for (int y = 0; y < 28; ++y) {
      for (int x = 0; x < 28; ++x) {
        const double d = std::hypot(x - 14.0, (y - 14.0) * (1 + 0.1 * static_cast<double>(index % 7)));
        image.pixels.push_back(static_cast<std::uint8_t>(d < 10 ? 220 - 14 * d : 0));
      }
    }
    return image;
  };
}

void add_regression(RunReport& r, std::mt19937& random) {
  std::normal_distribution<double> normal;
  for (int i = 0; i < 2000; ++i) {
    const double target = 20 + 5 * normal(random), prediction = target + 1.3 * normal(random);
    r.target_values.push_back(target);
    r.predicted_values.push_back(prediction);
    r.test_losses.push_back(static_cast<float>((prediction - target) * (prediction - target)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: sample_report FOLDER [regression]\n", stderr);
    return 2;
  }
  std::mt19937 random(7);
  RunReport r;
  const bool regression = argc > 2;
  r.data = regression ? "houses.csv" : "Fashion-MNIST";
  r.model = regression ? "an MLP 13-64-1" : "an MLP 784-256-10";
  r.loss = regression ? "mse" : "cross_entropy";
  r.train_samples = 54000, r.val_samples = 6000;
  add_history(r, random, 15, 422);
  regression ? add_regression(r, random) : add_classes(r, random);
  r.configuration = {{"data", r.data},         {"hidden", "256"}, {"optimizer", "sgd"}, {"lr", "0.1"},
                     {"momentum", "0.9"},      {"epochs", "15"},  {"seed", "1"},        {"threads", "2"}};
  r.command = "perdita train --data fashion-mnist --loss cross_entropy --hidden 256 --optimizer sgd --lr 0.1 --seed 1";
  r.version = "0.1.0";
  std::filesystem::create_directories(argv[1]);
  perdita::report::write_report(r, argv[1]);
  return 0;
}
