// Schedules beside the formulas of torch.optim.lr_scheduler, and their text.
#include "perdita/train/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "perdita/core/error.hpp"

namespace perdita::train {
namespace {

TEST(Schedule, TextGoesThereAndBack) {
  for (const char* text : {"constant", "step:0.8,0.9", "step:0.5,factor=0.3", "cosine", "cosine:minimum=0.01"}) {
    EXPECT_EQ(to_string(parse_schedule(text)), text);
  }
  EXPECT_EQ(to_string(parse_schedule("step:0.9,0.8,factor=0.1")), "step:0.8,0.9");
  for (const char* text : {"", "steps:0.8", "step", "step:1.5", "step:0.5,gamma=2", "cosine:0.1", "constant:1"}) {
    EXPECT_THROW(parse_schedule(text), ValueError) << text;
  }
}

TEST(Schedule, StepFallsAtTheBeginningOfTheEpochOfItsShare) {
  const Schedule schedule = parse_schedule("step:0.8,0.9");
  constexpr std::int64_t batches = 97, steps = 30 * batches;  // 0.8: from the 25th epoch on; 0.9: from the 28th
  for (std::int64_t step = 0; step < steps; ++step) {
    const double expected = step < 24 * batches ? 1 : step < 27 * batches ? 0.1 : 0.01;
    EXPECT_NEAR(lr_factor(schedule, step, steps), expected, 1e-15) << step;
  }
}

TEST(Schedule, CosineFallsAfterTheWarmup) {
  const Schedule schedule = parse_schedule("cosine:minimum=0.2");
  constexpr std::int64_t steps = 110, warmup = 10;
  for (std::int64_t step = 0; step < steps; ++step) {
    const double cosine = std::cos(std::numbers::pi * static_cast<double>(step - warmup) / (steps - warmup));
    const double expected = step < warmup ? static_cast<double>(step + 1) / warmup : 0.2 + 0.4 * (1 + cosine);
    EXPECT_NEAR(lr_factor(schedule, step, steps, warmup), expected, 1e-15) << step;
  }
}

}  // namespace
}  // namespace perdita::train
