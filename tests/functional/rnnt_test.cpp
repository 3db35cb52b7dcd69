// The RNN transducer: against all alignments one by one and the recursion in logarithms; calls, gradients, errors.
#include <fmt/format.h>

#include <random>

#include "perdita/core/parallel.hpp"
#include "perdita/nn/losses.hpp"
#include "perdita/tensor/gradcheck.hpp"
#include "rnnt_reference.hpp"
#include "sequence_helpers.hpp"

namespace perdita {
namespace {

namespace F = functional;
using namespace testing;

struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  std::int64_t in(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine() % static_cast<unsigned>(high - low + 1));
  }
  std::int64_t label(std::int64_t classes, std::int64_t blank) {
    const std::int64_t k = in(0, classes - 2);
    return k + (k >= blank);
  }
};

RnntSequence sequence(std::int64_t frames, std::int64_t length, std::int64_t classes, std::int64_t blank, unsigned seed,
                      double spread = 1.5) {
  Random random(seed);
  RnntSequence s{static_cast<std::size_t>(frames),
                 static_cast<std::size_t>(length + 1),
                 static_cast<std::size_t>(classes),
                 (drawn({frames, length + 1, classes}, seed) * spread).to_vector<double>(),
                 {},
                 blank};
  for (std::int64_t i = 0; i < length; ++i) s.target.push_back(random.label(classes, blank));
  return s;
}

struct Batch {
  Tensor logits, targets, logit_lengths, target_lengths;
};

Batch batch_of(const RnntSequence& s) {
  const auto frames = static_cast<std::int64_t>(s.frames), states = static_cast<std::int64_t>(s.states);
  return {Tensor::from(s.logits, {1, frames, states, static_cast<std::int64_t>(s.classes)}),
          integers(s.target, {1, states - 1}), integers({frames}), integers({states - 1})};
}

/// Items of different lengths; what lies beyond them is NaN, and -7 among the targets.
Batch batch(std::int64_t items, std::int64_t frames, std::int64_t length, std::int64_t classes, unsigned seed,
            std::vector<RnntSequence>* alone = nullptr) {
  Random random(seed);
  const std::int64_t states = length + 1;
  std::vector<double> logits(static_cast<std::size_t>(items * frames * states * classes), nan);
  std::vector<std::int64_t> targets, logit_lengths, target_lengths;
  for (std::int64_t n = 0; n < items; ++n) {
    logit_lengths.push_back(n == 0 ? frames : random.in(1, frames));
    target_lengths.push_back(n == 0 ? length : random.in(0, length));
    const RnntSequence s =
        sequence(logit_lengths.back(), target_lengths.back(), classes, classes - 1, seed + static_cast<unsigned>(n));
    for (std::size_t t = 0; t < s.frames; ++t) {
      for (std::size_t i = 0; i < s.states * s.classes; ++i) {
        const auto begin = static_cast<std::size_t>((n * frames + static_cast<std::int64_t>(t)) * states * classes);
        logits[begin + i] = s.logits[t * s.states * s.classes + i];
      }
    }
    targets.insert(targets.end(), s.target.begin(), s.target.end());
    targets.resize(static_cast<std::size_t>((n + 1) * length), -7);
    if (alone) alone->push_back(s);
  }
  return {Tensor::from(logits, {items, frames, states, classes}), integers(targets, {items, length}),
          integers(logit_lengths), integers(target_lengths)};
}

Tensor loss_of(const Batch& b, const Rnnt& rnnt, const LossOptions& options) {
  return F::rnnt_loss(b.logits, b.targets, b.logit_lengths, b.target_lengths, rnnt, options);
}

BatchResult evaluate(Batch b, const Rnnt& rnnt = {}) {
  b.logits = b.logits.detach().clone();
  b.logits.set_requires_grad();
  const Tensor losses = loss_of(b, rnnt, each);
  sum(losses).backward();
  return {losses.to_vector<double>(), b.logits.grad().to_vector<double>()};
}

void expect_gradient(const Row& found, const Row& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], tolerance) << i;
}

TEST(Rnnt, IsTheSumOverAllAlignments) {
  unsigned seed = 0;
  for (const std::int64_t frames : {1, 2, 3, 5}) {
    for (const std::int64_t length : {0, 1, 2, 4}) {
      for (const std::int64_t classes : {2, 3, 9}) {
        for (const std::int64_t blank : {std::int64_t{0}, classes - 1}) {
          const RnntSequence s = sequence(frames, length, classes, blank, ++seed);
          SCOPED_TRACE(fmt::format("frames {} length {} classes {} blank {}", frames, length, classes, blank));
          const RnntEnumeration all(s);
          const BatchResult found = evaluate(batch_of(s), {.blank = blank});
          EXPECT_NEAR(found.losses[0], all.found().loss, 1e-13 * std::max(1.0, all.found().loss));
          expect_gradient(found.gradient, all.found().gradient(s), 1e-13);
          if (blank == classes - 1) {
            EXPECT_EQ(evaluate(batch_of(s)).losses, found.losses);
          }
        }
      }
    }
  }
  EXPECT_EQ(RnntEnumeration(sequence(5, 4, 3, 0, 1)).count(), 70U);  // 8 choose 4
}

TEST(Rnnt, ClampAndFastemitFollowTheirDefinition) {
  const RnntSequence s = sequence(4, 3, 5, 0, 7);
  const RnntReference<double> all = RnntEnumeration(s).found();
  const BatchResult plain = evaluate(batch_of(s), {.blank = 0});
  for (const double fastemit : {0.0, 0.3, 2.0}) {
    for (const double clamp : {-1.0, 0.0, 0.05, 0.2}) {
      const Rnnt rnnt{.blank = 0, .clamp = clamp, .fastemit = fastemit};
      const Row expected = all.gradient(s, 1 + fastemit, clamp > 0 ? clamp : inf);
      const BatchResult found = evaluate(batch_of(s), rnnt);
      EXPECT_EQ(found.losses, plain.losses);
      expect_gradient(found.gradient, expected, 1e-14);
      // The upstream gradient and the denominator of a mean are factors of the clamped gradient.
      Batch b = batch_of(s);
      b.logits.set_requires_grad();
      (loss_of(b, rnnt, {}) * 3.0).backward();
      const Row scaled = b.logits.grad().to_vector<double>();
      for (std::size_t i = 0; i < scaled.size(); ++i) ASSERT_NEAR(scaled[i], 3 * expected[i], 1e-13);
    }
  }
}

TEST(Rnnt, ProbabilitiesMayBeBeyondTheRangeOfADouble) {
  for (const double spread : {1.0, 30.0, 1000.0}) {
    for (const std::int64_t frames : {3, 200}) {
      for (const std::int64_t length : {2, 70, 150}) {
        const RnntSequence s = sequence(frames, length, 4, 3, static_cast<unsigned>(frames + length), spread);
        SCOPED_TRACE(fmt::format("spread {} frames {} length {}", spread, frames, length));
        const RnntReference<long double> expected = rnnt_in_logarithms<long double>(s);
        const BatchResult found = evaluate(batch_of(s));
        EXPECT_NEAR(found.losses[0], static_cast<double>(expected.loss), 1e-14 * static_cast<double>(expected.loss));
        expect_gradient(found.gradient, expected.gradient(s), 1e-10);
        Batch b = batch_of(s);
        b.logits = b.logits.to(DType::float32);
        EXPECT_NEAR(evaluate(b).losses[0], found.losses[0], 1e-6 * found.losses[0]);
      }
    }
  }
}

TEST(Rnnt, AFrameMayEmitThousandsOfLabels) {
  for (const std::int64_t classes : {3, 4}) {
    const RnntSequence s = sequence(2, 4000, classes, 0, 5, 0.01);
    const RnntReference<long double> expected = rnnt_in_logarithms<long double>(s);
    const BatchResult found = evaluate(batch_of(s), {.blank = 0});
    EXPECT_NEAR(found.losses[0], static_cast<double>(expected.loss), 1e-14 * found.losses[0]);
    expect_gradient(found.gradient, expected.gradient(s), 1e-12);
  }
}

TEST(Rnnt, ItemsOfABatchAreThoseAloneAndPaddingIsNotRead) {
  std::vector<RnntSequence> alone;
  const Batch b = batch(6, 7, 5, 4, 11, &alone);
  for (const DType dtype : {DType::float64, DType::float32}) {
    Batch typed = b;
    typed.logits = b.logits.to(dtype);
    const BatchResult all = evaluate(typed);
    std::size_t read = 0;
    for (std::size_t n = 0; n < alone.size(); ++n) {
      const RnntSequence& s = alone[n];
      Batch one = batch_of(s);
      one.logits = one.logits.to(dtype);
      const BatchResult expected = evaluate(one);
      EXPECT_EQ(all.losses[n], expected.losses[0]);
      for (std::size_t t = 0; t < 7; ++t) {
        for (std::size_t u = 0; u < 6; ++u) {
          for (std::size_t k = 0; k < 4; ++k) {
            const bool is_inside = t < s.frames && u < s.states;
            const double right = is_inside ? expected.gradient[s.at(t, u) * 4 + k] : 0;
            ASSERT_EQ(all.gradient[((n * 7 + t) * 6 + u) * 4 + k], right);
            read += is_inside;
          }
        }
      }
    }
    EXPECT_LT(read, all.gradient.size());
  }
  for (const DType dtype : {DType::int32, DType::int64}) {
    Batch typed = b;
    typed.targets = b.targets.to(dtype);
    typed.logit_lengths = b.logit_lengths.to(dtype);
    typed.target_lengths = b.target_lengths.to(dtype);
    EXPECT_EQ(evaluate(typed).losses, evaluate(b).losses);
  }
}

TEST(Rnnt, ReductionsAndWeights) {
  const Batch b = batch(3, 5, 3, 4, 13);
  const Row l = evaluate(b).losses;
  const Tensor weight = Tensor::from(Row{0.5, 2, 3});
  EXPECT_NEAR(loss_of(b, {}, {}).item(), (l[0] + l[1] + l[2]) / 3, 1e-14);
  EXPECT_NEAR(loss_of(b, {}, {.reduction = Reduction::sum}).item(), l[0] + l[1] + l[2], 1e-14);
  const double weighted = 0.5 * l[0] + 2 * l[1] + 3 * l[2];
  EXPECT_NEAR(loss_of(b, {}, {.weight = weight}).item(), weighted / 3, 1e-14);
  EXPECT_NEAR(loss_of(b, {}, {.weight = weight, .normalize_by = Normalize::weight_sum}).item(), weighted / 5.5, 1e-14);
}

TEST(Rnnt, GradientsAgreeWithDifferences) {
  const Batch b = batch(3, 4, 3, 4, 17);
  const Tensor x = drawn({3, 4, 4, 4}, 18), weight = Tensor::from(Row{0.5, 2, 3});
  x.set_requires_grad();
  weight.set_requires_grad();
  for (const Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum}) {
    for (const bool weighted : {false, true}) {
      const auto loss = [&](const std::vector<Tensor>& in) {
        return F::rnnt_loss(in[0], b.targets, b.logit_lengths, b.target_lengths,
                            {.weight = weighted ? in[1] : Tensor(), .reduction = reduction});
      };
      EXPECT_EQ(check_gradient(loss, weighted ? std::vector{x, weight} : std::vector{x}), "");
    }
  }
}

TEST(Rnnt, StridesAreFollowed) {
  const Batch b = batch(4, 5, 3, 4, 19);
  const BatchResult expected = evaluate(b);
  for (const Dims& order : {Dims{1, 0, 2, 3}, Dims{3, 1, 2, 0}, Dims{0, 2, 1, 3}}) {  // their own inverses
    const Tensor stored = b.logits.permute(order).contiguous();
    stored.set_requires_grad();
    const Tensor losses =
        F::rnnt_loss(stored.permute(order), b.targets.t().contiguous().t(), b.logit_lengths, b.target_lengths, each);
    EXPECT_EQ(losses.to_vector<double>(), expected.losses);
    sum(losses).backward();
    EXPECT_EQ(stored.grad().permute(order).contiguous().to_vector<double>(), expected.gradient);
  }
}

TEST(Rnnt, LogitsMayBeMinusInfinity) {
  RnntSequence s = sequence(3, 2, 4, 3, 23);
  const auto logit = [&](std::size_t t, std::size_t u, std::size_t k) -> double& {
    return s.logits[s.at(t, u) * s.classes + k];
  };
  logit(1, 1, s.label(1)) = logit(0, 0, 3) = -inf;
  const RnntReference<double> all = RnntEnumeration(s).found();
  const BatchResult found = evaluate(batch_of(s));
  EXPECT_NEAR(found.losses[0], all.loss, 1e-14);
  expect_gradient(found.gradient, all.gradient(s), 1e-14);
  // Without the last blank no alignment is left.
  logit(2, 2, 3) = -inf;
  const BatchResult none = evaluate(batch_of(s));
  EXPECT_EQ(none.losses[0], inf);
  EXPECT_EQ(none.gradient, Row(none.gradient.size()));
  logit(1, 1, 0) = nan;
  EXPECT_TRUE(std::isnan(evaluate(batch_of(s)).losses[0]));
}

TEST(Rnnt, DifferencesOfLargeLogitsAreExact) {
  const RnntSequence s = sequence(3, 2, 4, 3, 29);
  RnntSequence moved = s;
  for (double& x : moved.logits) x = std::round(x * 0x1p20) * 0x1p-20;
  const BatchResult expected = evaluate(batch_of(moved));
  for (double& x : moved.logits) x += 0x1p30;
  const BatchResult found = evaluate(batch_of(moved));
  EXPECT_EQ(found.losses, expected.losses);
  EXPECT_EQ(found.gradient, expected.gradient);
}

TEST(Rnnt, IsTheSameForAnyNumberOfThreads) {
  Batch b = batch(7, 20, 9, 11, 31);
  b.logits = b.logits.to(DType::float32);
  const int before = num_threads();
  std::vector<Row> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    const BatchResult r = evaluate(b);
    results.push_back(r.gradient);
    results.back().insert(results.back().end(), r.losses.begin(), r.losses.end());
    results.back().push_back(loss_of(b, {}, {}).item());
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Rnnt, ABatchMayBeEmpty) {
  const Tensor x = Tensor::zeros({0, 5, 3, 4}), t = Tensor::zeros({0, 2}, DType::int64), none = integers({});
  x.set_requires_grad();
  EXPECT_EQ(F::rnnt_loss(x, t, none, none, each).shape(), Shape({0}));
  EXPECT_EQ(F::rnnt_loss(x, t, none, none, {.reduction = Reduction::sum}).item(), 0);
  const Tensor mean = F::rnnt_loss(x, t, none, none);
  EXPECT_TRUE(std::isnan(mean.item()));
  mean.backward();
  EXPECT_EQ(x.grad().shape(), Shape({0, 5, 3, 4}));
}

TEST(Rnnt, ErrorsNameTheFirstOffender) {
  const Tensor x = drawn({2, 5, 3, 4}, 37), t = integers({1, 2, 0, 0}, {2, 2}), five = integers({5, 5}),
               two = integers({2, 2});
  const auto says = [](const char* text, const std::function<void()>& call) { EXPECT_EQ(message_of(call), text); };
  says("rnnt_loss: targets[1, 0] is 3, which is the blank (valid: classes other than the blank)", [&] {
    F::rnnt_loss(x, integers({1, 2, 3, 3}, {2, 2}), five, two);
  });
  says("rnnt_loss: targets[0, 1] is 0, which is the blank (valid: classes other than the blank)", [&] {
    F::rnnt_loss(x, integers({1, 0, 0, 3}, {2, 2}), five, two, Rnnt{.blank = 0});
  });
  says("rnnt_loss: targets[1, 1] is 4, but logits has 4 classes (valid: 0..3)", [&] {
    F::rnnt_loss(x, integers({1, 2, 0, 4}, {2, 2}), five, two);
  });
  says("rnnt_loss: targets[0, 0] is -1, but logits has 4 classes (valid: 0..3)", [&] {
    F::rnnt_loss(x, integers({-1, 2, 0, 4}, {2, 2}), five, two);
  });
  says("rnnt_loss: targets has shape [2, 3], but logits has shape [2, 5, 3, 4] (valid: [2, 2])", [&] {
    F::rnnt_loss(x, integers({1, 2, 0, 1, 2, 0}, {2, 3}), five, two);
  });
  says("rnnt_loss: logit_lengths[1] is 6, but logits has 5 frames (valid: 1..5)", [&] {
    F::rnnt_loss(x, t, integers({5, 6}), two);
  });
  says("rnnt_loss: logit_lengths[0] is 0, but logits has 5 frames (valid: 1..5)", [&] {
    F::rnnt_loss(x, t, integers({0, 6}), two);
  });
  says("rnnt_loss: target_lengths[1] is 3, but targets has shape [2, 2] (valid: 0..2)", [&] {
    F::rnnt_loss(x, t, five, integers({2, 3}));
  });
  says("rnnt_loss: target_lengths has shape [1], but logits has 2 sequences (valid: [2])",
       [&] { F::rnnt_loss(x, t, five, integers({2})); });
  says("rnnt_loss: logit_lengths holds float32 (valid: int64, int32, uint8)",
       [&] { F::rnnt_loss(x, t, Tensor::ones({2}), two); });
  says("rnnt_loss: logits has shape [5, 3, 4] (valid: [B, T, U + 1, V] with T and V above 0)", [&] {
    F::rnnt_loss(drawn({5, 3, 4}, 1), t, five, two);
  });
  says("rnnt_loss: logits holds int64 (valid: float32, float64)", [&] { F::rnnt_loss(t, t, five, two); });
  says("rnnt_loss: blank is 4, but logits has 4 classes (valid: 0..3)",
       [&] { F::rnnt_loss(x, t, five, two, Rnnt{.blank = 4}); });
  says("rnnt: blank is -2 (valid: -1 or more)", [&] { F::rnnt_loss(x, t, five, two, Rnnt{.blank = -2}); });
  says("rnnt: fastemit is -0.5 (valid: 0 or more)", [&] { F::rnnt_loss(x, t, five, two, Rnnt{.fastemit = -0.5}); });
  says("rnnt_loss: logits is not a tensor", [&] { F::rnnt_loss({}, t, five, two); });
  says("rnnt_loss: targets is not a tensor", [&] { F::rnnt_loss(x, {}, five, two); });
}

TEST(Rnnt, HasNoSecondDerivative) {
  Batch b = batch(2, 3, 2, 4, 41);
  b.logits.set_requires_grad();
  const Tensor loss = loss_of(b, {}, {});
  EXPECT_EQ(message_of([&] { grad(loss, b.logits, {.create_graph = true}); }),
            "rnnt_loss: has no second derivative (valid: without create_graph)");
}

TEST(Rnnt, IsAModuleAndInTheCatalogue) {
  const Batch b = batch(2, 3, 2, 4, 43);
  const nn::RNNTLoss criterion({.clamp = 0.1, .fastemit = 0.5}, {.reduction = Reduction::sum});
  EXPECT_EQ(criterion(b.logits, b.targets, b.logit_lengths, b.target_lengths).item(),
            loss_of(b, {}, {.reduction = Reduction::sum}).item());
  EXPECT_EQ(to_string(parse_loss("rnnt_loss:blank=0,fastemit=0.5")), "rnnt:blank=0,fastemit=0.5");
}

}  // namespace
}  // namespace perdita
