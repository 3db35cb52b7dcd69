// A whole training loop: it learns, does not depend on threads, and in steady state takes no memory from the system.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/nn/layers.hpp"
#include "perdita/nn/losses.hpp"
#include "perdita/optim/sgd.hpp"

namespace perdita {
namespace {

struct Trained {
  nn::Sequential model;
  double first_loss = 0, last_loss = 0;
};

/// Learns to tell whether a point lies inside a circle.
Trained trained(int threads, int steps) {
  set_num_threads(threads);
  nn::manual_seed(5);
  Trained run{nn::Sequential(nn::Linear(2, 64), nn::ReLU(), nn::Linear(64, 2))};
  const Tensor inputs = Tensor::randn({512, 2}, 1);
  const Tensor labels = (sum(square(inputs), 1) < 1.4).to(DType::int64);
  optim::SGD optimizer(run.model.parameters(), {.lr = 0.5, .momentum = 0.9});
  for (int i = 0; i < steps; ++i) {
    const Tensor loss = functional::cross_entropy(run.model(inputs), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    run.last_loss = loss.item();
    if (i == 0) run.first_loss = run.last_loss;
  }
  set_num_threads(1);
  return run;
}

TEST(Training, Learns) {
  const Trained run = trained(1, 100);
  EXPECT_GT(run.first_loss, 0.5);
  EXPECT_LT(run.last_loss, 0.15);
}

TEST(Training, IsTheSameBitForBitForAnyNumberOfThreads) {
  const auto one = trained(1, 30).model.state_dict(), two = trained(2, 30).model.state_dict();
  for (std::size_t i = 0; i < one.size(); ++i) {
    const auto a = one[i].second.to_vector<float>(), b = two[i].second.to_vector<float>();
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << one[i].first;
  }
}

TEST(Training, SteadyStateTakesNoMemoryFromTheSystem) {
  nn::manual_seed(5);
  const nn::Sequential model(nn::Linear(20, 64), nn::ReLU(), nn::Linear(64, 3));
  const Tensor inputs = Tensor::randn({128, 20}, 1);
  const Tensor labels = argmax(Tensor::randn({128, 3}, 2), 1);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  const auto step = [&] {
    const Tensor loss = functional::cross_entropy(model(inputs), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  for (int i = 0; i < 20; ++i) step();
  const auto blocks = buffer_statistics().system_allocations;
  const auto heap = mallinfo2();
  for (int i = 0; i < 300; ++i) step();
  EXPECT_EQ(buffer_statistics().system_allocations, blocks);
  EXPECT_EQ(mallinfo2().arena, heap.arena);
  EXPECT_EQ(mallinfo2().hblkhd, heap.hblkhd);
}

}  // namespace
}  // namespace perdita
