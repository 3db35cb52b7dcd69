// Every differentiable operation against central differences, first and second order, over random shapes, broadcasts
// and views. One table: an operation without a line here has no gradient test.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <random>

#include "perdita/tensor/all.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

using Tensors = std::vector<Tensor>;

struct Operation {
  const char* name;
  int arity;
  double low, high;  // of random operands
  std::function<Tensor(const Tensors&)> function;
  bool second_order = true;
  double step = 1e-6;
};

const std::vector<Operation>& elementwise_operations() {
  static const std::vector<Operation> operations = {
      {"add", 2, -2, 2, [](const Tensors& x) { return x[0] + x[1]; }},
      {"add number", 1, -2, 2, [](const Tensors& x) { return 1.5 + x[0]; }},
      {"subtract", 2, -2, 2, [](const Tensors& x) { return x[0] - x[1]; }},
      {"subtract from number", 1, -2, 2, [](const Tensors& x) { return 1.0 - x[0]; }},
      {"multiply", 2, -2, 2, [](const Tensors& x) { return x[0] * x[1]; }},
      {"divide", 2, 0.5, 2, [](const Tensors& x) { return x[0] / x[1]; }},
      {"divide number", 1, 0.5, 2, [](const Tensors& x) { return 2.0 / x[0]; }},
      {"negate", 1, -2, 2, [](const Tensors& x) { return -x[0]; }},
      {"min", 2, -2, 2, [](const Tensors& x) { return min(x[0], x[1]); }},
      {"max", 2, -2, 2, [](const Tensors& x) { return max(x[0], x[1]) * x[0]; }},
      {"clamp_min", 2, -2, 2, [](const Tensors& x) { return clamp_min(x[0], x[1]); }},
      {"clamp_max", 2, -2, 2, [](const Tensors& x) { return clamp_max(x[0], x[1]); }},
      {"clamp", 1, -2, 2, [](const Tensors& x) { return clamp(x[0], -1.0, 1.0) * x[0]; }},
      {"abs", 1, -2, 2, [](const Tensors& x) { return abs(x[0]) * x[0]; }},
      {"sign", 1, -2, 2, [](const Tensors& x) { return sign(x[0]) * x[0]; }},
      {"square", 1, -2, 2, [](const Tensors& x) { return square(x[0]); }},
      {"sqrt", 1, 0.5, 2, [](const Tensors& x) { return sqrt(x[0]); }},
      {"exp", 1, -2, 2, [](const Tensors& x) { return exp(x[0]); }},
      {"expm1", 1, -2, 2, [](const Tensors& x) { return expm1(x[0]); }},
      {"log", 1, 0.5, 2, [](const Tensors& x) { return log(x[0]); }},
      {"log1p", 1, -0.5, 2, [](const Tensors& x) { return log1p(x[0]); }},
      {"sigmoid", 1, -3, 3, [](const Tensors& x) { return sigmoid(x[0]); }},
      {"log_sigmoid", 1, -3, 3, [](const Tensors& x) { return log_sigmoid(x[0]); }},
      {"softplus", 1, -3, 3, [](const Tensors& x) { return softplus(x[0]); }},
      {"tanh", 1, -2, 2, [](const Tensors& x) { return tanh(x[0]); }},
      {"log_cosh", 1, -2, 2, [](const Tensors& x) { return log_cosh(x[0]); }},
      {"expm1_minus_x", 1, -2, 2, [](const Tensors& x) { return expm1_minus_x(x[0]); }},
      {"log1p_minus_x", 1, -0.5, 2, [](const Tensors& x) { return log1p_minus_x(x[0]); }},
      {"log_ratio", 2, 0.5, 2, [](const Tensors& x) { return log_ratio(x[0], x[1]); }},
      {"hypot", 2, -2, 2, [](const Tensors& x) { return hypot(x[0], x[1]); }},
      {"erf", 1, -2, 2, [](const Tensors& x) { return erf(x[0]); }},
      {"lgamma", 1, 0.5, 3, [](const Tensors& x) { return lgamma(x[0]); }},
      {"digamma", 1, 0.5, 3, [](const Tensors& x) { return digamma(x[0]); }, false},
      {"pow", 2, 0.5, 2, [](const Tensors& x) { return pow(x[0], x[1]); }},
      {"pow number", 1, 0.5, 2, [](const Tensors& x) { return pow(x[0], 2.5); }},
      {"number to the power", 1, 0.5, 2, [](const Tensors& x) { return pow(2.5, x[0]); }},
      {"xlogy", 2, 0.5, 2, [](const Tensors& x) { return xlogy(x[0], x[1]); }},
      {"flip_sign", 2, -2, 2, [](const Tensors& x) { return flip_sign(x[0] * x[0], x[1].detach()); }},
      {"zero_unless", 2, -2, 2, [](const Tensors& x) { return zero_unless(x[1] > 0.3, x[0] * x[0]); }},
      {"relu", 1, -2, 2, [](const Tensors& x) { return relu(x[0]) * x[0]; }},
      {"select", 2, -2, 2, [](const Tensors& x) { return select(x[0] < x[1], x[0] * x[1], square(x[1])); }},
      {"where, logical", 2, -2, 2,
       [](const Tensors& x) { return where(((x[0] < 0.5) & !(x[1] > 1.0)) | (x[0] == 7.0), x[0] * x[1], x[1]); }},
      {"focal loss", 2, -2, 2,
       [](const Tensors& x) {
         const Tensor target = sigmoid(x[1]);
         const Tensor b = max(x[0], 0.0) - x[0] * target + log1p(exp(-abs(x[0])));
         const Tensor pt = exp(-b);
         return 0.25 * pow(1.0 - pt, 2.0) * b;
       },
       true, 1e-5},  // 1 - pt rounds: the differences of its gradient need the larger step
  };
  return operations;
}

const std::vector<Operation>& matrix_operations() {
  static const Tensor index = Tensor::from<std::int64_t>({2, 0, 0, 1, 2}),
                      places = Tensor::from<std::int64_t>({1, 0, 2, 1, 1, 0}, {2, 3});
  static const std::vector<Operation> operations = {
      // Operands are [3, 4].
      {"sum", 1, -2, 2, [](const Tensors& x) { return sum(square(x[0])); }},
      {"sum of stored", 1, -2, 2, [](const Tensors& x) { return square(sum(x[0].transpose(0, 1))); }},
      {"sum dim 0", 1, -2, 2, [](const Tensors& x) { return square(sum(x[0], 0)); }},
      {"sum dim -1 keepdim", 1, -2, 2, [](const Tensors& x) { return sum(x[0], -1, true) * x[0]; }},
      {"sum dims", 1, -2, 2,
       [](const Tensors& x) {
         return square(sum(x[0].unsqueeze(1), Dims{0, 2}));
       }},
      {"mean", 1, -2, 2, [](const Tensors& x) { return mean(exp(x[0])); }},
      {"mean dim", 1, -2, 2, [](const Tensors& x) { return square(mean(x[0], 1)); }},
      {"max", 1, -2, 2, [](const Tensors& x) { return square(max(x[0])); }},
      {"min", 1, -2, 2, [](const Tensors& x) { return square(min(x[0])); }},
      {"amax", 1, -2, 2, [](const Tensors& x) { return square(amax(x[0], 0)); }},
      {"amin keepdim", 1, -2, 2, [](const Tensors& x) { return amin(x[0], 1, true) * x[0]; }},
      {"logsumexp", 1, -2, 2, [](const Tensors& x) { return logsumexp(x[0], 1); }},
      {"logsumexp dim 0 keepdim", 1, -2, 2, [](const Tensors& x) { return logsumexp(x[0], 0, true); }},
      {"softmax", 1, -2, 2, [](const Tensors& x) { return softmax(x[0], 1); }},
      {"softmax dim 0", 1, -2, 2, [](const Tensors& x) { return softmax(x[0], 0); }},
      {"log_softmax", 1, -2, 2, [](const Tensors& x) { return log_softmax(x[0], -1); }},
      {"matmul", 2, -2, 2, [](const Tensors& x) { return matmul(x[0], x[1].t()); }},
      {"matmul transposed", 2, -2, 2, [](const Tensors& x) { return matmul(x[0].t(), x[1]); }},
      {"matrix vector", 2, -2, 2, [](const Tensors& x) { return matmul(x[0], x[1].select(0, 1)); }},
      {"vector matrix", 2, -2, 2, [](const Tensors& x) { return matmul(x[0].select(1, 0), x[1]); }},
      {"dot", 2, -2, 2, [](const Tensors& x) { return matmul(x[0].flatten(), x[1].flatten()); }},
      {"batched matmul", 2, -2, 2,
       [](const Tensors& x) {
         return matmul(x[0].reshape({2, 3, 2}), x[1].reshape({2, 2, 3}));
       }},
      {"batch times matrix", 2, -2, 2,
       [](const Tensors& x) {
         return matmul(x[0].reshape({2, 3, 2}), x[1].slice(0, 0, 2));
       }},
      {"matrix times batch", 2, -2, 2,
       [](const Tensors& x) {
         return matmul(x[0].slice(0, 0, 2), x[1].reshape({1, 4, 3}).expand({3, 4, 3}));
       }},
      {"gather", 1, -2, 2, [](const Tensors& x) { return square(gather(x[0], 1, places)); }},
      {"gather dim 0", 1, -2, 2, [](const Tensors& x) { return square(gather(x[0], 0, places)); }},
      {"index_select", 1, -2, 2, [](const Tensors& x) { return square(index_select(x[0], 0, index)); }},
      {"index_select dim 1", 1, -2, 2, [](const Tensors& x) { return square(index_select(x[0], 1, index)); }},
      {"index_rows", 1, -2, 2, [](const Tensors& x) { return square(index_rows(x[0], places)); }},
      {"cat", 2, -2, 2,
       [](const Tensors& x) {
         return square(cat({x[0], x[1], x[0]}, 1));
       }},
      {"stack", 2, -2, 2,
       [](const Tensors& x) {
         return square(stack({x[0], x[1]}, 1));
       }},
      {"reshape", 1, -2, 2,
       [](const Tensors& x) {
         return square(x[0].t().reshape({2, 6}));
       }},
      {"view", 1, -2, 2,
       [](const Tensors& x) {
         return square(x[0].view({6, -1}));
       }},
      {"permute", 1, -2, 2,
       [](const Tensors& x) {
         return square(x[0].unsqueeze(0).permute({2, 0, 1}));
       }},
      {"select", 1, -2, 2, [](const Tensors& x) { return square(x[0].select(1, -1)); }},
      {"slice", 1, -2, 2, [](const Tensors& x) { return square(x[0].slice(1, 1, 4, 2)); }},
      {"squeeze", 1, -2, 2, [](const Tensors& x) { return square(x[0].unsqueeze(1).squeeze(1)); }},
      {"expand", 1, -2, 2,
       [](const Tensors& x) {
         return square(x[0].unsqueeze(1).expand({3, 5, 4}));
       }},
      {"flatten", 1, -2, 2, [](const Tensors& x) { return square(x[0].flatten()); }},
      {"contiguous", 1, -2, 2, [](const Tensors& x) { return square(x[0].t().contiguous()); }},
      {"clone", 1, -2, 2, [](const Tensors& x) { return square(x[0].clone()); }},
      {"detach", 1, -2, 2, [](const Tensors& x) { return x[0] * (x[0] + 1.0) - 0.0 * x[0].detach(); }},
      {"two uses", 2, -2, 2,
       [](const Tensors& x) {
         const Tensor h = tanh(matmul(x[0], x[1].t()));
         return sum(h * h) + matmul(h, h.t());
       }},
  };
  return operations;
}

/// A leaf of `shape`, dense, transposed, sliced with a step, or expanded: function(view(leaf)) is what is checked.
struct View {
  Shape leaf;
  std::function<Tensor(const Tensor&)> view;
};

View random_view(const Shape& shape, std::mt19937_64& random) {
  const int last = shape.rank() - 1;
  switch (shape.rank() == 0 ? 0 : random() % 4) {
    case 1: {
      Shape turned = shape;
      std::swap(turned[0], turned[last]);
      return {turned, [last](const Tensor& x) { return x.transpose(0, last); }};
    }
    case 2: {
      Shape longer = shape;
      longer[last] = 2 * longer[last] + 1;
      return {longer, [last](const Tensor& x) { return x.slice(last, 1, x.size(last), 2); }};
    }
    case 3: {
      Shape single = shape;
      single[0] = 1;
      return {single, [shape](const Tensor& x) { return x.expand(shape); }};
    }
    default:
      return {shape, [](const Tensor& x) { return x; }};
  }
}

Tensor random_leaf(const Shape& shape, double low, double high, std::uint64_t seed) {
  const Tensor x = low + (high - low) * Tensor::rand(shape, seed, 5, DType::float64);
  return x.clone().set_requires_grad();
}

std::uint64_t test_seed() {
  const char* given = std::getenv("PERDITA_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Shapes that broadcast together.
std::vector<Shape> random_shapes(int count, std::mt19937_64& random) {
  Shape common;
  for (int rank = static_cast<int>(random() % 4); rank > 0; --rank)
    common.push_back(1 + static_cast<std::int64_t>(random() % 3));
  std::vector<Shape> shapes;
  for (int i = 0; i < count; ++i) {
    Shape shape;
    for (int d = i > 0 && common.rank() > 0 ? static_cast<int>(random() % 2) : 0; d < common.rank(); ++d) {
      shape.push_back(i > 0 && random() % 3 == 0 ? 1 : common[d]);
    }
    shapes.push_back(shape);
  }
  if (random() % 2) std::swap(shapes.front(), shapes.back());
  return shapes;
}

TEST(Gradient, OfEveryElementwiseOperationMatchesDifferences) {
  const std::uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  for (const Operation& operation : elementwise_operations()) {
    for (int round = 0; round < 6; ++round) {
      const std::vector<Shape> shapes = random_shapes(operation.arity, random);
      std::vector<View> views;
      Tensors leaves;
      for (const Shape& shape : shapes) {
        views.push_back(random_view(shape, random));
        leaves.push_back(random_leaf(views.back().leaf, operation.low, operation.high, random()));
      }
      const auto function = [&](const Tensors& x) {
        Tensors operands;
        for (std::size_t i = 0; i < x.size(); ++i) operands.push_back(views[i].view(x[i]));
        return operation.function(operands);
      };
      EXPECT_EQ(check_gradient(function, leaves, {.step = operation.step, .second_order = operation.second_order}), "")
          << operation.name << ", PERDITA_TEST_SEED=" << seed;
    }
  }
}

TEST(Gradient, OfEveryMatrixOperationMatchesDifferences) {
  const std::uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  for (const Operation& operation : matrix_operations()) {
    for (int round = 0; round < 2; ++round) {
      Tensors leaves;
      for (int i = 0; i < operation.arity; ++i)
        leaves.push_back(random_leaf({3, 4}, operation.low, operation.high, random()));
      EXPECT_EQ(check_gradient(operation.function, leaves, {.second_order = operation.second_order}), "")
          << operation.name << ", PERDITA_TEST_SEED=" << seed;
    }
  }
}

TEST(CheckGradient, SeesAWrongRule) {
  const auto wrong = [](const Tensors& x) {
    return make_node("wrong", x[0].detach() * 2.0, {&x[0]}, [](BackwardContext& b) { b.set(0, b.upstream() * 2.001); });
  };
  EXPECT_NE(check_gradient(wrong, {random_leaf({3}, -1, 1, 1)}), "");
}

TEST(CheckGradient, SeesAWrongSecondDerivative) {
  const auto wrong = [](const Tensors& x) {
    return make_node("wrong", square(x[0].detach()), {&x[0]}, [saved = Saved(x[0])](BackwardContext& b) {
      b.set(0, b.upstream() * 2.0 * saved.get("wrong").detach());
    });
  };
  const Tensor x = random_leaf({3}, 1, 2, 1);
  EXPECT_EQ(check_gradient(wrong, {x}), "");
  EXPECT_NE(check_gradient(wrong, {x}, {.second_order = true}), "");
}

TEST(Gradient, AtTiesAndKinksIsPyTorchs) {
  const auto slope = [](const std::function<Tensor(const Tensor&)>& f, double at) {
    const Tensor x = Tensor::full({}, at).set_requires_grad();
    return grad(f(x), x).item();
  };
  EXPECT_EQ(slope([](const Tensor& x) { return relu(x); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return abs(x); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, 0.0, 1.0); }, 0), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return clamp(x, 0.0, 1.0); }, 1), 0);
  EXPECT_EQ(slope([](const Tensor& x) { return max(x, 0.0); }, 0), 0.5);
  EXPECT_EQ(slope([](const Tensor& x) { return sign(x); }, 3), 0);
  const Tensor x = Tensor::from<float>({1, 3, 3, 2}).set_requires_grad();
  EXPECT_EQ(grad(max(x), x).to_vector<float>(), (std::vector<float>{0, 0.5, 0.5, 0}));
}

}  // namespace
}  // namespace perdita
