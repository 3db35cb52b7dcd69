#include <gtest/gtest.h>

#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/kernels/evaluate_program.hpp"

namespace perdita {
namespace {

const Expr x = Expr::input(0, "x"), y = Expr::input(1, "y");

int instructions(std::initializer_list<Expr> outputs) { return Program(outputs).num_instructions(); }

double value_at(const Program& program, double at) {
  const Operand given{&at, DType::float64, {}};
  double value = 0.0;
  const Result result{&value, nullptr};
  evaluate(program, DType::float64, {}, std::span(&given, 1), std::span(&result, 1));
  return value;
}

TEST(Program, MergesCommonSubexpressions) {
  EXPECT_EQ(instructions({exp(x) + exp(x)}), 2);
  EXPECT_EQ(instructions({exp(Expr::input(0, "x")) + exp(Expr::input(0, "another name"))}), 2);
  EXPECT_EQ(instructions({(x + y) * (y + x)}), 2);           // squares the sum
  EXPECT_EQ(instructions({select(x < y, x, y), y > x}), 2);  // the same comparison
  EXPECT_EQ(instructions({(x - y) + (y - x)}), 3);           // not the same
  EXPECT_EQ(instructions({exp(x), exp(x) * y}), 2);
}

TEST(Program, SignsVanish) {
  EXPECT_EQ(instructions({exp(x) * -exp(y) - sqrt(x) * -sqrt(y)}), 6);  // a product, and a product fused with a sum
  EXPECT_EQ(instructions({-(x - y)}), 1);
  EXPECT_EQ(instructions({-(3.0 * x)}), 1);
  EXPECT_EQ(instructions({abs(-x) + square(-x), -(-abs(x))}), 2);
  EXPECT_EQ(instructions({select(x < y, -x, -y) * -1.0}), 2);
}

TEST(Program, FusesAProductWithItsOnlySum) {
  EXPECT_EQ(instructions({x * y + 1.0}), 1);
  EXPECT_EQ(instructions({x - y * 2.0}), 1);
  EXPECT_EQ(instructions({x * y + exp(x * y)}), 3);
  EXPECT_EQ(instructions({x * y - 1.0, x * y}), 2);
  EXPECT_EQ(instructions({x * y + x * y}), 2);
}

TEST(Program, CountsWhatItNeeds) {
  const Program program(std::vector<Expr>{x + Expr::input(4, "z"), exp(x)});
  EXPECT_EQ(program.num_inputs(), 5);
  EXPECT_EQ(program.num_outputs(), 2);
  EXPECT_EQ(Program(std::vector<Expr>{Expr(1.0)}).num_inputs(), 0);
}

TEST(Program, RegistersAreReused) {
  Expr chain = x;
  for (int i = 0; i < 100; ++i) chain = exp(chain) * 0.5;
  EXPECT_EQ(Program(std::span(&chain, 1)).num_registers(), 1);
  Expr sum = x;
  for (int i = 1; i <= 100; ++i) sum = sum + sqrt(x + i);
  EXPECT_LE(Program(std::span(&sum, 1)).num_registers(), 2);
}

TEST(Program, AnOperandReadTwiceFreesItsRegisterOnce) {
  const Expr e = exp(x), a = pow(e, e), b = sqrt(y), c = a + b;
  const Expr out = (c - b) * a;
  EXPECT_EQ(value_at(Program(std::vector<Expr>{pow(exp(x), exp(x)) + 0.0 * x}), 0.0), 1.0);
  EXPECT_GE(Program(std::span(&out, 1)).num_registers(), 3);
}

TEST(Program, DeepChainsNeedNoStack) {
  Expr chain = x;
  for (int i = 0; i < 100'000; ++i) chain = abs(chain) + x;
  EXPECT_EQ(value_at(Program(std::span(&chain, 1)), 1.0), 100'001.0);
}

TEST(Program, RejectsWhatItCannotRun) {
  const Program program(std::vector<Expr>{x + y});
  float number = 1.0f;
  const Operand one{&number, DType::float32, {0}}, bad_rank{&number, DType::float32, {0, 0}};
  const Result result{nullptr, nullptr}, results[] = {result, result};
  const Operand both[] = {one, one}, wrong[] = {one, bad_rank};
  EXPECT_THROW(evaluate(program, DType::float32, {1}, std::span(&one, 1), std::span(&result, 1)), ValueError);
  EXPECT_THROW(evaluate(program, DType::float32, {1}, both, results), ValueError);
  EXPECT_THROW(evaluate(program, DType::float32, {1}, wrong, std::span(&result, 1)), ShapeError);
  EXPECT_THROW(evaluate(program, DType::int64, {1}, both, std::span(&result, 1)), DTypeError);
}

TEST(Program, UnusedOperandsNeedNoData) {
  const Program program(std::vector<Expr>{y * 2.0});
  const double number = 4.0;
  const Operand given[] = {{}, {&number, DType::float64, {0}}};
  double sum = 0.0;
  const Result result{nullptr, &sum};
  evaluate(program, DType::float64, {3}, given, std::span(&result, 1));
  EXPECT_EQ(sum, 24.0);
}

}  // namespace
}  // namespace perdita
