// sample_report FOLDER [regression|large]: writes a report of an invented run, to look at and for the tests of the
// page; a large one has 1,000 classes, and 1,000,000 steps as a history tells them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

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

Image disc(std::int64_t index) {
  Image image{.width = 28, .height = 28, .channels = 1, .pixels = {}};
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 28; ++x) {
      const double d = std::hypot(x - 14.0, (y - 14.0) * (1 + 0.1 * static_cast<double>(index % 7)));
      image.pixels.push_back(static_cast<std::uint8_t>(d < 10 ? 220 - 14 * d : 0));
    }
  }
  return image;
}

void add_classes(RunReport& r, std::mt19937& random, std::int64_t classes) {
  r.class_names = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                   "Coat",        "Sandal",    "Shirt",    "<script>alert(1)</script>",
                   "Bag",         "Ankle boot"};
  for (std::int64_t k = 10; k < classes; ++k) r.class_names.push_back("class " + std::to_string(k));
  perdita::evaluate::CalibrationCounts calibration(15);
  std::normal_distribution<double> normal;
  for (std::int64_t i = 0; i < std::max<std::int64_t>(10000, 50 * classes); ++i) {
    const std::int64_t label = i % classes;
    const double hard = label % 10 == 6 ? 2.2 : label % 10 == 1 ? -1.5 : 0.0;
    const double margin = 3.2 - hard + 2.4 * normal(random);
    r.test_losses.push_back(static_cast<float>(std::log1p(std::exp(-margin)) + 1e-6));
    r.targets.push_back(label);
    r.predictions.push_back(margin > 0 ? label : (label + 2 + 2 * static_cast<std::int64_t>(random() % 3)) % classes);
    calibration.add(1 / (1 + std::exp(-std::abs(1.3 * margin))), margin > 0);
  }
  r.calibration = calibration.result();
  r.class_weights.how = "inverse_sqrt";
  for (std::int64_t k = 0; k < classes; ++k) {
    const double samples = 6000 * std::pow(0.01, static_cast<double>(k) / static_cast<double>(classes - 1));
    r.class_weights.samples.push_back(static_cast<std::int64_t>(samples));
    r.class_weights.weights.push_back(1 / std::sqrt(samples));
  }
  r.picture = disc;
  r.contradicted = 321;
  for (std::int64_t i = 0; i < 20; ++i) {
    r.suspects.push_back({.row = 37 * i,
                          .label = r.class_names[static_cast<std::size_t>(i % 10)],
                          .aum = -9.0 + 0.3 * static_cast<double>(i),
                          .mean_loss = 6.0 - 0.2 * static_cast<double>(i),
                          .picture = disc(i)});
  }
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
    std::fputs("usage: sample_report FOLDER [regression|large]\n", stderr);
    return 2;
  }
  std::mt19937 random(7);
  RunReport r;
  const std::string kind = argc > 2 ? argv[2] : "";
  const bool regression = kind == "regression", large = kind == "large";
  r.data = regression ? "houses.csv" : "Fashion-MNIST";
  r.model = regression ? "an MLP 13-64-1" : "an MLP 784-256-10";
  r.loss = regression ? "mse" : "cross_entropy";
  r.train_samples = 54000, r.val_samples = 6000;
  large ? add_history(r, random, 1000, 1000) : add_history(r, random, 15, 422);
  regression ? add_regression(r, random) : add_classes(r, random, large ? 1000 : 10);
  r.diagnosis = perdita::diagnose::diagnose({.history = r.history, .class_names = r.class_names});
  r.configuration = {{"data", r.data},    {"hidden", "256"}, {"optimizer", "sgd"}, {"lr", "0.1"},
                     {"momentum", "0.9"}, {"epochs", "15"},  {"seed", "1"},        {"threads", "2"}};
  r.command = "perdita train --data fashion-mnist --loss cross_entropy --hidden 256 --optimizer sgd --lr 0.1 --seed 1";
  r.version = "0.1.0";
  std::filesystem::create_directories(argv[1]);
  perdita::report::write_report(r, argv[1]);
  return 0;
}
