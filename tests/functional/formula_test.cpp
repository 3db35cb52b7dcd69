// Losses written as text, beside the built-in ones of the same formula.
#include <gtest/gtest.h>

#include <cmath>

#include "perdita/perdita.hpp"
#include "perdita/tensor/gradcheck.hpp"

namespace perdita {
namespace {

namespace F = functional;

struct Twins {
  const char* formula;
  const char* built_in;
};
constexpr Twins twins[] = {
    {"(y - t)^2", "mse"},
    {"select(r < d, 0.5 * r^2, d * (r - 0.5 * d)) where r = abs(y - t); d = 1.5", "huber:delta=1.5"},
    {"log_cosh(input - target)", "log_cosh"},
    {"softplus(y) - t * y", "binary_cross_entropy_with_logits"},
    {"alpha*(1-exp(-b))^gamma*b where b = softplus(y) - t*y; alpha = 0.25; gamma = 2",
     "binary_focal:alpha_by_class=no"},
    {"exp(y) - t * y", "poisson_nll"},
};

void expect_close(const Tensor& a, const Tensor& b, const char* what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  const auto x = a.to(DType::float64).to_vector<double>(), y = b.to(DType::float64).to_vector<double>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_NEAR(x[i], y[i], 2e-6 * std::max(1.0, std::abs(y[i]))) << what << " at " << i;
  }
}

TEST(FormulaLoss, EqualsTheBuiltInLossOfTheSameFormula) {
  const Tensor y = Tensor::randn({7, 311}, 1) * 3.0, t = (Tensor::rand({7, 311}, 2) < 0.5).to(DType::float32);
  for (const Twins& twin : twins) {
    const AnyLoss written = parse_loss(std::string("formula: ") + twin.formula), known = parse_loss(twin.built_in);
    for (const Reduction reduction : {Reduction::none, Reduction::sum, Reduction::mean}) {
      const Tensor a = y.clone().set_requires_grad(), b = y.clone().set_requires_grad();
      const Tensor ours = F::call(written, {a, t}, {.reduction = reduction});
      const Tensor theirs = F::call(known, {b, t}, {.reduction = reduction});
      expect_close(ours, theirs, twin.formula);
      sum(ours).backward();
      sum(theirs).backward();
      expect_close(a.grad(), b.grad(), twin.formula);
    }
  }
}

TEST(FormulaLoss, OfClassesEqualsTheBuiltInLoss) {
  const Tensor z = Tensor::randn({40, 7}, 3) * 2.0, weight = Tensor::rand({7}, 4) + 0.5;
  const Tensor labels = argmax(Tensor::rand({40, 7}, 5), 1), dense = softmax(Tensor::randn({40, 7}, 6), 1);
  for (const Twins& twin : {Twins{"-t * log_p", "cross_entropy"}, Twins{"-t * (1 - p)^2 * log_p", "focal:gamma=2"}}) {
    const AnyLoss written = parse_loss(std::string("formula: ") + twin.formula), known = parse_loss(twin.built_in);
    for (const Tensor& target : {labels, dense}) {
      const Tensor a = z.clone().set_requires_grad(), b = z.clone().set_requires_grad();
      LossExtras ours, theirs;
      F::call(written, {a, target}, {.weight = weight, .extras = &ours}).backward();
      F::call(known, {b, target}, {.weight = weight, .extras = &theirs}).backward();
      expect_close(a.grad(), b.grad(), twin.formula);
      expect_close(ours.losses, theirs.losses, twin.formula);
      EXPECT_NEAR(ours.numerator / ours.denominator, theirs.numerator / theirs.denominator, 1e-5);
      ASSERT_EQ(ours.margins.defined(), theirs.margins.defined());
      if (ours.margins.defined()) expect_close(ours.margins, theirs.margins, twin.formula);
    }
  }
}

// Formulas of the own class alone have a kernel; so that recorded operators compute the same, a twin counts all
// classes.
TEST(FormulaLoss, OfTheOwnClassHasAKernelThatComputesWhatOperatorsDo) {
  const ClassFormula by_kernel = ClassFormula::parse("-0.3 * t * (1 - p)^2 * log_p");
  const ClassFormula by_operators = ClassFormula::parse("-0.3 * t * (1 - p)^2 * log_p + (p - p)");
  ASSERT_TRUE(by_kernel.is_of_own_class());
  ASSERT_FALSE(by_operators.is_of_own_class());
  for (const Shape& shape : {Shape{3000, 7}, Shape{300, 200}, Shape{5, 6, 300}, Shape{9}}) {
    const Tensor z = Tensor::randn(shape, 3).to(DType::float64) * 3.0;
    const int dim = shape.rank() == 1 ? 0 : 1;
    Tensor labels = argmax(Tensor::rand(shape, 5), dim);
    const Tensor weight = Tensor::rand({shape[dim]}, 4).to(DType::float64);
    for (const Reduction reduction : {Reduction::none, Reduction::mean}) {
      const ClassOptions options{.weight = weight, .ignore_index = 2, .reduction = reduction};
      const Tensor a = z.clone().set_requires_grad(), b = z.clone().set_requires_grad();
      const Tensor ours = F::formula_loss(a, labels, by_kernel, options);
      const Tensor theirs = F::formula_loss(b, labels, by_operators, options);
      const Tensor upstream = Tensor::randn(ours.shape(), 6).to(DType::float64);
      sum(ours * upstream).backward();
      sum(theirs * upstream).backward();
      expect_close(ours, theirs, "loss");
      expect_close(a.grad(), b.grad(), "gradient");
    }
  }
}

TEST(FormulaLoss, OfTheOwnClassIsToldFromOthers) {
  for (const char* text : {"-t * log_p", "-(t * log_p)", "t * (1 - p)^3 + xlogy(t, t)", "select(t == 0, 0, -log_p)",
                           "select(t > 0, -log_p, 0 * p)", "min(t, 1) * square(log_p)", "-log_p * (t == 1)"})
    EXPECT_TRUE(ClassFormula::parse(text).is_of_own_class()) << text;
  for (const char* text : {"(t - p)^2", "-t * log_p - (1 - t) * log1p(-p)", "-log_p", "abs(log_p) + t", "p^t"})
    EXPECT_FALSE(ClassFormula::parse(text).is_of_own_class()) << text;
}

TEST(FormulaLoss, OfClassesHasSecondDerivativesAndNoSayInIgnoredRows) {
  const ClassFormula loss = ClassFormula::parse("-t * (1 - p)^2 * log_p");
  const Tensor z = Tensor::randn({4, 3}, 7).to(DType::float64).set_requires_grad();
  const Tensor labels = Tensor::from(std::vector<std::int64_t>{2, -100, 0, 1});
  const auto f = [&](const std::vector<Tensor>& x) { return F::formula_loss(x[0], labels, loss); };
  EXPECT_EQ(check_gradient(f, {z}, {.second_order = true}), "");
  // At p = 1 the value of this formula is 0 / 0, which must not matter in an ignored row.
  const ClassFormula broken = ClassFormula::parse("t * log_p / log_p * log_p");
  const Tensor sure = Tensor::from(std::vector<float>{800, 0, 0, 1, 2, 3}, {2, 3}).set_requires_grad();
  F::formula_loss(sure, Tensor::from(std::vector<std::int64_t>{-100, 1}), broken).backward();
  const auto g = sure.grad().to_vector<float>();
  EXPECT_EQ((std::vector<float>{g[0], g[1], g[2]}), (std::vector<float>{0, 0, 0}));
  EXPECT_NE(g[3], 0);
}

TEST(FormulaLoss, HasGradientsByBothOperandsToTheSecondOrder) {
  const Formula loss = Formula::parse("softplus(y) * (1 + t^2) + exp(-t * y) + log_cosh(y - 2 * t)");
  const Tensor y = Tensor::randn({4, 3}, 7).to(DType::float64).set_requires_grad();
  const Tensor t = Tensor::randn({4, 3}, 8).to(DType::float64).set_requires_grad();
  const Tensor row = Tensor::randn({3}, 9).to(DType::float64).set_requires_grad();
  for (const Reduction reduction : {Reduction::none, Reduction::mean}) {
    const auto f = [&](const std::vector<Tensor>& x) {
      return F::formula_loss(x[0], x[1], loss, {.reduction = reduction});
    };
    EXPECT_EQ(check_gradient(f, {y, t}, {.second_order = true}), "");
    EXPECT_EQ(check_gradient(f, {y, row}, {.second_order = true}), "");  // broadcast
  }
}

TEST(FormulaLoss, TakesWeightsAndOtherDenominators) {
  const Formula loss = Formula::parse("abs(y - t)");
  const Tensor y = Tensor::from(std::vector<float>{1, 2, 4}), t = Tensor::from(std::vector<float>{0, 0, 0});
  const Tensor weight = Tensor::from(std::vector<float>{1, 0, 0.5});
  EXPECT_FLOAT_EQ(F::formula_loss(y, t, loss, {.weight = weight}).item(), 1);
  EXPECT_FLOAT_EQ(F::formula_loss(y, t, loss, {.weight = weight, .normalize_by = Normalize::weight_sum}).item(), 2);
  LossExtras extras;
  F::formula_loss(y, t, loss, {.extras = &extras});
  EXPECT_EQ(extras.losses.to_vector<float>(), (std::vector<float>{1, 2, 4}));
  EXPECT_EQ(extras.numerator, 7);
  EXPECT_EQ(extras.denominator, 3);
}

TEST(FormulaLoss, OfTheInputAloneHasALossForEachElement) {
  const Formula loss = Formula::parse("y > 0");
  const Tensor y = Tensor::from(std::vector<float>{-1, 2}), t = Tensor::zeros({3, 2});
  EXPECT_EQ(F::formula_loss(y, t, loss, {.reduction = Reduction::none}).shape(), (Shape{3, 2}));
  EXPECT_EQ(F::formula_loss(y, y, loss, {.reduction = Reduction::none}).to_vector<float>(), (std::vector<float>{0, 1}));
}

TEST(FormulaLoss, DoesNotDependOnThreads) {
  const Formula loss = Formula::parse("softplus(y) - t * y");
  const Tensor y = Tensor::randn({300'001}, 10), t = Tensor::rand({300'001}, 11);
  const int before = num_threads();
  set_num_threads(1);
  const double one = F::formula_loss(y, t, loss).item();
  set_num_threads(2);
  EXPECT_EQ(F::formula_loss(y, t, loss).item(), one);
  set_num_threads(before);
}

}  // namespace
}  // namespace perdita
