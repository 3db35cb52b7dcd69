// Checkpoints: what is written is read back, bit for bit.
#include "perdita/train/checkpoint.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"

namespace perdita::train {
namespace {

struct CheckpointTest : ::testing::Test {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("perdita-checkpoint-{}.safetensors", ::getpid());
  ~CheckpointTest() override { std::filesystem::remove(path); }
};

TEST_F(CheckpointTest, ComesBackAsItWas) {
  Checkpoint written{
      .config = {}, .epoch = 7, .step = 1234, .best_epoch = 5, .best_loss = 0.1, .data_checksum = 0xfedcba98u};
  written.config.data = "synthetic:moons";
  written.model.emplace_back("layers.0.weight", Tensor::from(std::vector<float>{0.1f, -0.0f, 1e-45f}));
  written.optimizer.emplace_back("step.0", Tensor::from(std::vector<std::int64_t>{1234}));
  written.best.emplace_back("layers.0.weight", Tensor::from(std::vector<float>{1, 2, 3}));
  write_checkpoint(path, written);
  const Checkpoint read = read_checkpoint(path);
  EXPECT_EQ(read.epoch, 7);
  EXPECT_EQ(read.step, 1234);
  EXPECT_EQ(read.best_epoch, 5);
  EXPECT_EQ(read.best_loss, 0.1);
  EXPECT_EQ(read.data_checksum, 0xfedcba98u);
  EXPECT_EQ(to_json(read.config), to_json(written.config));
  ASSERT_EQ(read.model.size(), 1u);
  EXPECT_EQ(read.model[0].first, "layers.0.weight");
  const auto values = read.model[0].second.to_vector<float>();
  EXPECT_EQ(values, written.model[0].second.to_vector<float>());
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_EQ(read.optimizer[0].second.to_vector<std::int64_t>(), std::vector<std::int64_t>{1234});
  EXPECT_EQ(read.best[0].second.to_vector<float>(), (std::vector<float>{1, 2, 3}));
}

TEST_F(CheckpointTest, NoBestLossYetIsInfinite) {
  write_checkpoint(path, {});
  EXPECT_EQ(read_checkpoint(path).best_loss, std::numeric_limits<double>::infinity());
}

TEST_F(CheckpointTest, OtherFilesAreRefusedByName) {
  write_file_atomically(path, "no safetensors");
  EXPECT_THROW(read_checkpoint(path), DataError);
  std::filesystem::remove(path);
  EXPECT_THROW(read_checkpoint(path), FileError);
}

}  // namespace
}  // namespace perdita::train
