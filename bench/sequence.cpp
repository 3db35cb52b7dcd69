// Losses of sequences, through tensors, to be set beside PyTorch: nobody knows their floor.
#include <memory>
#include <optional>

#include "bench/groups.hpp"
#include "bench/table.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

/// Made when its benchmark runs first.
struct CtcProblem {
  Tensor log_probs, targets, input_lengths, target_lengths;
  CtcProblem(std::int64_t frames, std::int64_t items, std::int64_t classes, std::int64_t length)
      : log_probs(log_softmax(Tensor::randn({frames, items, classes}, 1), 2).detach().clone()),
        targets((Tensor::rand({items, length}, 2) * static_cast<double>(classes - 1) + 1.0).to(DType::int64)),
        input_lengths(Tensor::full({items}, static_cast<double>(frames), DType::int64)),
        target_lengths(Tensor::full({items}, static_cast<double>(length), DType::int64)) {
    log_probs.set_requires_grad();
  }
};

void add_ctc(std::int64_t frames, std::int64_t items, std::int64_t classes, std::int64_t length) {
  const auto problem = std::make_shared<std::optional<CtcProblem>>();
  add_timing(fmt::format("sequence/ctc/{}x{}x{}x{}", frames, items, classes, length), [=] {
    if (!*problem) problem->emplace(frames, items, classes, length);
    const CtcProblem& p = **problem;
    functional::ctc_loss(p.log_probs, p.targets, p.input_lengths, p.target_lengths).backward();
    p.log_probs.set_grad({});
  });
}

}  // namespace

void add_sequences() {
  add_ctc(150, 16, 28, 40);
  add_ctc(150, 1, 28, 40);
  add_ctc(1000, 16, 100, 200);
  add_ctc(150, 16, 5000, 20);
}

}  // namespace perdita::bench
