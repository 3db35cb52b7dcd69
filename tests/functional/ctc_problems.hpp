// Sequences to read, and what CTC says of them.
#pragma once

#include <random>

#include "ctc_reference.hpp"
#include "sequence_helpers.hpp"

namespace perdita::testing {

struct Found {
  double loss;
  Row gradient;
};
/// One sequence [T, C], in the dtype of `log_probs`.
inline Found one(const Tensor& log_probs, const CtcLabels& target, const Ctc& ctc = {}) {
  const Tensor x = log_probs.detach().clone();
  x.set_requires_grad();
  const Tensor loss =
      functional::ctc_loss(x, integers(target), number(x.size(0)), number(std::ssize(target)), ctc, each);
  loss.backward();
  return {loss.item(), x.grad().to_vector<double>()};
}

template <class Real>
void expect_near(const Found& found, const CtcReference<Real>& expected, double tolerance) {
  EXPECT_NEAR(found.loss, static_cast<double>(expected.loss), tolerance * std::max(1.0, std::abs(found.loss)));
  ASSERT_EQ(found.gradient.size(), expected.gradient.size());
  for (std::size_t i = 0; i < found.gradient.size(); ++i)
    ASSERT_NEAR(found.gradient[i], static_cast<double>(expected.gradient[i]), tolerance) << i;
}

struct Problem {
  Tensor log_probs, targets, input_lengths, target_lengths;
  std::vector<CtcLabels> labels;
};
inline Problem problem(std::int64_t frames, std::int64_t items, std::int64_t classes, std::int64_t length,
                       unsigned seed) {
  std::mt19937 random(seed);
  const auto in = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<unsigned>(high - low + 1));
  };
  Problem p;
  p.log_probs = log_softmax(drawn({frames, items, classes}, seed), 2).to(DType::float32).to(DType::float64);
  std::vector<std::int64_t> targets, input_lengths, target_lengths;
  for (std::int64_t n = 0; n < items; ++n) {
    target_lengths.push_back(n == 0 ? length : in(length / 2, length));
    input_lengths.push_back(n == 0 ? frames : in(frames * 3 / 4, frames));
    p.labels.emplace_back();
    for (std::int64_t i = 0; i < length; ++i) {
      const bool is_used = i < target_lengths.back();
      targets.push_back(is_used ? in(1, classes - 1) : -7);  // padding is not looked at
      if (is_used) p.labels.back().push_back(targets.back());
    }
  }
  p.targets = integers(targets, {items, length});
  p.input_lengths = integers(input_lengths);
  p.target_lengths = integers(target_lengths);
  return p;
}

inline BatchResult evaluate(const Problem& p, const Tensor& log_probs, const Ctc& ctc = {}) {
  const Tensor x = log_probs.detach().clone();
  x.set_requires_grad();
  const Tensor losses = functional::ctc_loss(x, p.targets, p.input_lengths, p.target_lengths, ctc, each);
  sum(losses).backward();
  return {losses.to_vector<double>(), x.grad().to_vector<double>()};
}

}  // namespace perdita::testing
