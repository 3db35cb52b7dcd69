#include "perdita/train/run_report.hpp"

#include <algorithm>

#include "perdita/core/version.hpp"

namespace perdita::train {

namespace {

/// Sides of the pictures in rows of pixels, where the samples were grey pictures once.
struct Sides {
  std::int64_t height = 0, width = 0;
};

report::Image picture(const data::Dataset& images, Sides sides, std::int64_t index) {
  const std::int64_t size = sides.height * sides.width;
  const std::uint8_t* pixels = images.inputs.data<std::uint8_t>() + index * size;
  return {.width = static_cast<int>(sides.width),
          .height = static_cast<int>(sides.height),
          .channels = 1,
          .pixels = std::vector<std::uint8_t>(pixels, pixels + size)};
}

}  // namespace

report::RunReport describe(const Problem& problem, const Trainer& trainer, const Judgement* test) {
  report::RunReport page;
  page.data = problem.train.name;
  page.model = fmt::format("an MLP {}", trainer.model().sizes());
  page.loss = *problem.config.loss;
  page.train_samples = problem.train.size();
  page.val_samples = problem.validation ? problem.validation->size() : 0;
  if (test != nullptr) {
    page.test_losses = test->losses;
    page.class_names = problem.train.class_names;
    page.targets = test->targets;
    page.predictions = test->predictions;
    if (test->target_values.size() == test->losses.size()) {  // one number a sample
      page.target_values = test->target_values;
      page.predicted_values = test->predicted_values;
    }
    const Shape& shape = problem.sample_shape;
    if (problem.test->inputs.dtype == DType::uint8 && shape.rank() == 2 && std::max(shape[0], shape[1]) <= 256) {
      page.picture = [images = *problem.test, sides = Sides{shape[0], shape[1]}](std::int64_t index) {
        return picture(images, sides, index);
      };
    }
  }
  for (const Option& option : options()) {
    if (option.get == nullptr) continue;
    if (std::string value = option.get(problem.config); !value.empty()) {
      page.configuration.emplace_back(option.name, std::move(value));
    }
  }
  page.command = command_line(problem.config);
  page.version = version();
  return page;
}

}  // namespace perdita::train
