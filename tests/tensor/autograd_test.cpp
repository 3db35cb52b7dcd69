#include <gtest/gtest.h>

#include <functional>

#include "perdita/functional/functional.hpp"
#include "perdita/tensor/all.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

using Floats = std::vector<float>;

template <class E>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

Tensor leaf(std::initializer_list<float> values) { return Tensor::from(values).set_requires_grad(); }

TEST(Backward, AccumulatesIntoLeaves) {
  const Tensor x = leaf({1, 2, 3});
  sum(x * x).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{2, 4, 6}));
  sum(3.0 * x).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{5, 7, 9}));
  x.set_grad({});
  EXPECT_FALSE(x.grad().defined());
}

TEST(Backward, TakesAnUpstreamGradient) {
  const Tensor x = leaf({1, 2, 3});
  (x * x).backward(Tensor::from<float>({1, 0, -1}));
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{2, 0, -6}));
}

TEST(Backward, OfOnePathMeetsAnother) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  const Tensor h = (x * w).reshape({2, 1});
  const Tensor both = sum(matmul(h, h.t())) + sum(h);
  both.backward();  // (x.w)^2 + x.w, x.w = 11
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{69, 92}));
  EXPECT_EQ(w.grad().to_vector<float>(), (Floats{23, 46}));
}

// Rules of losses run a pass of their own for second derivatives, over nodes that the outer pass is at work on.
TEST(Backward, WithinBackwardLeavesTheOuterPassAlone) {
  const Tensor x = Tensor::randn({3, 4}, 1, 0, DType::float64).set_requires_grad();
  const Tensor w = Tensor::randn({4, 4}, 2, 0, DType::float64).set_requires_grad();
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{0, 2, 1}),
               t = Tensor::randn({3, 4}, 3, 0, DType::float64);
  const auto losses_of = [&](const Tensor& h) {
    return std::vector<Tensor>{functional::cross_entropy(h, labels), sum(matmul(h, h.t())),
                               functional::multi_margin_loss(h, labels, {.p = 2}), functional::huber_loss(h, t)};
  };
  for (std::size_t first = 0; first < 4; ++first) {
    for (std::size_t second = 0; second < 4; ++second) {
      const auto both = [&](const std::vector<Tensor>& in) {
        const Tensor h = matmul(in[0], in[1]);
        return losses_of(h)[first] + losses_of(h)[second];
      };
      EXPECT_EQ(check_gradient(both, {x, w}, {.second_order = true}), "") << first << ", " << second;
      // the gradient by what is made within the graph
      const Tensor h = matmul(x, w);
      const Tensor by_h = grad(losses_of(h)[first] + losses_of(h)[second], h, {.create_graph = true});
      const Tensor apart = grad(losses_of(h)[first], h, {.create_graph = true}) + grad(losses_of(h)[second], h, {});
      EXPECT_LT(max(abs(by_h - apart)).item(), 1e-14) << first << ", " << second;
    }
  }
}

TEST(Backward, ASecondTimeNeedsRetainGraph) {
  const Tensor x = leaf({1, 2});
  for (const auto& make :
       std::vector<std::function<Tensor()>>{[&] { return sum(x * x); },
                                            [&] {
                                              return sum(matmul(x.reshape({1, 2}), x.reshape({2, 1})));
                                            }}) {
    const Tensor once = make();
    once.backward();
    EXPECT_NE(message_of<GraphError>([&] { once.backward(); }).find("retain_graph"), std::string::npos);
    x.set_grad({});
    const Tensor twice = make();
    twice.backward(true);
    twice.backward();
    EXPECT_EQ(x.grad().to_vector<float>(), (Floats{4, 8}));
    x.set_grad({});
  }
}

TEST(Backward, SaysWhatItCannotDo) {
  const Tensor x = leaf({1, 2});
  EXPECT_NE(message_of<GraphError>([&] { (x * x).backward(); }).find("[2]"), std::string::npos);
  EXPECT_NE(message_of<GraphError>([&] { Tensor::ones({}).backward(); }).find("does not depend"), std::string::npos);
  EXPECT_THROW((x * x).backward(Tensor::ones({3})), ShapeError);
  EXPECT_THROW(Tensor::arange(3).set_requires_grad(), DTypeError);
  EXPECT_THROW((x * x).set_requires_grad(), GraphError);
  EXPECT_THROW(x.set_grad(Tensor::ones({3})), ShapeError);
  EXPECT_THROW(x.set_grad(Tensor::ones({2}, DType::float64)), DTypeError);
}

TEST(Backward, ThroughChangedTensorsNamesTheOperation) {
  const Tensor x = Tensor::ones({2, 2}).set_requires_grad(), w = Tensor::ones({2, 2}).set_requires_grad();
  const Tensor product = sum(matmul(x, w));
  {
    NoGrad no_grad;
    w.fill_(3);
  }
  EXPECT_NE(message_of<GraphError>([&] { product.backward(); }).find("matmul"), std::string::npos);
  const Tensor elements = exp(x).contiguous() * 1.0;
  const Tensor stored = elements.reshape({4});  // computes it
  {
    NoGrad no_grad;
    x.fill_(3);
  }
  EXPECT_NE(message_of<GraphError>([&] { sum(stored).backward(); }).find("elementwise"), std::string::npos);
}

TEST(Backward, DoesNotMindChangesOfWhatItDoesNotRead) {
  const Tensor x = leaf({1, 2}), b = leaf({1, 1});
  const Tensor y = (x * 2.0 + b).reshape({2, 1});
  {
    NoGrad no_grad;
    b.fill_(7);
    x.fill_(7);
  }
  sum(y).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{2, 2}));
}

TEST(Backward, OfADeepChain) {
  Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 200000; ++i) y = y.reshape({1, 1}).reshape({1});
  sum(y).backward(true);
  EXPECT_EQ(x.grad().item(), 1);
  y = x;
  for (int i = 0; i < 200000; ++i) y = y * 1.0 + 0.0;  // recorded, cut into regions
  sum(y).backward();
  EXPECT_EQ(x.grad().item(), 2);
}

TEST(Grad, LeavesNothingBehind) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  EXPECT_EQ(grad(sum(x * x * w), w).to_vector<float>(), (Floats{1, 4}));
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
}

TEST(Grad, OfHigherOrder) {
  const Tensor x = Tensor::from<double>({2}).set_requires_grad();
  Tensor y = x * x * x * x;
  for (const double expected : {32.0, 48.0, 48.0, 24.0}) {
    y = grad(sum(y), x, {.create_graph = true});
    EXPECT_EQ(y.item(), expected);
  }
}

TEST(Grad, ByAnIntermediateResult) {
  const Tensor x = leaf({1, 2});
  const Tensor h = matmul(x.reshape({1, 2}), Tensor::ones({2, 2}));
  EXPECT_EQ(grad(sum(h * h), h).to_vector<float>(), (Floats{6, 6}));
}

TEST(Grad, ByAResultThatWasNeverStored) {
  const Tensor x = leaf({1, 2});
  const Tensor h = x * 2.0, minus = -h, other = h + 1.0;
  const Tensor loss = sum(-minus * other);  // h^2 + h; -(-h) is folded away
  const auto gradients = grad({loss}, {h, x, minus}, {.create_graph = true});
  EXPECT_EQ(gradients[0].to_vector<float>(), (Floats{5, 9}));
  EXPECT_EQ(gradients[1].to_vector<float>(), (Floats{10, 18}));
  EXPECT_EQ(gradients[2].to_vector<float>(), (Floats{-3, -5}));
  EXPECT_EQ(grad(sum(gradients[0]), x).to_vector<float>(), (Floats{4, 4}));
  // Part of it inside the sum, part through the stored result.
  const Tensor k = x * 3.0, inside = sum(k * k);
  EXPECT_EQ(grad(inside + matmul(k, k), k).to_vector<float>(), (Floats{12, 24}));
  EXPECT_EQ(grad(mean(k), k).to_vector<float>(), (Floats{0.5, 0.5}));
}

TEST(Grad, OfUnusedInputs) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  EXPECT_NE(message_of<GraphError>([&] { grad(sum(x), w); }).find("allow_unused"), std::string::npos);
  EXPECT_FALSE(grad(sum(x), w, {.allow_unused = true}).defined());
  EXPECT_THROW(grad(sum(x), Tensor::ones({2})), GraphError);
}

TEST(NoGrad, RecordsNothing) {
  const Tensor x = leaf({1, 2});
  Tensor y, z;
  {
    NoGrad no_grad;
    y = x * 3.0;
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_FALSE(y.requires_grad());
  sum(y * x).backward();  // y is a constant, although it is recorded itself
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{3, 6}));
}

TEST(Detach, SharesMemoryAndForgets) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 2.0;
  sum(y.detach() * x).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(x.detach().data<float>(), x.data<float>());
}

TEST(MakeNode, CountsOnRulesToFit) {
  const Tensor x = leaf({1, 2});
  const Tensor wrong =
      make_node("wrong", Tensor::ones({}), {&x}, [](BackwardContext& b) { b.set(0, Tensor::ones({3})); });
  EXPECT_NE(message_of<GraphError>([&] { wrong.backward(); }).find("wrong"), std::string::npos);
}

TEST(MakeNode, GivesTheVeryBufferToTheLeaf) {
  const Tensor x = leaf({1, 2});
  Tensor gradient = Tensor::from<float>({5, 6});
  const float* memory = gradient.data<float>();
  const Tensor loss = make_node("loss", Tensor::ones({}), {&x},
                                [g = std::move(gradient)](BackwardContext& b) mutable { b.set(0, std::move(g)); });
  loss.backward();
  EXPECT_EQ(x.grad().data<float>(), memory);
}

TEST(InPlace, IsForbiddenWhereGradientsAreRecorded) {
  const Tensor x = leaf({1, 2});
  EXPECT_THROW(x.fill_(1), GraphError);
  EXPECT_THROW((x * 2.0).add_(1.0), GraphError);
  EXPECT_THROW(Tensor::ones({2}).add_(x), GraphError);
  NoGrad no_grad;
  x.add_(Tensor::ones({2}), -2);
  EXPECT_EQ(x.to_vector<float>(), (Floats{-1, 0}));
}

}  // namespace
}  // namespace perdita
