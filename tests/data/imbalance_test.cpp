#include "perdita/data/imbalance.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/files.hpp"
#include "perdita/core/random.hpp"
#include "perdita/data/class_weights.hpp"

namespace perdita::data {
namespace {

using Ints = std::vector<std::int64_t>;

Ints counts(std::int64_t largest, std::int64_t classes, std::string_view text) {
  return imbalanced_counts(largest, classes, parse_imbalance(text));
}

// The sizes in the literature's long-tailed CIFAR-10 and the same of Fashion-MNIST, by mpmath.
TEST(Imbalance, LongTailHasThePublishedSizes) {
  EXPECT_EQ(counts(5000, 10, "longtail:100"), (Ints{5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50}));
  EXPECT_EQ(counts(6000, 10, "longtail:100"), (Ints{6000, 3596, 2156, 1292, 774, 464, 278, 166, 100, 60}));
  // Whole numbers that doubles come out just below of.
  EXPECT_EQ(counts(1000, 4, "longtail:1000"), (Ints{1000, 100, 10, 1}));
  for (std::int64_t ratio = 1; ratio <= 1000; ++ratio) {
    const Imbalance tail{.profile = Profile::longtail, .ratio = static_cast<double>(ratio)};
    EXPECT_EQ(imbalanced_counts(7 * ratio, 3, tail).back(), 7) << ratio;
  }
}

TEST(Imbalance, StepCutsTheSecondHalf) {
  EXPECT_EQ(counts(6000, 4, "step:100"), (Ints{6000, 6000, 60, 60}));
  EXPECT_EQ(counts(99, 5, "step:10"), (Ints{99, 99, 9, 9, 9}));
  EXPECT_EQ(counts(99, 2, "step:1"), (Ints{99, 99}));
}

TEST(Imbalance, TheFirstOfEachClassStay) {
  constexpr std::uint64_t seed = 5;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Philox random(seed);
  Ints labels(5000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(random.below(i, 7));
  const Ints before = count_classes(labels);
  for (std::string_view text : {"longtail:20", "step:9", "longtail:1", "none"}) {
    const Ints sizes = counts(std::ranges::max(before), 7, text);
    Ints expected, seen(7);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto label = static_cast<std::size_t>(labels[i]);
      if (seen[label]++ < sizes[label]) expected.push_back(static_cast<std::int64_t>(i));
    }
    EXPECT_EQ(imbalanced_subset(labels, parse_imbalance(text)), expected) << text;
  }
  EXPECT_EQ(imbalanced_subset(labels, {}).size(), labels.size());
}

TEST(Imbalance, Texts) {
  for (std::string_view text : {"none", "longtail:100", "step:2.5"}) EXPECT_EQ(to_string(parse_imbalance(text)), text);
  for (std::string_view text : {"", "longtail", "longtail:", "longtail:0.5", "longtail:inf", "longtail:nan", "step:10x",
                                "none:3", "none:", "tail:3", "longtail:1e999"}) {
    EXPECT_CONTAINS(message_of<ValueError>([&] { parse_imbalance(text); }), "longtail:R or step:R") << text;
  }
}

TEST(Imbalance, RefusesToEmptyAClass) {
  EXPECT_CONTAINS(message_of<ValueError>([] { counts(50, 3, "longtail:100"); }), "leaves no sample of class 2");
  EXPECT_CONTAINS(message_of<ValueError>([] { counts(50, 1, "longtail:10"); }), "1 classes");
  EXPECT_CONTAINS(message_of<ValueError>([] { imbalanced_subset({}, {}); }), "0 classes");
  EXPECT_THROW(imbalanced_subset(Ints{0, 1, 2}, {}, 2), IndexError);
}

}  // namespace
}  // namespace perdita::data
