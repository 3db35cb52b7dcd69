// Losses over classes: value and gradient together, labels read and checked.
#include <algorithm>
#include <functional>
#include <vector>

#include "bench/floors.hpp"
#include "bench/groups.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/losses/compiled.hpp"
#include "perdita/losses/formula.hpp"

namespace perdita::bench {

namespace {

/// Logits and gradients of the largest case; the smaller ones use their beginning.
struct Logits {
  Buffer z, g;
};
const Logits& logits() {
  static const Logits all = [] {
    constexpr std::size_t size = 1024UL * 50257;
    Logits made{Buffer::allocate(size * 4), Buffer::allocate(size * 4)};
    for (std::size_t i = 0; i < size; ++i) {
      static_cast<float*>(made.z.data())[i] = static_cast<float>(i * 7919 % 2003) * 0.004f - 4.0f;
      static_cast<float*>(made.g.data())[i] = 0;
    }
    return made;
  }();
  return all;
}

/// pass(task) with labels that are read and checked.
template <class Pass>
std::function<void()> timed(std::int64_t rows, std::int64_t classes, const Pass& pass) {
  std::vector<std::int64_t> labels(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i) * 31 % classes;
  return [=] {
    const auto read = kernels::read_labels<float>("bench", DType::int64, labels.data(), rows, classes, -100, nullptr);
    const double sum = pass(kernels::SoftmaxTask<float>{.logits = static_cast<const float*>(logits().z.data()),
                                                        .layout = {rows, classes, 1},
                                                        .labels = read.data(),
                                                        .gradient = static_cast<float*>(logits().g.data())});
    benchmark::DoNotOptimize(sum);
  };
}

template <class Loss>
void add_loss(const Loss& loss, std::int64_t rows, std::int64_t classes, double target) {
  const double size = static_cast<double>(rows * classes);
  const auto floor = [size](const Times& times) {
    return std::max(seconds_to_move(times, 8 * size), seconds_of_exp(times) * size / num_threads());
  };
  add_case({fmt::format("softmax/{}/{}x{}", Loss::info.name, rows, classes), size, floor, target, "bytes or exp"},
           timed(rows, classes, [=](const auto& task) { return kernels::class_rows_loss(loss, task); }));
}

/// A formula of text beside the built-in one.
void add_text(std::int64_t rows, std::int64_t classes) {
  const auto built_in = [=](const Times& times) {
    return times.at(fmt::format("softmax/{}/{}x{}", Focal::info.name, rows, classes));
  };
  const ClassFormula formula = ClassFormula::parse("-t * (1 - p)^2 * log_p");
  add_case({fmt::format("softmax/focal as text/{}x{}", rows, classes), static_cast<double>(rows * classes), built_in, 2,
            "the built-in"},
           timed(rows, classes, [=](const auto& task) { return formula.compute_rows(task); }));
}

}  // namespace

void add_softmax() {
  for_each_softmax_loss([](const auto& loss) {
    add_loss(loss, 8192, 1000, 1.6);
    add_loss(loss, 1024, 50257, 1.6);
    add_loss(loss, 1048576, 10, 3.5);
  });
  add_text(8192, 1000);
  add_text(1048576, 10);
}

}  // namespace perdita::bench
