// A training loop in steady state takes nothing from the system.
#include <gtest/gtest.h>
#include <malloc.h>

#include <thread>

#include "perdita/core/buffer.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

TEST(SteadyState, OfTrainingTakesNothingFromTheSystem) {
  const Tensor w1 = (Tensor::randn({64, 100}, 1) * 0.1).clone().set_requires_grad(),
               b1 = Tensor::zeros({64}).set_requires_grad();
  const Tensor w2 = (Tensor::randn({10, 64}, 2) * 0.1).clone().set_requires_grad(),
               b2 = Tensor::zeros({10}).set_requires_grad();
  const Tensor data = Tensor::randn({512, 100}, 3);
  const auto step = [&](std::int64_t i) {
    const Tensor batch = data.slice(0, i % 16 * 32, i % 16 * 32 + 32);
    const Tensor labels = argmax(batch.slice(1, 0, 10), 1);
    const Tensor logits = matmul(relu(matmul(batch, w1.t()) + b1), w2.t()) + b2;
    const Tensor loss = -mean(gather(log_softmax(logits, 1), 1, labels.unsqueeze(1)));
    for (const Tensor& p : {w1, b1, w2, b2}) p.set_grad({});
    loss.backward();
    NoGrad no_grad;
    for (const Tensor& p : {w1, b1, w2, b2}) p.add_(p.grad(), -0.1);
    return loss.item();
  };
  double first = 0, last = 0;
  for (std::int64_t i = 0; i < 50; ++i) first = i == 0 ? step(i) : (step(i), first);
  const std::uint64_t blocks = buffer_statistics().system_allocations;
  const struct mallinfo2 before = mallinfo2();
  for (std::int64_t i = 0; i < 500; ++i) last = step(i);
  EXPECT_EQ(buffer_statistics().system_allocations, blocks);
  const struct mallinfo2 after = mallinfo2();
  EXPECT_EQ(after.arena + after.hblkhd, before.arena + before.hblkhd);
  EXPECT_LE(after.uordblks, before.uordblks + 4096);
  EXPECT_LT(last, first);
}

TEST(SteadyState, OfAThreadThatFeedsAnother) {
  const auto round = [] {
    std::vector<Tensor> made(1000);
    std::thread([&] {
      for (Tensor& tensor : made) tensor = Tensor::ones({16});
    }).join();
  };
  for (int i = 0; i < 10; ++i) round();
  const std::uint64_t blocks = buffer_statistics().system_allocations;
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 50; ++i) round();
  EXPECT_EQ(buffer_statistics().system_allocations, blocks);
  EXPECT_LE(mallinfo2().uordblks, before + 65536);
}

TEST(Backward, OfATransposedWeightCopiesNothing) {
  const Tensor x = Tensor::randn({32, 400}, 1), w = Tensor::randn({300, 400}, 2).set_requires_grad();
  const Tensor loss = sum(matmul(x, w.t()));
  const std::size_t before = buffer_statistics().bytes_in_use, gradient = 300 * 400 * sizeof(float);
  reset_peak_buffer_statistics();
  loss.backward();
  EXPECT_EQ(w.grad().is_contiguous(), true);
  EXPECT_LT(buffer_statistics().peak_bytes_in_use - before, 2 * gradient);
}

TEST(SteadyState, KeepsNothingOfAGraph) {
  const Tensor x = Tensor::ones({1000}).set_requires_grad();
  const std::size_t before = buffer_statistics().bytes_in_use;
  {
    const Tensor loss = sum(exp(x) * matmul(x, x.reshape({1000, 1})));
    grad(loss, x);
    sum(log(x) + softmax(x, 0));  // never differentiated
  }
  EXPECT_EQ(buffer_statistics().bytes_in_use, before);
}

}  // namespace
}  // namespace perdita
