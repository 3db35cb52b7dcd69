// Losses of single elements: value and gradient together, 16 million elements.
#include <algorithm>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/losses/compiled.hpp"

namespace perdita::bench {

namespace {

template <class Formula>
void evaluate(const Formula& formula) {
  const Arrays& a = arrays();
  const double sum = kernels::elementwise_loss<Formula, float>(
      formula, {a.y, a.t}, {.gradient = a.g, .scale = 1.0 / static_cast<double>(elements)}, elements);
  benchmark::DoNotOptimize(sum);
}

template <class Loss>
void add_loss(const Loss& loss) {
  const Expr formula = loss(Expr::input(0, "y"), Expr::input(1, "t"));
  const auto floor = [formula](const Times& times) {
    return std::max(seconds_to_move(times, 12.0 * static_cast<double>(elements)),
                    seconds_of_calls(times, formula) * static_cast<double>(elements) / num_threads());
  };
  const bool has_calls = makes_calls(formula);
  add_case({"elementwise/" + std::string(Loss::info.name), static_cast<double>(elements), floor, has_calls ? 1.5 : 1.25,
            has_calls ? "bytes or transcendental calls" : "bytes"},
           [loss] { evaluate(loss); });
}

/// A user's lambda with the formula of a built-in loss.
template <class Formula>
void add_lambda(const std::string& loss, const Formula& formula) {
  const std::string built_in = "elementwise/" + loss;
  add_case({"lambda/" + loss, static_cast<double>(elements),
            [built_in](const Times& times) { return times.at(built_in); }, 1.05, "the built-in"},
           [formula] { evaluate(formula); });
}

}  // namespace

void add_elementwise() {
  for_each_elementwise_loss([](const auto& loss) { add_loss(loss); });
  add_lambda("mse", [](auto y, auto t) { return square(y - t); });
  add_lambda("huber", [](auto y, auto t) {
    const auto r = abs(y - t);
    const auto q = min(r, 1.0);
    return 0.5 * q * q + 1.0 * (r - q);
  });
  add_lambda("soft_margin", [](auto y, auto t) { return softplus(-t * y); });
}

}  // namespace perdita::bench
