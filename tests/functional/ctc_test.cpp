// CTC's numbers: against all alignments one by one, the recursion in logarithms, and PyTorch's values.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ctc_problems.hpp"

namespace perdita {
namespace {

namespace F = functional;
using namespace testing;

TEST(Ctc, IsTheSumOverAllAlignments) {
  const CtcLabels targets[] = {{}, {1}, {2, 2}, {1, 2, 1}, {2, 1, 1, 2}, {1, 1, 1}};
  std::uint64_t seed = 0;
  for (const std::int64_t frames : {1, 2, 5, 7}) {
    for (const CtcLabels& target : targets) {
      for (const std::int64_t blank : {0, 3}) {
        const Tensor x = drawn({frames, 4}, ++seed) * 2.0;  // need not be normalised
        const auto expected = ctc_by_enumeration(x.to_vector<double>(), 4, target, blank);
        SCOPED_TRACE(fmt::format("frames {} target [{}] blank {}", frames, fmt::join(target, " "), blank));
        const Found found = one(x, target, {.blank = blank});
        if (expected.loss == inf) {
          EXPECT_EQ(found.loss, inf);
          EXPECT_EQ(found.gradient, Row(found.gradient.size()));
        } else {
          expect_near(found, expected, 1e-13);
        }
      }
    }
  }
}

TEST(Ctc, HasTheValuesOfPyTorch) {
  // PyTorch 2.13 on these logits; `slopes` are sums over the frames of its gradient, each element times a cosine.
  Row logits;
  for (int t = 0; t < 6; ++t) {
    for (int n = 0; n < 3; ++n) {
      for (int c = 0; c < 5; ++c) logits.push_back((7 * t + 11 * n + 13 * c + 3 * t * c + 5 * n * t * c) % 17 / 4.0);
    }
  }
  const Tensor targets = integers({1, 2, 2, 3, 1, 9, 4, 4, 4}, {3, 3}), lengths = integers({3, 2, 2});
  struct Case {
    std::int64_t blank;
    Row losses;
    double mean;
    Row slopes;  // of the mean
  };
  const Case cases[] = {{0,
                         {4.910764524330313, 4.076298374063215, 6.701830837634272},
                         2.3419953713196158,
                         {0.06560107413329024, -0.027339989134404823, 0.08286038684766103, 0.07046561557304361,
                          -0.01061055881735349, 0.002456542342984582}},
                        {3,
                         {8.031191143542602, 4.421922073521932, 8.380463043043262},
                         3.026085424265599,
                         {-0.018759233327566606, 0.13326903421783684, -0.20441812444048985, 0.13235295042421796,
                          -0.0657853992538237, 0.014763355767611947}}};
  for (const Case& c : cases) {
    const Tensor x = Tensor::from(logits, {6, 3, 5});
    x.set_requires_grad();
    const auto loss = [&](const LossOptions& options) {
      return F::ctc_loss(log_softmax(x, 2), targets, integers({6, 4, 5}), lengths, {.blank = c.blank}, options);
    };
    const Row losses = loss(each).to_vector<double>();
    for (std::size_t n = 0; n < 3; ++n) EXPECT_NEAR(losses[n], c.losses[n], 1e-13);
    EXPECT_NEAR(loss({.reduction = Reduction::sum}).item(), c.losses[0] + c.losses[1] + c.losses[2], 1e-13);
    const Tensor mean = loss({});
    EXPECT_NEAR(mean.item(), c.mean, 1e-13);
    mean.backward();
    const Row gradient = x.grad().to_vector<double>();
    for (std::size_t t = 0; t < 6; ++t) {
      double slope = 0;
      for (std::size_t i = 15 * t; i < 15 * t + 15; ++i) slope += gradient[i] * std::cos(static_cast<double>(i));
      EXPECT_NEAR(slope, c.slopes[t], 1e-13) << t;
    }
  }
}

// A label equal to the blank is a label of its own, as in PyTorch (whose gradient is wrong where such a target ends in
// it: 2.13 fails its own gradcheck).
TEST(Ctc, TheBlankMayStandInATarget) {
  const Tensor x = log_softmax(drawn({9, 4}, 3), 1);
  for (const CtcLabels& target : {CtcLabels{0}, CtcLabels{1, 0, 2}, CtcLabels{0, 0, 1}}) {
    expect_near(one(x, target), ctc_in_logarithms<double>(x.to_vector<double>(), 4, target, 0), 1e-13);
  }
}

// The hard cases: alphas and betas of the states that matter differ by far more than a double holds.
TEST(Ctc, ProbabilitiesMayBeBeyondTheRangeOfADouble) {
  const unsigned seed = 5;
  std::mt19937 random(seed);
  for (const double depth : {30.0, 300.0, 5000.0}) {
    for (const std::int64_t frames : {80, 150, 700}) {
      for (const std::int64_t length : {20, 55}) {
        // All frames are sure of a blank; a few are unsure, to different degrees.
        std::uniform_real_distribution<double> unit(0, 1);
        Row x(static_cast<std::size_t>(frames * 6));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 6 == 0 ? -1e-3 * unit(random) : -depth * unit(random) - 1;
        CtcLabels target;
        for (std::int64_t i = 0; i < length; ++i) target.push_back(1 + static_cast<std::int64_t>(random() % 5));
        const auto expected = ctc_in_logarithms<long double>(x, 6, target, 0);
        SCOPED_TRACE(fmt::format("depth {} frames {} length {}", depth, frames, length));
        expect_near(one(Tensor::from(x, {frames, 6}), target), expected, 1e-9);
      }
    }
  }
}

// Sure of a wrong answer: the best begin and the best end of a path do not meet.
TEST(Ctc, PathsMayBeUnlikelyThroughout) {
  for (const double depth : {50.0, 2000.0}) {
    const std::int64_t frames = 150, length = 40;
    Row x;
    for (std::int64_t t = 0; t < frames; ++t) {
      for (std::int64_t c = 0; c < 5; ++c)
        x.push_back(c == 0 ? 0 : -depth - 0.1 * static_cast<double>((t * 7 + c * 3) % 11));
    }
    CtcLabels target;
    for (std::int64_t i = 0; i < length; ++i) target.push_back(1 + i % 4);
    const auto expected = ctc_in_logarithms<long double>(x, 5, target, 0);
    EXPECT_GT(expected.loss, 38 * depth);
    expect_near(one(Tensor::from(x, {frames, 5}), target), expected, 1e-9);
  }
}

// What rounding leaves of each frame's exponents adds up over thousands of them, upwards or downwards.
TEST(Ctc, SequencesMayBeLong) {
  const std::int64_t frames = 3000;
  for (const double x : {0.34, -0.34}) {
    const Row all(static_cast<std::size_t>(frames * 3), x);
    for (const CtcLabels& target : {CtcLabels{}, CtcLabels{1, 2, 1, 1, 2}}) {
      expect_near(one(Tensor::from(all, {frames, 3}), target), ctc_in_logarithms<long double>(all, 3, target, 0),
                  1e-11);
    }
  }
}

TEST(Ctc, TheFinestLengthsFit) {
  const Tensor x = log_softmax(drawn({12, 5}, 11), 1);
  const CtcLabels target{1, 2, 3, 4, 4, 3, 2, 2, 1, 2};  // 10 labels and 2 blanks between equal ones: a single path
  expect_near(one(x, target), ctc_in_logarithms<double>(x.to_vector<double>(), 5, target, 0), 1e-13);
  EXPECT_EQ(one(x.slice(0, 0, 11), target).loss, inf);
}

TEST(Ctc, AThousandFramesInFloatAreWithin1e4OfDouble) {
  const Problem p = problem(1000, 16, 100, 200, 17);
  const BatchResult exact = evaluate(p, p.log_probs), single = evaluate(p, p.log_probs.to(DType::float32));
  EXPECT_LE(largest_difference(exact.gradient, single.gradient), 1e-7);  // 1e-4 was asked for
  const Row all = p.log_probs.to_vector<double>();
  const auto lengths = p.input_lengths.to_vector<std::int64_t>();
  double in_loss = 0, in_gradient = 0;
  for (std::size_t n : {0u, 9u}) {
    Row x, gradient;
    for (std::size_t t = 0; t < 1000; ++t) {
      const auto begin = static_cast<std::ptrdiff_t>((t * 16 + n) * 100);
      if (t < static_cast<std::size_t>(lengths[n])) x.insert(x.end(), all.begin() + begin, all.begin() + begin + 100);
      gradient.insert(gradient.end(), exact.gradient.begin() + begin, exact.gradient.begin() + begin + 100);
    }
    auto expected = ctc_in_logarithms<long double>(x, 100, p.labels[n], 0);
    in_loss = std::max(in_loss, std::abs(static_cast<double>(expected.loss) / exact.losses[n] - 1));
    expected.gradient.resize(gradient.size());  // frames past the input length: 0
    in_gradient =
        std::max(in_gradient, largest_difference(gradient, Row(expected.gradient.begin(), expected.gradient.end())));
  }
  EXPECT_LE(in_loss, 1e-14);
  EXPECT_LE(in_gradient, 1e-11);
}

TEST(Ctc, TheGradientOfPyTorchHasTheProbabilitiesBesides) {
  const Problem p = problem(10, 3, 19, 4, 47);
  const Row ours = evaluate(p, p.log_probs).gradient;
  for (const DType dtype : {DType::float32, DType::float64}) {
    const Row torch = evaluate(p, p.log_probs.to(dtype), {.torch_gradient = true}).gradient;
    const Row x = p.log_probs.to_vector<double>();
    const auto lengths = p.input_lengths.to_vector<std::int64_t>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const bool is_frame = static_cast<std::int64_t>(i / 57) < lengths[i / 19 % 3];
      EXPECT_NEAR(torch[i], is_frame ? std::exp(x[i]) + ours[i] : 0, dtype == DType::float32 ? 1e-7 : 1e-14);
    }
  }
}

TEST(Ctc, WhatCannotBeSpeltIsInfiniteOrZero) {
  const Tensor x = log_softmax(drawn({5, 3, 4}, 53), 2);
  x.set_requires_grad();
  const Tensor targets = integers({1, 2, 3, 3, 3, 2}, {3, 2}), input_lengths = integers({5, 2, 5}),
               target_lengths = integers({2, 2, 1});
  const auto loss = [&](bool zero, Reduction reduction) {
    return F::ctc_loss(x, targets, input_lengths, target_lengths, Ctc{.zero_infinity = zero}, {.reduction = reduction});
  };
  const Row raw = loss(false, Reduction::none).to_vector<double>(),
            zeroed = loss(true, Reduction::none).to_vector<double>();
  EXPECT_EQ(raw[1], inf);
  EXPECT_EQ(zeroed, (Row{raw[0], 0, raw[2]}));
  EXPECT_EQ(loss(false, Reduction::mean).item(), inf);
  EXPECT_NEAR(loss(true, Reduction::mean).item(), (raw[0] / 2 + raw[2]) / 3, 1e-13);  // the item counts
  for (const bool zero : {false, true}) {
    x.set_grad({});
    loss(zero, Reduction::sum).backward();
    EXPECT_EQ(sum(abs(x.grad().select(1, 1))).item(), 0);
    EXPECT_NEAR(sum(x.grad().select(1, 0)).item(), -5, 1e-13);  // posteriors of a frame add up to 1
  }
}

TEST(Ctc, LengthsOfZero) {
  const Tensor x = log_softmax(drawn({5, 3, 4}, 59), 2);
  x.set_requires_grad();
  const Tensor losses = F::ctc_loss(x, integers({1, 2, 3}, {3, 1}), integers({5, 0, 0}), integers({0, 0, 1}), each);
  const Row l = losses.to_vector<double>();
  EXPECT_NEAR(l[0], -sum(x.select(1, 0).select(1, 0)).item(), 1e-13);  // blanks throughout
  EXPECT_EQ(l[1], 0);
  EXPECT_EQ(l[2], inf);
  sum(losses).backward();
  EXPECT_NEAR(sum(x.grad()).item(), -5, 1e-13);
  EXPECT_NEAR(sum(x.grad().select(1, 0).select(1, 0)).item(), -5, 1e-13);

  const Tensor no_labels = Tensor::zeros({3, 0}, DType::int64), zeros = integers({0, 0, 0});
  EXPECT_NEAR(F::ctc_loss(x, no_labels, integers({5, 5, 5}), zeros, each).to_vector<double>()[0], l[0], 1e-13);
  EXPECT_NEAR(F::ctc_loss(x, integers({}), integers({5, 5, 5}), zeros).item(), -sum(x.select(2, 0)).item() / 3, 1e-13);
}

TEST(Ctc, ProbabilitiesOfZero) {
  Row x = log_softmax(drawn({6, 4}, 61), 1).to_vector<double>();
  for (const std::size_t i : {0u, 5u, 9u, 10u, 12u, 23u}) x[i] = -inf;
  const CtcLabels target{1, 2};
  const auto expected = ctc_by_enumeration(x, 4, target, 0);
  ASSERT_LT(expected.loss, inf);
  expect_near(one(Tensor::from(x, {6, 4}), target), expected, 1e-13);
  Row no_blank(24);
  for (std::size_t t = 0; t < 6; ++t) no_blank[t * 4] = -inf;  // which equal labels cannot do without
  EXPECT_EQ(one(Tensor::from(no_blank, {6, 4}), {1, 1}).loss, inf);
  for (std::size_t t = 0; t < 6; ++t) x[t * 4 + 2] = -inf;  // long enough, but a label never occurs
  for (const bool torch : {false, true}) {
    const Found found = one(Tensor::from(x, {6, 4}), target, {.torch_gradient = torch});
    EXPECT_EQ(found.loss, inf);
    EXPECT_EQ(found.gradient, Row(24));
  }
}

TEST(Ctc, NumbersBeyondReasonKeepTheirOrder) {
  for (const double large : {1e6, 1e15, 1e30, 1e200}) {
    const Tensor y = Tensor::from(Row{0, -3 * large, -large, -2 * large, -large, 0}, {2, 3});
    const Found best = one(y, {1});
    EXPECT_NEAR(best.loss / large, 1, 1e-14) << large;
    EXPECT_LE(largest_difference(best.gradient, {-1, 0, 0, 0, -1, 0}), 1e-15) << large;
  }
  const Found positive = one(Tensor::from(Row{1e30, 5e29, 0, 0}, {2, 2}), {1});
  EXPECT_NEAR(positive.loss / -1e30, 1, 1e-15);
}

TEST(Ctc, NansStayInTheirItem) {
  const Problem p = problem(10, 3, 5, 4, 67);
  const Row expected = evaluate(p, p.log_probs).losses;
  Row x = p.log_probs.to_vector<double>();
  x[5 * (3 * 4 + 1)] = nan;  // the blank of frame 4, item 1
  Problem with = p;
  with.log_probs = Tensor::from(x, {10, 3, 5});
  const BatchResult found = evaluate(with, with.log_probs);
  EXPECT_EQ(found.losses[0], expected[0]);
  EXPECT_TRUE(std::isnan(found.losses[1]));
  EXPECT_EQ(found.losses[2], expected[2]);
  EXPECT_TRUE(std::isnan(found.gradient[5]));
}

}  // namespace
}  // namespace perdita
