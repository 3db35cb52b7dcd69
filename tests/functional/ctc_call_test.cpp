// How CTC is called: layouts, reductions, gradients through tensors, errors.
#include "ctc_problems.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/nn/losses.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;
using namespace testing;

TEST(Ctc, ItemsOfABatchAreThoseAlone) {
  const Problem p = problem(40, 5, 7, 12, 23);
  const BatchResult all = evaluate(p, p.log_probs);
  const auto lengths = p.input_lengths.to_vector<std::int64_t>();
  for (std::size_t n = 0; n < 5; ++n) {
    const Tensor x = p.log_probs.select(1, static_cast<std::int64_t>(n)).slice(0, 0, lengths[n]);
    const Found found = one(x, p.labels[n]);
    EXPECT_EQ(found.loss, all.losses[n]);
    for (std::size_t t = 0; t < 40; ++t) {
      for (std::size_t c = 0; c < 7; ++c) {
        const double expected = t < static_cast<std::size_t>(lengths[n]) ? found.gradient[t * 7 + c] : 0;
        EXPECT_EQ(all.gradient[(t * 5 + n) * 7 + c], expected);
      }
    }
  }
}

TEST(Ctc, TargetsMayBeOneAfterTheOtherAndOfAnyInteger) {
  const Problem p = problem(30, 4, 6, 8, 29);
  Problem joined = p;
  std::vector<std::int64_t> all;
  for (const CtcLabels& labels : p.labels) all.insert(all.end(), labels.begin(), labels.end());
  const BatchResult expected = evaluate(p, p.log_probs);
  for (const DType dtype : {DType::int64, DType::int32, DType::uint8}) {
    joined.targets = integers(all).to(dtype);
    joined.input_lengths = p.input_lengths.to(dtype);
    joined.target_lengths = p.target_lengths.to(dtype);
    EXPECT_EQ(evaluate(joined, p.log_probs).losses, expected.losses);
    EXPECT_EQ(evaluate(joined, p.log_probs).gradient, expected.gradient);
  }
}

TEST(Ctc, StridesAreFollowed) {
  const Problem p = problem(30, 4, 6, 8, 31);
  const BatchResult expected = evaluate(p, p.log_probs);
  for (const Dims& order : {Dims{1, 0, 2}, Dims{2, 1, 0}, Dims{0, 2, 1}}) {
    const Tensor stored = p.log_probs.permute(order).contiguous();  // these orders are their own inverses
    stored.set_requires_grad();
    const Tensor losses = F::ctc_loss(stored.permute(order), p.targets.t().contiguous().t(), p.input_lengths,
                                      p.target_lengths, Ctc{.torch_gradient = true}, each);
    EXPECT_EQ(losses.to_vector<double>(), expected.losses);
    sum(losses).backward();
    EXPECT_EQ(stored.grad().permute(order).contiguous().to_vector<double>(),
              evaluate(p, p.log_probs, {.torch_gradient = true}).gradient);
  }
}

TEST(Ctc, ASingleSequenceNeedsNoBatch) {
  const Tensor x = log_softmax(drawn({8, 5}, 37), 1);
  const double expected = one(x, {1, 3}).loss;
  const Tensor t = integers({1, 3});
  EXPECT_EQ(F::ctc_loss(x, t, number(8), number(2), each).shape(), Shape({}));
  EXPECT_EQ(F::ctc_loss(x, t, integers({8}), integers({2}), each).item(), expected);
  EXPECT_EQ(F::ctc_loss(x, integers({1, 3, 9}, {1, 3}), number(8), number(2), each).item(), expected);
  EXPECT_EQ(F::ctc_loss(x, t, number(8), number(2)).item(), expected / 2);
}

TEST(Ctc, ReductionsAndWeights) {
  const Problem p = problem(20, 3, 6, 5, 41);
  const auto loss = [&](const LossOptions& options) {
    return F::ctc_loss(p.log_probs, p.targets, p.input_lengths, p.target_lengths, options).item();
  };
  const Row l = evaluate(p, p.log_probs).losses;
  const auto s = p.target_lengths.to_vector<double>();
  const Tensor weight = Tensor::from(Row{0.5, 2, 3});
  EXPECT_NEAR(loss({}), (l[0] / s[0] + l[1] / s[1] + l[2] / s[2]) / 3, 1e-13);
  EXPECT_NEAR(loss({.reduction = Reduction::sum}), l[0] + l[1] + l[2], 1e-13);
  EXPECT_NEAR(loss({.reduction = Reduction::batchmean}), (l[0] + l[1] + l[2]) / 3, 1e-13);
  for (const Normalize n : {Normalize::count, Normalize::weight_sum, Normalize::batch})
    EXPECT_EQ(loss({.normalize_by = n}), loss({})) << static_cast<int>(n);
  const double weighted = 0.5 * l[0] / s[0] + 2 * l[1] / s[1] + 3 * l[2] / s[2];
  EXPECT_NEAR(loss({.weight = weight}), weighted / 3, 1e-13);
  EXPECT_NEAR(loss({.weight = weight, .normalize_by = Normalize::weight_sum}), weighted / 5.5, 1e-13);
  EXPECT_NEAR(loss({.weight = weight, .reduction = Reduction::sum}), 0.5 * l[0] + 2 * l[1] + 3 * l[2], 1e-13);
}

TEST(Ctc, GradientsAgreeWithDifferences) {
  const Problem p = problem(9, 3, 5, 4, 43);
  const Tensor weight = Tensor::from(Row{0.5, 2, 3});
  weight.set_requires_grad();
  const Tensor x = drawn({9, 3, 5}, 44);
  x.set_requires_grad();
  for (const Reduction reduction : {Reduction::none, Reduction::mean, Reduction::sum, Reduction::batchmean}) {
    for (const bool weighted : {false, true}) {
      const auto of_log_probs = [&](const std::vector<Tensor>& in) {
        return F::ctc_loss(in[0], p.targets, p.input_lengths, p.target_lengths,
                           {.weight = weighted ? in[1] : Tensor(), .reduction = reduction});
      };
      EXPECT_EQ(check_gradient(of_log_probs, weighted ? std::vector{x, weight} : std::vector{x}), "");
    }
  }
  const auto of_logits = [&](const std::vector<Tensor>& in) {  // where PyTorch's form is right as well
    return F::ctc_loss(log_softmax(in[0], 2), p.targets, p.input_lengths, p.target_lengths,
                       Ctc{.torch_gradient = true});
  };
  EXPECT_EQ(check_gradient(of_logits, {x}), "");
}

TEST(Ctc, ABatchMayBeEmpty) {
  const Tensor x = Tensor::zeros({5, 0, 4}), t = Tensor::zeros({0, 2}, DType::int64), none = integers({});
  x.set_requires_grad();
  EXPECT_EQ(F::ctc_loss(x, t, none, none, each).shape(), Shape({0}));
  EXPECT_EQ(F::ctc_loss(x, t, none, none, {.reduction = Reduction::sum}).item(), 0);
  const Tensor mean = F::ctc_loss(x, t, none, none);
  EXPECT_TRUE(std::isnan(mean.item()));
  mean.backward();
  EXPECT_EQ(x.grad().shape(), Shape({5, 0, 4}));
  const Tensor frames = Tensor::zeros({0, 2, 4});
  const Row l = F::ctc_loss(frames, integers({1}), integers({0, 0}), integers({0, 1}), each).to_vector<double>();
  EXPECT_EQ(l, (Row{0, inf}));
}

TEST(Ctc, IsTheSameForAnyNumberOfThreads) {
  const Problem p = problem(60, 7, 11, 20, 71);
  const int before = num_threads();
  std::vector<Row> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    const BatchResult r = evaluate(p, p.log_probs.to(DType::float32));
    results.push_back(r.gradient);
    results.back().insert(results.back().end(), r.losses.begin(), r.losses.end());
    results.back().push_back(F::ctc_loss(p.log_probs, p.targets, p.input_lengths, p.target_lengths).item());
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Ctc, ErrorsNameTheFirstOffender) {
  const Tensor x = drawn({5, 2, 4}, 73), t = integers({1, 2, 3, 3}, {2, 2}), five = integers({5, 5}),
               two = integers({2, 2});
  const auto says = [](const char* text, const std::function<void()>& call) { EXPECT_EQ(message_of(call), text); };
  says("ctc_loss: targets[1, 0] is 4, but log_probs has 4 classes (valid: 0..3)", [&] {
    F::ctc_loss(x, integers({1, 2, 4, -1}, {2, 2}), five, two);
  });
  says("ctc_loss: targets[2] is -1, but log_probs has 4 classes (valid: 0..3)", [&] {
    F::ctc_loss(x, integers({1, 2, -1}), five, integers({2, 1}));
  });
  says("ctc_loss: targets has shape [3], but target_lengths add up to 4 (valid: [4])", [&] {
    F::ctc_loss(x, integers({1, 2, 1}), five, two);
  });
  says("ctc_loss: targets has shape [1, 2], but log_probs has 2 sequences (valid: [2, S], or [S] with all labels)",
       [&] {
         F::ctc_loss(x, integers({1, 2}, {1, 2}), five, two);
       });
  says("ctc_loss: target_lengths[1] is 3, but targets has shape [2, 2] (valid: 0..2)", [&] {
    F::ctc_loss(x, t, five, integers({2, 3}));
  });
  says("ctc_loss: target_lengths[0] is -1, but targets has shape [2, 2] (valid: 0..2)", [&] {
    F::ctc_loss(x, t, five, integers({-1, 2}));
  });
  says("ctc_loss: input_lengths[1] is 6, but log_probs has 5 frames (valid: 0..5)", [&] {
    F::ctc_loss(x, t, integers({5, 6}), two);
  });
  says("ctc_loss: input_lengths[0] is -5, but log_probs has 5 frames (valid: 0..5)", [&] {
    F::ctc_loss(x, t, integers({-5, 5}), two);
  });
  says("ctc_loss: input_lengths has shape [1], but log_probs has 2 sequences (valid: [2])",
       [&] { F::ctc_loss(x, t, integers({5}), two); });
  says("ctc_loss: input_lengths holds float32 (valid: int64, int32, uint8)",
       [&] { F::ctc_loss(x, t, Tensor::ones({2}), two); });
  says("ctc_loss: targets holds float64 (valid: int64, int32, uint8)", [&] {
    F::ctc_loss(x, drawn({2, 2}, 1), five, two);
  });
  says("ctc_loss: log_probs holds int64 (valid: float32, float64)", [&] { F::ctc_loss(t, t, five, two); });
  says("ctc_loss: log_probs has shape [4] (valid: [T, N, C] or [T, C] with C above 0)",
       [&] { F::ctc_loss(drawn({4}, 1), t, five, two); });
  says("ctc_loss: blank is 4, but log_probs has 4 classes (valid: 0..3)",
       [&] { F::ctc_loss(x, t, five, two, Ctc{.blank = 4}); });
  says("ctc: blank is -1 (valid: 0 or more)", [&] { F::ctc_loss(x, t, five, two, Ctc{.blank = -1}); });
  says("ctc_loss: log_probs is not a tensor", [&] { F::ctc_loss({}, t, five, two); });
  says("ctc_loss: targets is not a tensor", [&] { F::ctc_loss(x, {}, five, two); });
  says("ctc_loss: pos_weight is not supported", [&] { F::ctc_loss(x, t, five, two, {.pos_weight = x}); });
}

TEST(Ctc, HasNoSecondDerivative) {
  const Tensor x = drawn({5, 4}, 79);
  x.set_requires_grad();
  const Tensor loss = F::ctc_loss(x, integers({1, 2}), number(5), number(2));
  EXPECT_EQ(message_of([&] { grad(loss, x, {.create_graph = true}); }),
            "ctc_loss: has no second derivative (valid: without create_graph)");
}

TEST(Ctc, IsAModuleAndInTheCatalogue) {
  const Problem p = problem(20, 3, 6, 5, 83);
  const nn::CTCLoss criterion({.blank = 5, .zero_infinity = true}, {.reduction = Reduction::sum});
  EXPECT_EQ(criterion(p.log_probs, p.targets, p.input_lengths, p.target_lengths).item(),
            F::ctc_loss(p.log_probs, p.targets, p.input_lengths, p.target_lengths,
                        Ctc{.blank = 5, .zero_infinity = true}, {.reduction = Reduction::sum})
                .item());
  EXPECT_THROW(nn::CTCLoss({.blank = -1}), ValueError);
  const AnyLoss any = parse_loss("ctc_loss:blank=3,zero_infinity=true");
  EXPECT_EQ(to_string(any), "ctc:blank=3,zero_infinity=true");
  EXPECT_EQ(message_of([&] {
              F::call(any, {p.log_probs, p.targets});
            }),
            "ctc_loss: got 2 operands (valid: log_probs, targets, input_lengths, target_lengths)");
}

}  // namespace
}  // namespace perdita
