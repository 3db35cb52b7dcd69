// The kernels of the losses that compare: against their definitions as loops in double, for float and double and rows
// of every kind of length; against the recorded operators, at special values and for second derivatives; with any
// number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "functional/comparing_cases.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita {
namespace {

using namespace comparing;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensors drawn(const Case& c, std::int64_t rows, std::int64_t size, DType dtype) {
  Tensors x;
  for (std::size_t k = 0; k < c.inputs; ++k) {
    x.push_back(Tensor::randn({rows, size}, 100 + k, 0, DType::float64).to(dtype));
    x.back().set_requires_grad();
  }
  return x;
}
Row numbers(const Tensor& x) { return x.detach().to(DType::float64).contiguous().to_vector<double>(); }
std::vector<Row> numbers(const Tensors& x) {
  std::vector<Row> all;
  for (const Tensor& tensor : x) all.push_back(numbers(tensor));
  return all;
}
LossOptions reduced(Reduction reduction) { return {.reduction = reduction}; }
/// Has the loss computed by recorded operators.
LossOptions recorded(LossOptions options, const Case& c, const Tensors& x) {
  options.weight = Tensor::ones(c.elementwise ? x[0].shape() : Shape{x[0].size(0)}, x[0].dtype());
  return options;
}

struct Shaped {
  std::int64_t rows, size;
};
const std::vector<Shaped> shapes{{1, 1},   {3, 1},   {5, 3},  {37, 2},  {16, 16},  {33, 17},
                                 {21, 15}, {19, 32}, {7, 49}, {5, 128}, {3, 1001}, {2, 4100}};

/// `scale` times the truth's gradients, each row also times its upstream gradient.
void expect_gradients(const Case& c, const Tensors& x, const Tensors& found, const Result& expected, double scale,
                      const Row& upstream) {
  const double epsilon = x[0].dtype() == DType::float32 ? 0x1p-23 : 0x1p-52;
  const std::size_t size = size_of(x);
  for (std::size_t k = 0; k < c.inputs; ++k) {
    const Row gradient = numbers(found[k]);
    for (std::size_t row = 0; row < rows_of(x); ++row) {
      for (std::size_t i = row * size; i < (row + 1) * size; ++i) {
        const double factor = scale * (upstream.empty() ? 1 : upstream[c.elementwise ? i : row]);
        ASSERT_NEAR(gradient[i], factor * expected.gradients[k][i],
                    8 * epsilon * std::abs(factor) * expected.magnitudes[c.elementwise ? i : row])
            << c.name << ", input " << k << ", row " << row << " of " << rows_of(x) << " x " << size;
      }
    }
  }
}

class ComparingKernels : public testing::TestWithParam<DType> {};

TEST_P(ComparingKernels, AreTheirDefinitions) {
  const double epsilon = GetParam() == DType::float32 ? 0x1p-23 : 0x1p-52;
  for (const Case& c : cases()) {
    for (const auto& [rows, size] : shapes) {
      const Tensors x = drawn(c, rows, size, GetParam());
      const Result expected = c.truth(numbers(x), static_cast<std::size_t>(rows), static_cast<std::size_t>(size));
      const double count = static_cast<double>(expected.losses.size());
      double total = 0;
      for (double loss : expected.losses) total += loss;

      // Terms of a loss are of the order of 1 and of the vectors' length, and cancel to the loss.
      const double bound = 8 * epsilon * (2 + total / count + static_cast<double>(c.name[0] == 't' ? size : 0));
      const Tensor losses = c.loss(x, reduced(Reduction::none));
      const Row found = numbers(losses);
      ASSERT_EQ(found.size(), expected.losses.size()) << c.name;
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_NEAR(found[i], expected.losses[i], bound + 8 * epsilon * expected.losses[i]) << c.name << " " << size;
      const Row upstream = numbers(Tensor::randn(losses.shape(), 7, 0, DType::float64).to(GetParam()));
      const Tensor given = Tensor::from(upstream).reshape(losses.shape()).to(GetParam());
      expect_gradients(c, x, grad({losses}, x, {.grad_outputs = {given}}), expected, 1, upstream);

      const Tensor mean = c.loss(x, reduced(Reduction::mean)), sum = c.loss(x, reduced(Reduction::sum));
      ASSERT_NEAR(mean.item(), total / count, bound) << c.name;
      ASSERT_NEAR(sum.item(), total, bound * count) << c.name;
      expect_gradients(c, x, grad({mean}, x), expected, 1 / count, {});
      expect_gradients(c, x, grad({sum}, x), expected, 1, {});
    }
  }
}

// The kernel gives what the operators give: compared as numbers, NaN being equal to itself.
void expect_same(const Tensor& found, const Tensor& expected, const std::string& what) {
  const Row a = numbers(found), b = numbers(expected);
  ASSERT_EQ(found.shape(), expected.shape()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i]) || std::isinf(b[i]))
      ASSERT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])))
          << what << " at " << i << ": " << a[i] << ", expected " << b[i];
    else
      ASSERT_NEAR(a[i], b[i], 1e-10 * (1 + std::abs(b[i]))) << what << " at " << i;
  }
}

TEST(ComparingKernelsAtTheEdge, AgreeWithRecordedOperators) {
  const Row special{0, -0.0, 1e30, -1e30, 1e-30, inf, -inf, nan, 1e-310, 1e160};
  for (const Case& c : cases()) {
    for (const std::int64_t size : {1, 3, 20, 70}) {
      const auto rows = static_cast<std::int64_t>(2 * special.size());
      Tensors x;
      for (std::size_t k = 0; k < c.inputs; ++k) {
        Row values = numbers(Tensor::randn({rows, size}, 200 + k, 0, DType::float64));
        for (std::int64_t row = 0; row < rows; ++row) {
          const double value = special[static_cast<std::size_t>(row) % special.size()];
          // the first half of the rows have it once, in one of the inputs; the others are full of it
          if (row >= rows / 2) {
            std::fill_n(values.begin() + row * size, size, value);
          } else if (static_cast<std::size_t>(row) % c.inputs == k) {
            values[static_cast<std::size_t>(row * size + row % size)] = value;
          }
        }
        x.push_back(Tensor::from(values, {rows, size}));
        x.back().set_requires_grad();
      }
      const LossOptions options = reduced(Reduction::none);
      const Tensor found = c.loss(x, options), expected = c.loss(x, recorded(options, c, x));
      expect_same(found, expected, c.name);
      const Tensor ones = Tensor::ones(found.shape(), DType::float64);
      const Tensors a = grad({found}, x, {.grad_outputs = {ones}}), b = grad({expected}, x, {.grad_outputs = {ones}});
      for (std::size_t k = 0; k < c.inputs; ++k) expect_same(a[k], b[k], fmt::format("{}, input {}", c.name, k));
    }
  }
}

TEST(ComparingKernelsAtTheEdge, APairThatCountsForNothingHasNoGradient) {
  const Tensor a = Tensor::full({1, 3}, 1e30, DType::float32), b = Tensor::zeros({1, 3}, DType::float32);
  a.set_requires_grad();
  const Tensor loss = F::cosine_embedding_loss(a, b, Tensor::zeros({1}));
  EXPECT_EQ(loss.item(), 0);
  EXPECT_EQ(numbers(grad(loss, a)), (Row{0, 0, 0}));
}

TEST(ComparingKernelsTwice, SecondDerivativesAreThoseOfRecordedOperators) {
  for (const Case& c : cases()) {
    for (Reduction reduction : {Reduction::mean, Reduction::none}) {
      const Tensors x = drawn(c, 4, 6, DType::float64);
      const auto second = [&](const LossOptions& options) {
        const Tensor loss = sum(square(c.loss(x, options)));
        const Tensors first = grad({loss}, x, {.create_graph = true});
        Tensor norm = Tensor::zeros({}, DType::float64);
        for (const Tensor& g : first) norm = norm + sum(square(g));
        return grad({norm}, x);
      };
      const Tensors a = second(reduced(reduction)), b = second(recorded(reduced(reduction), c, x));
      for (std::size_t k = 0; k < c.inputs; ++k) expect_same(a[k], b[k], c.name);
    }
  }
}

TEST(ComparingKernelsTwice, AnInputGivenTwiceHasTheSumOfItsDerivatives) {
  const Tensor a = Tensor::randn({3, 5}, 1, 0, DType::float64), b = Tensor::randn({3, 5}, 2, 0, DType::float64);
  a.set_requires_grad();
  for (bool create_graph : {false, true}) {
    // near is a constant, so that only the negative's distance counts, once from each end
    const Tensor twice = F::triplet_margin_loss(a, a, b, {.margin = 9}, reduced(Reduction::sum));
    const Tensor once = sum(9.0 + std::sqrt(5.0) * 1e-6 - F::pairwise_distance(a, b));
    expect_same(grad(twice, a, {.create_graph = create_graph}), grad(once, a), "a twice");
    // an input made of another
    const Tensor made = 2.0 * a;
    const Tensor of_both =
        F::margin_ranking_loss(made, a, Tensor::ones({3, 5}, DType::float64), {.margin = 99}, reduced(Reduction::sum));
    expect_same(grad(of_both, a, {.create_graph = create_graph}), Tensor::full({3, 5}, -1, DType::float64), "2a and a");
  }
}

TEST(ComparingKernelsPart, GradientsThatNobodyAsksForAreNotNeededForTheOthers) {
  for (const Case& c : cases()) {
    for (const std::int64_t size : {5, 130}) {
      const Tensors all = drawn(c, 6, size, DType::float32);
      const Tensors expected = grad({c.loss(all, {})}, all);
      for (std::size_t k = 0; k < c.inputs; ++k) {
        Tensors some;
        for (const Tensor& x : all) some.push_back(x.detach());
        some[k] = all[k];
        const Tensor found = grad(c.loss(some, {}), all[k]);
        EXPECT_EQ(numbers(found), numbers(expected[k])) << c.name << ", input " << k;
      }
      EXPECT_FALSE(c.loss({all[0].detach(), all.back().detach(), all.back().detach()}, {}).requires_grad()) << c.name;
    }
  }
}

TEST(ComparingKernelsThreads, ResultsAreTheSameBitForBit) {
  for (const Case& c : cases()) {
    for (const auto& [rows, size] : {Shaped{70001, 3}, Shaped{1500, 100}, Shaped{9, 20000}}) {
      const Tensors x = drawn(c, rows, size, DType::float32);
      std::vector<Row> expected;
      for (int threads : {1, 2, 3, 5}) {
        set_num_threads(threads);
        const Tensor loss = c.loss(x, {});
        Tensors results = grad({loss}, x);
        results.push_back(loss);
        if (threads == 1) expected = numbers(results);
        EXPECT_EQ(numbers(results), expected) << c.name << " with " << threads << " threads";
      }
      set_num_threads(1);
    }
  }
}

// Gradients that are written past the caches: the last rows, as if they were all.
TEST(ComparingKernelsLarge, LastRowsAreAsTheFirst) {
  for (const auto& [rows, size] : {Shaped{1500003, 3}, Shaped{50001, 92}, Shaped{5600, 1104}}) {
    Tensors all;
    for (std::uint64_t seed : {1, 2, 3}) all.push_back(Tensor::randn({rows, size}, seed).set_requires_grad());
    for (const Case& c : cases()) {
      const Tensors x(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(c.inputs));
      const Tensors found = grad({c.loss(x, reduced(Reduction::sum))}, x);
      const std::int64_t period = std::lcm(size, 3 * 5 * 23);  // of the targets, so that these begin anew
      const std::int64_t begin = (rows - 20) / period * period;
      Tensors part, part_found;
      for (std::size_t k = 0; k < c.inputs; ++k) {
        part.push_back(x[k].detach().slice(0, begin, rows).contiguous());
        part_found.push_back(found[k].slice(0, begin, rows));
      }
      expect_gradients(c, part, part_found, c.truth(numbers(part), rows_of(part), size_of(part)), 1, {});
    }
  }
}

TEST(ComparingKernelsKinks, AreThoseOfPyTorch) {
  using V = std::vector<float>;
  const auto leaf = [](V values) {
    const auto size = std::ssize(values);
    return Tensor::from(std::move(values), {1, size}).set_requires_grad();
  };
  const Tensor a = leaf({0, 0}), p = leaf({3, 0}), n = leaf({0, 4});
  const Tensor triplet = F::triplet_margin_loss(a, p, n, {.eps = 0});
  EXPECT_EQ(triplet.item(), 0);
  EXPECT_EQ(numbers(grad({triplet}, {a, p, n})), (std::vector<Row>{{0, 0}, {0, 0}, {0, 0}}));
  const Tensor equal = F::triplet_margin_loss(a, a.detach(), n, {.eps = 0});  // near is 0: no slope
  EXPECT_EQ(equal.item(), 0);
  const Tensor x = leaf({1, 0}), y = leaf({0, 1});
  const Tensor cosine = F::cosine_embedding_loss(x, y, Tensor::from(V{-1}));
  EXPECT_EQ(cosine.item(), 0);
  EXPECT_EQ(numbers(grad(cosine, x)), (Row{0, 0}));
  const Tensor z = leaf({2, 1, 0});
  EXPECT_EQ(numbers(grad(F::multi_margin_loss(z, Tensor::from(std::vector<std::int64_t>{0})), z)), (Row{0, 0, 0}));
  const Tensor list = Tensor::from(std::vector<std::int64_t>{0, -1, 0}, {1, 3});
  EXPECT_EQ(numbers(grad(F::multilabel_margin_loss(z, list), z)), (Row{0, 0, 0}));
}

TEST(ComparingKernelsShapes, OneRowNoRowsAndNoComponents) {
  for (const Case& c : cases()) {
    const Tensors none = drawn(c, 0, 4, DType::float32);
    EXPECT_TRUE(std::isnan(c.loss(none, {}).item())) << c.name;
    EXPECT_EQ(c.loss(none, reduced(Reduction::sum)).item(), 0) << c.name;
    EXPECT_EQ(grad({c.loss(none, {})}, none)[0].shape(), Shape({0, 4})) << c.name;
  }
  const Tensor no_components = Tensor::zeros({2, 0}).set_requires_grad();
  EXPECT_EQ(F::triplet_margin_loss(no_components, no_components, no_components).item(), 1);
  const Tensor vector = Tensor::ones({3}).set_requires_grad();
  EXPECT_EQ(F::triplet_margin_loss(vector, vector.detach(), vector.detach(), {}, reduced(Reduction::none)).shape(),
            Shape({}));
  const Tensor row =
      F::multi_margin_loss(vector, Tensor::from(std::vector<std::int64_t>{1}), {}, reduced(Reduction::none));
  const GradOptions tripled{.grad_outputs = {Tensor::full({1}, 3)}};
  EXPECT_EQ(numbers(grad(row, vector, tripled)), (Row{1, -2, 1}));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ComparingKernels, testing::Values(DType::float32, DType::float64),
                         [](const auto& dtype) { return std::string(name_of(dtype.param)); });

}  // namespace
}  // namespace perdita
