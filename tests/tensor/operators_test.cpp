// Values of operators and reductions against loops written here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "perdita/core/parallel.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

using Floats = std::vector<float>;
using Longs = std::vector<std::int64_t>;
constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor doubles(const Shape& shape, std::uint64_t seed) { return Tensor::randn(shape, seed, 0, DType::float64); }

TEST(Elementwise, UnaryFunctionsAreThoseOfTheCLibrary) {
  struct Row {
    const char* name;
    Tensor (*ours)(const Tensor&);
    double (*theirs)(double);
    bool positive = false;
  };
  const std::vector<Row> rows = {
      {"abs", abs, [](double x) { return std::abs(x); }},
      {"sign", sign, [](double x) { return static_cast<double>((x > 0) - (x < 0)); }},
      {"square", square, [](double x) { return x * x; }},
      {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, true},
      {"exp", exp, [](double x) { return std::exp(x); }},
      {"expm1", expm1, [](double x) { return std::expm1(x); }},
      {"log", log, [](double x) { return std::log(x); }, true},
      {"log1p", log1p, [](double x) { return std::log1p(x); }, true},
      {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"log_sigmoid", log_sigmoid, [](double x) { return -std::log1p(std::exp(-x)); }},
      {"softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }},
      {"tanh", tanh, [](double x) { return std::tanh(x); }},
      {"log_cosh", log_cosh, [](double x) { return std::log(std::cosh(x)); }},
      {"expm1_minus_x", expm1_minus_x, [](double x) { return std::expm1(x) - x; }},
      {"log1p_minus_x", log1p_minus_x, [](double x) { return std::log1p(x) - x; }, true},
      {"erf", erf, [](double x) { return std::erf(x); }},
      {"lgamma", lgamma, [](double x) { return std::lgamma(x); }, true},
      {"relu", relu, [](double x) { return x > 0 ? x : 0; }},
  };
  for (const Row& row : rows) {
    const Tensor x = row.positive ? abs(doubles({37}, 3)) + 0.1 : doubles({37}, 3);
    const Tensor y = row.ours(x);
    for (std::int64_t i = 0; i < 37; ++i) {
      const double expected = row.theirs(x.data<double>()[i]);
      EXPECT_NEAR(y.data<double>()[i], expected, 1e-13 * (1 + std::abs(expected))) << row.name;
    }
  }
}

TEST(Elementwise, BinaryOperatorsBroadcast) {
  const Tensor a = doubles({4, 1, 5}, 1), b = doubles({3, 1}, 2);
  const auto check = [&](const Tensor& result, const std::function<double(double, double)>& f) {
    ASSERT_EQ(result.shape(), (Shape{4, 3, 5}));
    const std::vector<double> values = result.to_vector<double>();
    for (std::size_t i = 0; i < 60; ++i) {
      const double expected = f(a.data<double>()[i / 15 * 5 + i % 5], b.data<double>()[i / 5 % 3]);
      EXPECT_NEAR(values[i], expected, 1e-14 * (1 + std::abs(expected)));
    }
  };
  check(a + b, [](double x, double y) { return x + y; });
  check(a - b, [](double x, double y) { return x - y; });
  check(a * b, [](double x, double y) { return x * y; });
  check(a / b, [](double x, double y) { return x / y; });
  check(max(a, b), [](double x, double y) { return std::max(x, y); });
  check(min(a, b), [](double x, double y) { return std::min(x, y); });
  check(a < b, [](double x, double y) { return x < y; });
  check(where(a >= b, a, b * 2.0), [](double x, double y) { return x >= y ? x : 2 * y; });
  check(pow(abs(a), b), [](double x, double y) { return std::pow(std::abs(x), y); });
  check((a < 0.0) | !(b < 0.0), [](double x, double y) { return x < 0 || !(y < 0); });
}

TEST(Elementwise, DtypesFollowPyTorch) {
  const Tensor f32 = Tensor::ones({2}), f64 = Tensor::ones({2}, DType::float64), i64 = Tensor::arange(2),
               u8 = Tensor::ones({2}, DType::uint8), b = Tensor::from<bool>({true, false});
  EXPECT_EQ((f32 + 2.5).dtype(), DType::float32);
  EXPECT_EQ((f64 + 2.5).dtype(), DType::float64);
  EXPECT_EQ((f32 + f64).dtype(), DType::float64);
  EXPECT_EQ((f32 + Tensor::ones({}, DType::float64)).dtype(), DType::float32);
  EXPECT_EQ((f64 * Tensor(2.5)).dtype(), DType::float64);
  EXPECT_EQ((i64 + f32).dtype(), DType::float32);
  EXPECT_EQ((i64 + 2).dtype(), DType::int64);
  EXPECT_EQ((i64 + 2.5).dtype(), DType::float32);
  EXPECT_EQ((u8 + 2).dtype(), DType::uint8);
  EXPECT_EQ((u8 + i64).dtype(), DType::int64);
  EXPECT_EQ((b + b).dtype(), DType::boolean);
  EXPECT_EQ((i64 / 2).dtype(), DType::float32);
  EXPECT_EQ(exp(i64).dtype(), DType::float32);
  EXPECT_EQ((i64 < 2).dtype(), DType::boolean);
  EXPECT_EQ((i64 / 2).to_vector<float>(), (Floats{0, 0.5}));
}

TEST(Elementwise, IntegersAreExact) {
  const std::int64_t big = (std::int64_t{1} << 62) + 1;
  const Tensor x = Tensor::from<std::int64_t>({big, -3, 4});
  EXPECT_EQ((x + x - x).to_vector<std::int64_t>(), (Longs{big, -3, 4}));
  EXPECT_EQ((x * 3).to_vector<std::int64_t>()[1], -9);
  EXPECT_EQ(abs(x).to_vector<std::int64_t>(), (Longs{big, 3, 4}));
  EXPECT_EQ(max(x, 0).to_vector<std::int64_t>(), (Longs{big, 0, 4}));
  EXPECT_EQ((x == Tensor::from<std::int64_t>({big - 1, -3, 4})).to_vector<bool>(),
            (std::vector<bool>{false, true, true}));
  EXPECT_EQ(where(x > 0, x, -x).to_vector<std::int64_t>(), (Longs{big, 3, 4}));
  EXPECT_EQ(sum(Tensor::ones({300}, DType::uint8)).item<int>(), 300);
  EXPECT_EQ(sum(x == 4).item<int>(), 1);
}

TEST(Elementwise, AGenericFormulaTakesTensors) {
  const auto huber = [](auto y, auto t) {
    auto r = abs(y - t);
    auto q = min(r, 1.0);
    return q * (r - 0.5 * q);
  };
  const Tensor y = Tensor::from<float>({0, 0.5, 3}), t = Tensor::zeros({3});
  EXPECT_EQ(huber(y, t).to_vector<float>(), (Floats{0, 0.125, 2.5}));
  EXPECT_EQ(huber(y, 0.0).to_vector<float>(), (Floats{0, 0.125, 2.5}));
}

/// Reduces dimension `dim` of dense x by f over a line, the slow way.
std::vector<double> reduce(const Tensor& x, int dim, const std::function<double(const std::vector<double>&)>& f) {
  std::vector<double> result;
  std::int64_t inner = 1, outer = 1;
  for (int d = 0; d < x.rank(); ++d) (d < dim ? outer : inner) *= d == dim ? 1 : x.shape()[d];
  const std::int64_t n = x.shape()[dim];
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      std::vector<double> line;
      for (std::int64_t k = 0; k < n; ++k) line.push_back(x.data<double>()[(o * n + k) * inner + i]);
      result.push_back(f(line));
    }
  }
  return result;
}

TEST(Reductions, AlongEveryDimension) {
  const Tensor x = doubles({7, 65, 130}, 4);
  const auto total = [](const std::vector<double>& line) {
    double sum = 0;
    for (double v : line) sum += v;
    return sum;
  };
  const auto largest = [](const std::vector<double>& line) { return *std::max_element(line.begin(), line.end()); };
  for (int dim = 0; dim < 3; ++dim) {
    const auto check = [&](const Tensor& ours, const std::function<double(const std::vector<double>&)>& f,
                           const char* name) {
      const std::vector<double> expected = reduce(x, dim, f), found = ours.to_vector<double>();
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_NEAR(found[i], expected[i], 1e-11) << name << " dim " << dim;
    };
    check(sum(x, dim), total, "sum");
    check(
        mean(x, dim, true), [&](const auto& line) { return total(line) / static_cast<double>(line.size()); }, "mean");
    check(amax(x, dim), largest, "amax");
    check(-amin(-x, dim), largest, "amin");
    check(
        argmax(x, dim),
        [](const auto& line) { return static_cast<double>(std::max_element(line.begin(), line.end()) - line.begin()); },
        "argmax");
    check(
        logsumexp(x, dim),
        [](const auto& line) {
          double sum = 0;
          for (double v : line) sum += std::exp(v);
          return std::log(sum);
        },
        "logsumexp");
    check(
        sum(softmax(x, dim), dim), [](const auto&) { return 1.0; }, "softmax");
    check(
        amax(log_softmax(x, dim), dim),
        [&](const auto& line) {
          double sum = 0;
          for (double v : line) sum += std::exp(v);
          return largest(line) - std::log(sum);
        },
        "log_softmax");
  }
  EXPECT_NEAR(sum(x).item(), sum(sum(x, Dims{0, 2})).item(), 1e-10);
  EXPECT_EQ(sum(x, Dims{0, -1}, true).shape(), (Shape{1, 65, 1}));
  EXPECT_EQ(argmax(x).item<std::int64_t>(), [&] {
    const auto v = x.to_vector<double>();
    return std::max_element(v.begin(), v.end()) - v.begin();
  }());
}

TEST(Reductions, AtTheEdges) {
  EXPECT_EQ(sum(Tensor::zeros({0})).item(), 0);
  EXPECT_TRUE(std::isnan(mean(Tensor::zeros({0})).item()));
  EXPECT_THROW(max(Tensor::zeros({0})), ShapeError);
  EXPECT_THROW(mean(Tensor::arange(3)), DTypeError);
  EXPECT_THROW(sum(Tensor::zeros({2}), 1), IndexError);
  EXPECT_EQ(sum(Tensor::zeros({0, 3}), 0).to_vector<float>(), (Floats{0, 0, 0}));
  const Tensor x = Tensor::from<float>({1, std::nanf(""), 3});
  EXPECT_TRUE(std::isnan(max(x).item()));
  EXPECT_EQ(argmax(x).item<int>(), 1);
  EXPECT_EQ(logsumexp(Tensor::full({2}, -infinity), 0).item(), -infinity);
  EXPECT_EQ(logsumexp(Tensor::full({2}, infinity), 0).item(), infinity);
  EXPECT_NEAR(logsumexp(Tensor::full({2}, 1000.0), 0).item(), 1000 + std::log(2), 1e-4);
  EXPECT_EQ(softmax(Tensor::from<float>({1000, -1000}), 0).to_vector<float>(), (Floats{1, 0}));
}

TEST(Reductions, DoNotDependOnThreads) {
  const Tensor x = Tensor::randn({513, 511}, 9);
  const auto all = [&] {
    return std::vector<Floats>{sum(x).to_vector<float>(),        sum(x, 0).to_vector<float>(),
                               sum(x, 1).to_vector<float>(),     mean(exp(x) * x).to_vector<float>(),
                               softmax(x, 0).to_vector<float>(), logsumexp(x, 1).to_vector<float>()};
  };
  set_num_threads(1);
  const auto one = all();
  for (const int threads : {2, 3}) {
    set_num_threads(threads);
    EXPECT_EQ(all(), one);
  }
  set_num_threads(2);
}

TEST(Reductions, OfManyFloatsAreExact) {
  const Tensor x = Tensor::full({1 << 22}, 0.1);
  EXPECT_NEAR(sum(x).item() / (0.1f * (1 << 22)), 1.0, 1e-6);
  EXPECT_NEAR(sum(x + 0.0).item() / (0.1f * (1 << 22)), 1.0, 1e-6);
}

}  // namespace
}  // namespace perdita
