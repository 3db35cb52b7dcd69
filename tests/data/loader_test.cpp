#include "perdita/data/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "data/files.hpp"
#include "perdita/data/weighted_sampler.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;

/// Sample i holds the pixels 3i, 3i + 1, 3i + 2 (modulo 256) and the class i modulo 7.
Dataset images(std::int64_t count) {
  Array inputs = Array::empty({count, 3}, DType::uint8), targets = Array::empty({count}, DType::int64);
  for (std::int64_t i = 0; i < 3 * count; ++i) inputs.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
  for (std::int64_t i = 0; i < count; ++i) targets.data<std::int64_t>()[i] = i % 7;
  return Dataset::of(std::move(inputs), std::move(targets));
}

/// Checks every batch of an epoch against the dataset and returns the indices in order.
Ints check_epoch(DataLoader& loader) {
  Ints order;
  const PixelScale scale = loader.dataset().pixels;
  for (const Batch& batch : loader) {
    const auto& [inputs, targets] = batch;
    EXPECT_EQ(inputs.shape(), (Shape{batch.size(), 3}));
    EXPECT_EQ(inputs.dtype(), DType::float32);
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      const std::int64_t index = batch.indices()[static_cast<std::size_t>(row)];
      order.push_back(index);
      EXPECT_EQ(targets.data<std::int64_t>()[row], index % 7);
      for (std::int64_t j = 0; j < 3; ++j) {
        const double pixel = static_cast<double>((3 * index + j) % 256);
        EXPECT_EQ(inputs.data<float>()[3 * row + j], static_cast<float>((pixel / 255 - scale.mean) / scale.deviation));
      }
    }
  }
  return order;
}

TEST(DataLoader, ReadsAsInTheTrainingLoop) {
  DataLoader loader(images(10), {.batch_size = 4});
  EXPECT_EQ(loader.size(), 3);
  std::vector<std::int64_t> sizes;
  for (auto [inputs, labels] : loader) {
    static_assert(std::is_same_v<std::remove_cvref_t<decltype(inputs)>, Tensor>);
    EXPECT_EQ(inputs.size(0), labels.size(0));
    sizes.push_back(labels.numel());
  }
  EXPECT_EQ(sizes, (Ints{4, 4, 2}));
}

TEST(DataLoader, TakesAUsersTensors) {
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {3, 2}), y = Tensor::from({0.1f, 0.2f, 0.3f});
  DataLoader loader(Dataset::of(x, y), {.batch_size = 2, .drop_last = true});
  int batches = 0;
  for (auto [inputs, targets] : loader) {
    EXPECT_EQ(inputs.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(targets.to_vector<float>(), (std::vector<float>{0.1f, 0.2f}));
    ++batches;
  }
  EXPECT_EQ(batches, 1);
}

TEST(DataLoader, OrderAndContentDoNotDependOnPrefetch) {
  Dataset dataset = images(101);
  dataset.pixels = {.mean = 0.286, .deviation = 0.353};
  const std::vector<std::function<LoaderOptions()>> kinds{
      [] { return LoaderOptions{.batch_size = 8}; },
      [] { return LoaderOptions{.batch_size = 8, .shuffle = true, .seed = 5}; },
      [] { return LoaderOptions{.batch_size = 101, .shuffle = true, .seed = 5}; },
      [] { return LoaderOptions{.shuffle = true, .seed = 6}; },
      [] { return LoaderOptions{.batch_size = 7, .sampler = RandomSampler(101, {.replacement = true})}; },
      [] {
        return LoaderOptions{.batch_size = 7, .sampler = SubsetRandomSampler({5, 6, 99, 0}, 2)};
      },
      [] {
        return LoaderOptions{.batch_size = 9, .drop_last = true, .sampler = SubsetSampler({3, 1, 2})};
      },
      [] { return LoaderOptions{.batch_size = 9, .sampler = WeightedRandomSampler(std::vector<double>(101, 2), 55)}; },
  };
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    SCOPED_TRACE(kind);
    std::vector<std::vector<Ints>> orders;
    for (int prefetch : {0, 1, 2, 50}) {
      LoaderOptions options = kinds[kind]();
      options.prefetch = prefetch;
      DataLoader loader(dataset, options);
      orders.push_back({check_epoch(loader), check_epoch(loader)});
      EXPECT_EQ(orders.back(), orders.front()) << "prefetch " << prefetch;
    }
  }
}

TEST(DataLoader, ShufflesAnewEachEpoch) {
  DataLoader loader(images(50), {.batch_size = 7, .shuffle = true, .seed = 1});
  const Ints first = check_epoch(loader), second = check_epoch(loader);
  EXPECT_NE(first, second);
  Ints sorted = second, all(50);
  std::ranges::sort(sorted);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
  DataLoader again(images(50), {.batch_size = 3, .shuffle = true, .seed = 1});
  EXPECT_EQ(check_epoch(again), first);
}

TEST(DataLoader, DropLast) {
  for (std::int64_t count : {1, 8, 9, 15, 16}) {
    DataLoader keeps(images(count), {.batch_size = 8}), drops(images(count), {.batch_size = 8, .drop_last = true});
    EXPECT_EQ(keeps.size(), (count + 7) / 8);
    EXPECT_EQ(drops.size(), count / 8);
    EXPECT_EQ(check_epoch(keeps).size(), static_cast<std::size_t>(count));
    EXPECT_EQ(check_epoch(drops).size(), static_cast<std::size_t>(count / 8 * 8));
  }
}

TEST(DataLoader, ResumesWhereItStood) {
  const LoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 9};
  Ints expected;
  DataLoader whole(images(30), options);
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (const Batch& batch : whole) expected.insert(expected.end(), batch.indices().begin(), batch.indices().end());
  }
  EXPECT_EQ(whole.state(), (LoaderState{9, 3, 0}));
  // Stopped after every possible number of batches, and continued by another loader.
  for (std::int64_t stop = 1; stop <= 24; ++stop) {
    Ints seen;
    DataLoader before(images(30), options), after(images(30), options);
    LoaderState state;
    for (std::int64_t done = 0; done < stop;) {
      for (const Batch& batch : before) {
        seen.insert(seen.end(), batch.indices().begin(), batch.indices().end());
        state = before.state();
        if (++done == stop) break;
      }
    }
    EXPECT_EQ(state, (LoaderState{9, static_cast<std::uint64_t>((stop - 1) / 8), (stop - 1) % 8 + 1}));
    after.restore(state);
    while (after.state().epoch < 3) {
      for (const Batch& batch : after) seen.insert(seen.end(), batch.indices().begin(), batch.indices().end());
    }
    EXPECT_EQ(seen, expected) << "stopped after " << stop << " batches";
  }
  EXPECT_CONTAINS(message_of<ValueError>([&] { whole.restore({8, 0, 0}); }), "the state has seed 8, this loader 9");
  EXPECT_CONTAINS(message_of<ValueError>([&] { whole.restore({9, 0, 9}); }), "position is 9 (valid: 0..8 batches)");
}

TEST(DataLoader, ALoopLeftEarlyIsFollowedByTheNextEpoch) {
  DataLoader loader(images(30), {.batch_size = 4, .shuffle = true}),
      whole(images(30), {.batch_size = 4, .shuffle = true});
  const Ints first = check_epoch(whole), second = check_epoch(whole);
  for (int i = 0; i < 100; ++i) {
    loader.restore({});
    for (const Batch& batch : loader) {
      EXPECT_EQ(batch.indices()[0], first[0]);
      break;
    }
    ASSERT_EQ(check_epoch(loader), second);
  }
}

TEST(DataLoader, IteratorsOutliveTheLoaderAndEachOther) {
  auto loader = std::make_unique<DataLoader>(images(30), LoaderOptions{.batch_size = 4, .shuffle = true});
  auto a = loader->begin(), b = loader->begin();  // two epochs at once
  Ints first, second;
  loader.reset();
  for (; a != std::default_sentinel; ++a, ++b) {
    first.insert(first.end(), a->indices().begin(), a->indices().end());
    second.insert(second.end(), b->indices().begin(), b->indices().end());
  }
  EXPECT_EQ(b, std::default_sentinel);
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), 30u);
}

TEST(DataLoader, BatchesStayValidWhileTheyAreHeld) {
  DataLoader loader(images(40), {.batch_size = 4});
  std::vector<Batch> held;
  for (const Batch& batch : loader) held.push_back(batch);
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].targets.data<std::int64_t>()[0], static_cast<std::int64_t>(4 * i % 7));
    EXPECT_EQ(held[i].inputs.data<float>()[0], static_cast<float>(12 * i) / 255.0f);
  }
}

TEST(DataLoader, SteadyStateTakesNothingFromTheSystem) {
  const LoaderOptions options{.batch_size = 32, .shuffle = true, .prefetch = 3};
  DataLoader loader(images(1000), options);
  for (auto [inputs, targets] : loader) {
  }
  const BufferStatistics before = buffer_statistics();
  reset_peak_buffer_statistics();
  for (int epoch = 0; epoch < 20; ++epoch) {
    for (auto [inputs, targets] : loader) {
    }
  }
  EXPECT_EQ(buffer_statistics().system_allocations, before.system_allocations);
  // Never more than the order and one batch beside those made ahead: inputs 384 bytes, targets and indices 256.
  EXPECT_LE(buffer_statistics().peak_bytes_in_use, before.bytes_in_use + 8192 + 4 * (384 + 256 + 256));
}

/// A sampler that fails, in one way or another, after some epochs.
struct Faulty : Sampler {
  enum class Way { throws, out_of_range } way;
  explicit Faulty(Way chosen) : way(chosen) {}
  std::int64_t size() const override { return 20; }
  void draw(std::uint64_t epoch, std::span<std::int64_t> indices) const override {
    std::iota(indices.begin(), indices.end(), 0);
    if (epoch == 0) return;
    if (way == Way::throws) throw std::logic_error("out of dice");
    indices[13] = 20;
  }
};

TEST(DataLoader, WhatFailsInTheBackgroundIsThrownByTheLoop) {
  for (int prefetch : {0, 1, 2, 10}) {
    DataLoader throws(images(20), {.batch_size = 4, .sampler = Faulty(Faulty::Way::throws), .prefetch = prefetch});
    EXPECT_EQ(check_epoch(throws).size(), 20u);
    EXPECT_EQ(message_of<std::logic_error>([&] { check_epoch(throws); }), "out of dice");
    DataLoader strays(images(20),
                      {.batch_size = 4, .sampler = Faulty(Faulty::Way::out_of_range), .prefetch = prefetch});
    EXPECT_EQ(check_epoch(strays).size(), 20u);
    int batches = 0;
    const std::string text = message_of<IndexError>([&] {
      for ([[maybe_unused]] const Batch& batch : strays) ++batches;
    });
    EXPECT_CONTAINS(text, "index[1] is 20, but there are 20 samples (valid: 0..19)");
    EXPECT_EQ(batches, 3) << "the batches before the bad one, prefetch " << prefetch;
  }
}

TEST(DataLoader, ChecksItsArguments) {
  const auto text = [](const LoaderOptions& options) {
    return message_of<ValueError>([&] { DataLoader(images(5), options); });
  };
  EXPECT_CONTAINS(text({.batch_size = 0}), "batch_size is 0 (valid: 1 or more)");
  EXPECT_CONTAINS(text({.prefetch = -1}), "prefetch is -1 (valid: 0..1024)");
  EXPECT_CONTAINS(text({.shuffle = true, .sampler = SequentialSampler(5)}), "shuffle and sampler are both given");
}

}  // namespace
}  // namespace perdita::data
