#include "perdita/kernels/evaluate_program.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "perdita/core/parallel.hpp"
#include "perdita/core/random.hpp"
#include "tests/expr/random.hpp"
#include "tests/expr/reference.hpp"

namespace perdita {
namespace {

const Expr x = Expr::input(0, "x"), y = Expr::input(1, "y"), z = Expr::input(2, "z");

template <class T>
class ProgramOf : public testing::Test {
 protected:
  static constexpr DType dtype = dtype_of<T>();
  static Operand dense(const std::vector<T>& data, const Shape& shape) {
    return {data.data(), dtype, contiguous_strides(shape)};
  }
  static std::vector<T> uniform(std::size_t count, double low, double high, std::uint64_t stream) {
    const Philox random(7, stream);
    std::vector<T> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<T>(low + (high - low) * random.uniform(i));
    return numbers;
  }
  static double tolerance(double expected, double roundings = 16) {
    return roundings * std::numeric_limits<T>::epsilon() * std::max(1.0, std::fabs(expected));
  }
  static void expect_close(double got, double expected, const std::string& what, double roundings = 16) {
    if (std::isnan(expected) || std::isinf(expected)) {
      EXPECT_TRUE(got == expected || (std::isnan(got) && std::isnan(expected))) << what << ": " << got;
    } else {
      EXPECT_NEAR(got, expected, tolerance(expected, roundings)) << what;
    }
  }
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(ProgramOf, Types);

struct Range {
  double low, high;
};

// Where the operation is defined and does not magnify the rounding of its operands.
Range domain(Op op) {
  switch (op) {
    case Op::sqrt:
    case Op::log:
    case Op::pow:
    case Op::log_ratio:
      return {0.01, 5.0};
    case Op::log1p:
    case Op::log1p_minus_x:
      return {-0.9, 5.0};
    case Op::lgamma:
    case Op::digamma:
    case Op::trigamma:
      return {0.5, 6.0};
    default:
      return {-3.0, 3.0};
  }
}

// In double these are good to about 2e-13.
bool is_special(Op op) { return op == Op::lgamma || op == Op::digamma || op == Op::trigamma; }

constexpr Op all_operations[] = {
#define PERDITA_NAME(name, ...) Op::name,
    PERDITA_UNARY_FUNCTIONS(PERDITA_NAME) PERDITA_UNARY_OPERATORS(PERDITA_NAME) PERDITA_BINARY_FUNCTIONS(PERDITA_NAME)
        PERDITA_ARITHMETIC_OPERATORS(PERDITA_NAME) PERDITA_TRUTH_OPERATORS(PERDITA_NAME)
#undef PERDITA_NAME
            Op::select};

Expr apply(Op op, const Expr& a, const Expr& b, const Expr& c) {
  return arity(op) == 1 ? Expr::apply(op, a) : arity(op) == 2 ? Expr::apply(op, a, b) : Expr::apply(op, a, b, c);
}

// Every operation, with each operand from an array or a constant, over sizes around groups, blocks and chunks.
TYPED_TEST(ProgramOf, OperationsMatchTheLibrary) {
  using T = TypeParam;
  const Expr inputs[] = {x, y, z};
  for (Op op : all_operations) {
    const auto [low, high] = domain(op);
    for (unsigned constants = 0; constants < (1u << arity(op)) - 1; ++constants) {
      Expr operands[] = {x, y, z};
      for (unsigned k = 0; k < 3; ++k) operands[k] = constants >> k & 1 ? Expr(1.25) : inputs[k];
      const Expr formula = apply(op, operands[0], operands[1], operands[2]);
      for (std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{1025}}) {
        const std::vector<T> a = this->uniform(size, low, high, 1), b = this->uniform(size, low, high, 2),
                             c = this->uniform(size, low, high, 3);
        const Shape shape{static_cast<std::int64_t>(size)};
        const Operand given[] = {this->dense(a, shape), this->dense(b, shape), this->dense(c, shape)};
        std::vector<T> got(size, T(-77));
        const Result result{got.data(), nullptr};
        evaluate(Program(std::span(&formula, 1)), this->dtype, shape, given, std::span(&result, 1));
        for (std::size_t i = 0; i < size; ++i) {
          const double expected = test::reference(formula, std::vector<double>{a[i], b[i], c[i]});
          this->expect_close(got[i], expected,
                             std::string(name_of(op)) + " of " + std::to_string(a[i]) + ", " + std::to_string(b[i]) +
                                 ", " + std::to_string(c[i]),
                             is_special(op) ? 2048 : 16);
          if (this->HasFailure()) return;
        }
      }
    }
  }
}

TYPED_TEST(ProgramOf, EverySizeIsCoveredOnce) {
  using T = TypeParam;
  const Expr outputs[] = {x + y, sigmoid(x) * y};
  const Program program(outputs);
  for (std::size_t size : {0, 1, 7, 15, 16, 17, 1023, 1024, 1025, 16384, 16385, 100003}) {
    std::vector<T> a = this->uniform(size, -20, 20, 1), b = this->uniform(size, -20, 20, 2);
    for (std::vector<T>* numbers : {&a, &b}) {
      for (T& number : *numbers) number = std::round(number);  // sums of integers are exact in any order
    }
    std::vector<T> sum(size + 1, T(-77)), product(size + 1, T(-77));
    double total = -1.0;
    const Shape shape{static_cast<std::int64_t>(size)};
    const Operand given[] = {this->dense(a, shape), this->dense(b, shape)};
    const Result results[] = {{sum.data(), &total}, {product.data(), nullptr}};
    evaluate(program, this->dtype, shape, given, results);
    double expected_total = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(sum[i], a[i] + b[i]) << size << " " << i;
      this->expect_close(product[i], b[i] / (1.0 + std::exp(-double(a[i]))), "product");
      expected_total += sum[i];
    }
    EXPECT_EQ(sum[size], T(-77));
    EXPECT_EQ(product[size], T(-77));
    EXPECT_EQ(total, expected_total) << size;
  }
}

// Operands of every kind at once: each element must meet its own partners.
TYPED_TEST(ProgramOf, ReadsStridedRepeatedAndForeignOperands) {
  using T = TypeParam;
  const std::vector<std::int64_t> labels = {3, -1, 1'000'000, 7, 0, 12};
  const std::vector<std::uint8_t> flags = {0, 1, 1, 0, 1, 0, 0};
  const std::vector<std::int32_t> scalar = {5};
  for (const Shape& shape : std::vector<Shape>{{6, 7}, {3, 6, 7}, {600, 6, 7}, {2, 6, 1500}, {6, 1}, {1, 1}}) {
    const int rank = shape.rank();
    const std::int64_t rows = shape[rank - 2], columns = shape[rank - 1];
    std::vector<std::uint8_t> flag(static_cast<std::size_t>(columns));
    for (std::size_t i = 0; i < flag.size(); ++i) flag[i] = flags[i % flags.size()];
    const std::vector<T> matrix = this->uniform(static_cast<std::size_t>(rows * columns), -1, 1, 4);
    const std::vector<T> full = this->uniform(static_cast<std::size_t>(numel(shape)), -1, 1, 5);
    Strides column(rank, 0), row(rank, 0), transposed(rank, 0);
    column[rank - 2] = rows == 1 ? 0 : 1;
    row[rank - 1] = 1;
    transposed[rank - 2] = 1;
    transposed[rank - 1] = rows;
    const Operand given[] = {{labels.data(), DType::int64, column},
                             {flag.data(), DType::boolean, row},
                             {scalar.data(), DType::int32, Strides(rank, 0)},
                             {matrix.data(), this->dtype, transposed},
                             this->dense(full, shape)};
    const Expr formula = select(Expr::input(1, "flag"), Expr::input(0, "label"), Expr::input(2, "scalar")) +
                         100.0 * Expr::input(3, "transposed") + Expr::input(4, "full") - Expr::input(1, "flag");
    std::vector<T> got(full.size(), T(-77));
    const Result result{got.data(), nullptr};
    evaluate(Program(std::span(&formula, 1)), this->dtype, shape, given, std::span(&result, 1));
    for (std::size_t i = 0; i < full.size(); ++i) {
      const std::size_t c = i % flag.size(), r = i / flag.size() % static_cast<std::size_t>(rows);
      const double picked = flag[c] ? static_cast<double>(labels[r]) : 5.0;
      const double expected =
          picked + 100.0 * matrix[c * static_cast<std::size_t>(rows) + r] + full[i] - (flag[c] != 0);
      ASSERT_NEAR(got[i], expected, this->tolerance(expected) + this->tolerance(100)) << to_string(shape) << " " << i;
    }
  }
}

TYPED_TEST(ProgramOf, ReadsOtherFloatsAndReversedRows) {
  using T = TypeParam;
  const std::vector<float> single = {0.5f, -1.25f, 3.0f};
  const std::vector<double> twice = {1e-3, 2.0, 0.125};
  const Operand given[] = {{single.data() + 2, DType::float32, {-1}}, {twice.data(), DType::float64, {1}}};
  const Expr formula = x + y;
  T got[3];
  const Result result{got, nullptr};
  evaluate(Program(std::span(&formula, 1)), this->dtype, {3}, given, std::span(&result, 1));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(got[i], static_cast<T>(single[2 - i]) + static_cast<T>(twice[i]));
}

// Two float roundings at most, whatever the number of elements.
TYPED_TEST(ProgramOf, SumsAreExact) {
  using T = TypeParam;
  const std::size_t size = 100003;
  const std::vector<T> a = this->uniform(size, 0, 1, 1);
  const Operand given[] = {this->dense(a, {100003})};
  double got = 0.0;
  const Result result{nullptr, &got};
  evaluate(Program(std::span(&x, 1)), this->dtype, {100003}, given, std::span(&result, 1));
  long double expected = 0.0;
  for (T number : a) expected += number;
  EXPECT_NEAR(got, static_cast<double>(expected), std::numeric_limits<T>::epsilon() * static_cast<double>(expected));
}

TYPED_TEST(ProgramOf, SumsDoNotDependOnThreads) {
  using T = TypeParam;
  const std::size_t size = 100003;
  const std::vector<T> a = this->uniform(size, -1, 1, 1), b = this->uniform(size, -3, 3, 2);
  const Shape shape{static_cast<std::int64_t>(size)};
  const Operand given[] = {this->dense(a, shape), this->dense(b, shape)};
  const Expr outputs[] = {exp(x) * y, x - y};
  const int threads_before = num_threads();
  double sums[3][2];
  for (int threads = 1; threads <= 3; ++threads) {
    set_num_threads(threads);
    const Result results[] = {{nullptr, &sums[threads - 1][0]}, {nullptr, &sums[threads - 1][1]}};
    evaluate(Program(outputs), this->dtype, shape, given, results);
  }
  set_num_threads(threads_before);
  EXPECT_EQ(std::memcmp(sums[0], sums[1], sizeof sums[0]), 0);
  EXPECT_EQ(std::memcmp(sums[0], sums[2], sizeof sums[0]), 0);
  EXPECT_NE(sums[0][0], 0.0);
}

TYPED_TEST(ProgramOf, MayOverwriteAnOperand) {
  using T = TypeParam;
  for (std::size_t size : {std::size_t{5}, std::size_t{1000}, std::size_t{40000}}) {
    std::vector<T> a = this->uniform(size, -1, 1, 1);
    const std::vector<T> before = a;
    const Shape shape{static_cast<std::int64_t>(size)};
    const Operand given[] = {this->dense(a, shape)};
    const Expr outputs[] = {x * 2.0, square(x) - x};  // the second reads what the first overwrites
    std::vector<T> other(size);
    const Result results[] = {{a.data(), nullptr}, {other.data(), nullptr}};
    evaluate(Program(outputs), this->dtype, shape, given, results);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(a[i], before[i] * 2);
      this->expect_close(other[i], double(before[i]) * before[i] - before[i], "other");
    }
  }
}

TYPED_TEST(ProgramOf, OutputsMayBeInputsConstantsAndEachOther) {
  using T = TypeParam;
  const std::vector<T> a = this->uniform(20, -1, 1, 1);
  const Expr twice = x + x, outputs[] = {x, Expr(2.5), twice, x + x, twice * 2.0};
  std::vector<std::vector<T>> got(5, std::vector<T>(20));
  double sums[5];
  std::vector<Result> results;
  for (std::size_t k = 0; k < 5; ++k) results.push_back({got[k].data(), &sums[k]});
  const Operand given[] = {this->dense(a, {20})};
  evaluate(Program(outputs), this->dtype, {20}, given, results);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(got[0][i], a[i]);
    EXPECT_EQ(got[1][i], T(2.5));
    EXPECT_EQ(got[2][i], 2 * a[i]);
    EXPECT_EQ(got[3][i], 2 * a[i]);
    EXPECT_EQ(got[4][i], 4 * a[i]);
  }
  EXPECT_EQ(sums[1], 50.0);
  EXPECT_EQ(sums[2], sums[3]);
}

TYPED_TEST(ProgramOf, NothingButConstantsFillsTheShape) {
  const Expr three = 3.0;
  double sum = 0.0;
  const Result result{nullptr, &sum};
  evaluate(Program(std::span(&three, 1)), this->dtype, {11, 3}, {}, std::span(&result, 1));
  EXPECT_EQ(sum, 99.0);
}

// Whole formulas with their gradients, several outputs at once: merging, signs, fusing and the reuse of blocks.
TEST(ProgramOnRandomFormulas, MatchesTheLibrary) {
  const std::size_t size = 33;
  std::vector<std::vector<double>> data(3, std::vector<double>(size));
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Philox random(seed, 2);
    for (std::size_t i = 0; i < 3 * size; ++i) data[i / size][i % size] = 2 * random.normal(i);
    const Expr formula = test::random_formula(seed, 15);
    std::vector<Expr> outputs = gradient(formula, 1.0, std::vector{x, y, z});
    outputs.push_back(formula);
    outputs.push_back(-formula * outputs[0]);
    std::vector<Operand> given;
    for (const std::vector<double>& input : data) given.push_back({input.data(), DType::float64, {1}});
    std::vector<std::vector<double>> got(outputs.size(), std::vector<double>(size));
    std::vector<Result> results;
    for (std::vector<double>& output : got) results.push_back({output.data(), nullptr});
    evaluate(Program(outputs), DType::float64, {static_cast<std::int64_t>(size)}, given, results);
    for (std::size_t i = 0; i < size; ++i) {
      const std::vector<double> at = {data[0][i], data[1][i], data[2][i]};
      for (std::size_t k = 0; k < outputs.size(); ++k) {
        const double expected = test::reference(outputs[k], at);
        ASSERT_NEAR(got[k][i], expected, 1e-9 * (1.0 + std::fabs(expected))) << "seed " << seed << ", output " << k;
      }
    }
  }
}

// Infinity and NaN take the same way through a program as through the C library.
TYPED_TEST(ProgramOf, SpecialNumbers) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<T> a = {inf, -inf, nan, T(0), T(-0.0), T(1)};
  for (const Expr& formula : {max(x, 0.0), min(0.0, x), x * 0.0, zero_unless(x > 0.0, x), select(x == x, x, 7.0),
                              clamp(x, -1.0, 1.0), softplus(x), sigmoid(x), sign(x), xlogy(0.0, x), !x}) {
    std::vector<T> got(a.size());
    const Operand given[] = {this->dense(a, {6})};
    const Result result{got.data(), nullptr};
    evaluate(Program(std::span(&formula, 1)), this->dtype, {6}, given, std::span(&result, 1));
    for (std::size_t i = 0; i < a.size(); ++i) {
      this->expect_close(got[i], test::reference(formula, std::vector<double>{a[i]}),
                         to_text(formula) + " at " + std::to_string(a[i]));
    }
  }
}

}  // namespace
}  // namespace perdita
