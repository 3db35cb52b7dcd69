// Losses of several operands: the kernels against the formula on plain doubles, whose derivatives are central
// differences; the claims of the catalogue; the graphs.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstring>

#include "expr/reference.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/loss_graph.hpp"
#include "samples.hpp"

namespace perdita {
namespace {

using testing::Real;

template <class Loss>
constexpr std::size_t arity = Loss::info.operands.count_without_weights();
template <class Loss>
using Point = std::array<double, arity<Loss>>;

/// An operand: kinds whose size matters stay near 1.
double draw_operand(const LossOperand& operand, std::mt19937& random) {
  std::uniform_real_distribution<double> near_one(0.3, 2.0);
  switch (operand.meaning) {
    case Meaning::scale:
      return near_one(random);
    case Meaning::degrees_of_freedom:
      return random() % 4 == 0 ? 40 * near_one(random) : 4 * near_one(random);
    case Meaning::log_dispersion:
      return random() % 4 == 0 ? -10 * near_one(random) : std::log(near_one(random));
    case Meaning::count:
      return std::floor(6 * near_one(random));
    case Meaning::log_probability:
      return -5 * near_one(random);
    case Meaning::divergence:
      return near_one(random);
    case Meaning::log_time:
      return std::log(near_one(random));
    case Meaning::time:  // the two ends are put in order by draw_point()
      return random() % 8 == 0 ? (operand.name == "lower" ? 0.0 : std::numeric_limits<double>::infinity())
                               : near_one(random);
    default:
      return testing::draw(operand.domain, random);
  }
}

template <class Loss>
Point<Loss> draw_point(const Loss&, std::mt19937& random) {
  Point<Loss> point;
  for (std::size_t k = 0; k < point.size(); ++k) point[k] = draw_operand(*(Loss::info.operands.begin() + k), random);
  if constexpr (std::is_same_v<Loss, Aft>) {
    if (point[1] > point[2]) std::swap(point[1], point[2]);
    if (random() % 4 == 0 && point[1] > 0) point[2] = point[1];
  }
  return point;
}

template <class Loss, std::size_t... k>
double value_of(const Loss& loss, const Point<Loss>& x, std::index_sequence<k...>) {
  return Real(loss(Real(x[k])...))[0];
}
template <class Loss>
double value_of(const Loss& loss, const Point<Loss>& x) {
  return value_of(loss, x, std::make_index_sequence<arity<Loss>>());
}

template <std::size_t dual, class Loss, std::size_t... k>
double slope_of(const Loss& loss, const Point<Loss>& x, std::index_sequence<k...>) {
  const auto operand = [&]<std::size_t index>() {
    if constexpr (index == dual)
      return Dual<Real>{Real(x[index]), Real(1.0)};
    else
      return Real(x[index]);
  };
  return loss(operand.template operator()<k>()...).d[0];
}

/// The derivative with respect to a prediction.
template <class Loss>
double slope_of(const Loss& loss, const Point<Loss>& x, std::size_t place) {
  constexpr auto places = kernels::places_of_predictions<Loss>;
  double slope = 0;
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    ((places[i] == place
          ? static_cast<void>(slope = slope_of<places[i]>(loss, x, std::make_index_sequence<arity<Loss>>()))
          : static_cast<void>(0)),
     ...);
  }
  (std::make_index_sequence<places.size()>());
  return slope;
}

template <class Loss>
bool is_prediction(std::size_t place) {
  return (Loss::info.operands.begin() + place)->role == Role::prediction;
}

/// Columns of operands, and what a kernel writes.
template <class Loss, class T>
struct Columns {
  std::array<std::vector<T>, arity<Loss>> x, gradients;
  std::vector<T> values;

  Columns(const Loss& loss, std::size_t count, unsigned seed) : values(count) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < count; ++i) {
      const Point<Loss> point = draw_point(loss, random);
      for (std::size_t k = 0; k < x.size(); ++k) x[k].push_back(static_cast<T>(point[k]));
    }
    for (auto& gradient : gradients) gradient.resize(count);
  }
  double evaluate(const Loss& loss, double scale, bool with_gradients = true) {
    std::array<const T*, arity<Loss>> in;
    kernels::SeveralOutputs<T, arity<Loss>> out{.values = values.data(), .gradients = {}, .scale = scale};
    for (std::size_t k = 0; k < x.size(); ++k) {
      in[k] = x[k].data();
      if (with_gradients && is_prediction<Loss>(k)) out.gradients[k] = gradients[k].data();
    }
    return kernels::CompiledSeveral<Loss, T>::compute(loss, in, out, std::ssize(values));
  }
  Point<Loss> point(std::size_t i) const {
    Point<Loss> found;
    for (std::size_t k = 0; k < x.size(); ++k) found[k] = static_cast<double>(x[k][i]);
    return found;
  }
};

template <class T>
void agrees_with_doubles(unsigned seed) {
  const double bound = 64 * std::numeric_limits<T>::epsilon();
  for_each_loss_of_several_operands([&]<class Loss>(const Loss&) {
    SCOPED_TRACE(Loss::info.name);
    for (const Loss& loss : testing::variants<Loss>()) {
      for (std::size_t count : {1UL, 7UL, 16UL, 33UL, 1000UL}) {
        Columns<Loss, T> columns(loss, count, seed + static_cast<unsigned>(count));
        const double sum = columns.evaluate(loss, 0.5), again = columns.evaluate(loss, 0.5, false);
        double expected = 0, magnitude = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const Point<Loss> x = columns.point(i);
          SCOPED_TRACE(fmt::format("seed {}, operands {}", seed, fmt::join(x, ", ")));
          const double value = value_of(loss, x);
          double size = 1 + std::abs(value);
          for (std::size_t k = 0; k < x.size(); ++k)
            if (is_prediction<Loss>(k)) size += std::abs(x[k] * slope_of(loss, x, k));
          expected += value, magnitude += size;
          EXPECT_NEAR(columns.values[i], value, bound * size);
          for (std::size_t k = 0; k < x.size(); ++k) {
            if (!is_prediction<Loss>(k)) continue;
            const double slope = slope_of(loss, x, k);
            EXPECT_NEAR(columns.gradients[k][i], 0.5 * slope, bound * (size + std::abs(slope))) << "operand " << k;
          }
        }
        EXPECT_NEAR(sum, expected, bound * magnitude);
        EXPECT_NEAR(again, expected, bound * magnitude);
      }
    }
  });
}
TEST(SeveralOperands, KernelsAgreeWithPlainDoublesInFloat) { agrees_with_doubles<float>(31); }
TEST(SeveralOperands, KernelsAgreeWithPlainDoublesInDouble) { agrees_with_doubles<double>(32); }

// Away from kinks: where the derivatives a step to either side differ, the point is passed over (few may be).
TEST(SeveralOperands, DerivativesAreCentralDifferences) {
  for_each_loss_of_several_operands([]<class Loss>(const Loss&) {
    for (const Loss& loss : testing::variants<Loss>()) {
      std::mt19937 random(33);
      int checked = 0;
      for (int n = 0; n < 300; ++n) {
        const Point<Loss> x = draw_point(loss, random);
        SCOPED_TRACE(fmt::format("{}, seed 33, operands {}", Loss::info.name, fmt::join(x, ", ")));
        for (std::size_t k = 0; k < x.size(); ++k) {
          if (!is_prediction<Loss>(k)) continue;
          const double h = 1e-5, slope = slope_of(loss, x, k);
          const auto moved = [&](double by) {
            Point<Loss> other = x;
            other[k] += by;
            return other;
          };
          if (std::abs(slope_of(loss, moved(h), k) - slope_of(loss, moved(-h), k)) > 0.01 * (1 + std::abs(slope)))
            continue;
          const double difference = (value_of(loss, moved(-2 * h)) - 8 * value_of(loss, moved(-h)) +
                                     8 * value_of(loss, moved(h)) - value_of(loss, moved(2 * h))) /
                                    (12 * h);
          EXPECT_NEAR(slope, difference, 1e-6 * (1 + std::abs(difference))) << "operand " << k;
          ++checked;
        }
      }
      EXPECT_GT(checked, 200) << Loss::info.name;
    }
  });
}

TEST(SeveralOperands, AreTheSameBitForBitForAnyNumberOfThreads) {
  for_each_loss_of_several_operands([]<class Loss>(const Loss& loss) {
    SCOPED_TRACE(Loss::info.name);
    Columns<Loss, float> one(loss, 100003, 9), several = one;
    set_num_threads(1);
    const double sum = one.evaluate(loss, 1);
    set_num_threads(3);
    EXPECT_EQ(several.evaluate(loss, 1), sum);
    set_num_threads(1);
    for (std::size_t k = 0; k < one.gradients.size(); ++k)
      EXPECT_EQ(std::memcmp(one.gradients[k].data(), several.gradients[k].data(), 100003 * sizeof(float)), 0);
  });
}

// As functions of the first operand, all others fixed.
TEST(SeveralOperands, ClaimsHold) {
  for_each_loss_of_several_operands([]<class Loss>(const Loss& loss) {
    SCOPED_TRACE(Loss::info.name);
    std::mt19937 random(34);
    std::uniform_real_distribution<double> unit(0, 1);
    const Trait traits = Loss::info.traits;
    for (int n = 0; n < 3000; ++n) {
      Point<Loss> a = draw_point(loss, random), b = a, middle = a;
      b[0] = draw_operand(*Loss::info.operands.begin(), random);
      const double mix = unit(random), at_a = value_of(loss, a), at_b = value_of(loss, b);
      const double tolerance = 1e-9 * (1 + std::abs(at_a) + std::abs(at_b));
      middle[0] = mix * a[0] + (1 - mix) * b[0];
      SCOPED_TRACE(fmt::format("seed 34, operands {} and {}", fmt::join(a, ", "), b[0]));
      if (has(traits, Trait::convex)) {
        EXPECT_LE(value_of(loss, middle), mix * at_a + (1 - mix) * at_b + tolerance);
      }
      if (has(traits, Trait::never_negative)) {
        EXPECT_GE(at_a, -tolerance);
      }
      if (has(traits, Trait::symmetric)) {
        Point<Loss> mirrored = a;
        mirrored[0] = 2 * a[1] - a[0];
        EXPECT_NEAR(value_of(loss, mirrored), at_a, tolerance);
      }
      if (has(traits, Trait::lipschitz)) {
        Point<Loss> far = a;
        far[0] = 1e4 * a[0];
        EXPECT_LE(std::abs(slope_of(loss, far, 0)), 100.0);
      }
      if (has(traits, Trait::smooth)) {
        Point<Loss> above = a;
        above[0] += 1e-7;
        EXPECT_NEAR(slope_of(loss, above, 0), slope_of(loss, a, 0), 1e-4 * (1 + std::abs(slope_of(loss, a, 0))));
      }
    }
  });
}

TEST(SeveralOperands, GraphsAreTheLosses) {
  for_each_loss_of_several_operands([]<class Loss>(const Loss& loss) {
    std::mt19937 random(35);
    const int count = static_cast<int>(arity<Loss>);
    for (const FormulaFor use : {FormulaFor::execution, FormulaFor::readers}) {
      const LossGraph graph = loss_graph({.loss = loss}, count, use);
      const double bound = use == FormulaFor::execution ? 1e-9 : 1e-6;  // textbook forms cancel
      ASSERT_EQ(graph.derivatives.size(), arity<Loss>);
      for (int n = 0; n < 50; ++n) {
        const Point<Loss> x = draw_point(loss, random);
        SCOPED_TRACE(fmt::format("{}, seed 35, operands {}", Loss::info.name, fmt::join(x, ", ")));
        const double value = value_of(loss, x);
        EXPECT_NEAR(test::reference(graph.value, x), value, bound * (1 + std::abs(value)));
        for (std::size_t k = 0; k < x.size(); ++k) {
          if (!is_prediction<Loss>(k)) continue;
          const double slope = slope_of(loss, x, k);
          EXPECT_NEAR(test::reference(graph.derivatives[k], x), slope, bound * (1 + std::abs(slope))) << k;
        }
      }
    }
  });
}

}  // namespace
}  // namespace perdita
