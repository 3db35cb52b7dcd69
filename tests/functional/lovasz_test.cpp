// The Lovasz hinge and Lovasz-Softmax against equations 8 and 9 of their paper as a loop; ties, infinities, threads.
#include "perdita/kernels/lovasz.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "functional/overlap_scenes.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/kernels/radix_sort.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using namespace overlap;

class LovaszLoss : public testing::TestWithParam<DType> {};

TEST_P(LovaszLoss, IsItsDefinition) {
  const double tolerance = GetParam() == DType::float32 ? 4e-6 : 1e-12;
  for (std::size_t pixels : {1u, 6u, 100u, 1500u, 70001u}) {
    for (Mode mode : modes) {
      for (bool batch : {false, true}) {
        Scene scene = scene_of(mode, 2, 3, pixels, false, 11);
        scene.batch = batch;
        const Tensor y = logits_of(mode, scene, GetParam()), t = targets_of(mode, scene, GetParam());
        const Row found = F::lovasz_loss(y, t, with_mode(Lovasz{}, mode, batch), {.reduction = Reduction::none})
                              .detach()
                              .to_vector<double>();
        ASSERT_EQ(found.size(), scene.masks());
        for (std::size_t m = 0; m < found.size(); ++m) {
          const double expected = truth::lovasz(scene, m);
          ASSERT_NEAR(found[m], expected, tolerance * (1 + expected)) << "mask " << m << " of " << pixels << " pixels";
        }
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Types, LovaszLoss, testing::Values(DType::float32, DType::float64));

TEST(LovaszLoss, GradientsAreDifferences) {
  for (Mode mode : modes) {
    for (bool batch : {false, true}) {
      for (std::size_t pixels : {5u, 21u}) {
        const Scene scene = scene_of(mode, 2, 3, pixels, false, 13);
        const Tensor y = logits_of(mode, scene, DType::float64), t = targets_of(mode, scene, DType::float64);
        const auto call = [&](const std::vector<Tensor>& x) {
          return F::lovasz_loss(x[0], t, with_mode(Lovasz{}, mode, batch), {.reduction = Reduction::none});
        };
        // Of the softmax the second derivative is that of the probabilities; of the hinge it is 0.
        const bool twice = pixels == 5;
        EXPECT_EQ(check_gradient(call, {y}, {.relative = 1e-5, .absolute = 1e-6, .second_order = twice}), "");
      }
    }
  }
}

TEST(LovaszLoss, OfErrorsThatAreAllOrNothingIsTheJaccardLoss) {
  // Margins of 2 and 0: an error of 0 or 1 for each pixel.
  std::mt19937 random(17);
  for (int round = 0; round < 50; ++round) {
    Row y, t;
    double both = 0, either = 0;
    for (int i = 0; i < 20; ++i) {
      const bool inside = random() % 3 == 0, wrong = random() % 4 == 0, found = inside != wrong;
      y.push_back((inside ? 1 : -1) * (wrong ? 0 : 2));
      t.push_back(inside);
      both += inside && found;
      either += inside || found;
    }
    const double expected = either == 0 ? 0 : 1 - both / either;
    EXPECT_NEAR(F::lovasz_loss(Tensor::from(y), Tensor::from(t)).item(), expected, 1e-15) << "seed 17, round " << round;
  }
}

TEST(LovaszLoss, OfASinglePixelIsTheHinge) {
  for (double y : {-2.0, 0.5, 1.0, 3.0}) {
    for (double t : {0.0, 1.0})
      EXPECT_EQ(F::lovasz_loss(Tensor::from({y}), Tensor::from({t})).item(), std::max(0.0, 1 - (2 * t - 1) * y));
  }
}

TEST(LovaszLoss, OfEmptyMasks) {
  // Only the largest error counts, as in the authors' code.
  const Tensor y = Tensor::from({-3.0, 0.5, 2.0}).set_requires_grad();
  const Tensor loss = F::lovasz_loss(y, Tensor::zeros({3}, DType::float64));
  EXPECT_EQ(loss.item(), 3);
  EXPECT_EQ(grad(loss, y).to_vector<double>(), (Row{0, 0, 1}));
  EXPECT_EQ(F::lovasz_loss(Tensor::zeros({2, 0}), Tensor::zeros({2, 0})).item(), 0);
  EXPECT_EQ(F::lovasz_loss(y, Tensor::full({3}, -100, DType::float64)).item(), 0);
  // Of classes, those without a pixel count for nothing unless they are asked for.
  const Tensor z = Tensor::zeros({1, 3, 2}, DType::float64), labels = Tensor::zeros({1, 2}, DType::int64);
  EXPECT_NEAR(F::lovasz_loss(z, labels).item(), 2.0 / 3, 1e-15);
  EXPECT_NEAR(F::lovasz_loss(z, labels, {.present_only = false}).item(), (2.0 / 3 + 2 * 1.0 / 3) / 3, 1e-15);
}

TEST(LovaszLoss, TiesAreTakenAsTheyLie) {
  const Tensor y = Tensor::zeros({4}, DType::float64).set_requires_grad();
  const Tensor loss = F::lovasz_loss(y, Tensor::from({1.0, 0.0, 1.0, 0.0}));
  EXPECT_NEAR(loss.item(), 1, 1e-15);  // all wrong, by 1 each
  // By hand: sets of the first k pixels have Jaccard losses 1/2, 2/3, 1 and 1.
  const Row found = grad(loss, y).to_vector<double>(), expected{-1.0 / 2, 1.0 / 6, -1.0 / 3, 0};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(found[i], expected[i], 1e-15);
}

TEST(LovaszLoss, OfLargeInfiniteAndUndefinedLogits) {
  const auto of = [](const Row& y, const Row& t) { return F::lovasz_loss(Tensor::from(y), Tensor::from(t)).item(); };
  EXPECT_EQ(of({inf, -inf, 1e4}, {1, 0, 1}), 0);
  EXPECT_EQ(of({-inf, 3}, {1, 1}), inf);
  EXPECT_EQ(of({-1e4, 3}, {1, 1}), 10001.0 / 2);
  EXPECT_EQ(of({-inf, -inf, inf}, {1, 1, 0}), inf);  // the last one adds nothing, and not infinity times 0
  EXPECT_TRUE(std::isnan(of({nan, 3}, {1, 0})));
  EXPECT_EQ(of({nan, 3}, {-100, 1}), 0);
}

TEST(LovaszLoss, DoesNotDependOnThreadsNorOnTheOrderOfPixels) {
  const int threads = num_threads();
  constexpr std::int64_t pixels = 200003;
  const Tensor y = Tensor::randn({pixels}, 1).set_requires_grad(),
               t = (Tensor::rand({pixels}, 2) < 0.3).to(DType::float32);
  std::vector<std::vector<float>> found;
  for (int count : {1, 2, 5}) {
    set_num_threads(count);
    found.push_back(grad(F::lovasz_loss(y, t), y).to_vector<float>());
    found.back().push_back(static_cast<float>(F::lovasz_loss(y, t).item()));
  }
  set_num_threads(threads);
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
  std::vector<std::int64_t> order(pixels);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  const Tensor mixed = Tensor::from(order);
  const double other = F::lovasz_loss(index_select(y, 0, mixed), index_select(t, 0, mixed)).item();
  EXPECT_NEAR(other, F::lovasz_loss(y, t).item(), 1e-6);
}

TEST(RadixSort, IsTheStableSort) {
  std::mt19937_64 random(23);
  for (std::int64_t count : {0, 1, 511, 512, 65536, 65537, 200000}) {
    for (std::uint64_t mask : {0ull, 0xffull, 0xffffffffull, ~0ull}) {
      std::vector<kernels::Keyed<std::uint64_t>> entries(static_cast<std::size_t>(count)), spare(entries.size());
      for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = {random() & mask, static_cast<std::uint32_t>(i)};
      auto expected = entries;
      std::stable_sort(expected.begin(), expected.end(), [](auto& a, auto& b) { return a.key < b.key; });
      for (bool alone : {false, true}) {
        auto mine = entries;
        const auto* const sorted = kernels::radix_sort(mine.data(), spare.data(), count, alone);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_EQ(sorted[i].key, expected[i].key) << "seed 23, " << count << " entries";
          ASSERT_EQ(sorted[i].value, expected[i].value) << "seed 23, " << count << " entries";
        }
      }
    }
  }
}

}  // namespace
}  // namespace perdita
