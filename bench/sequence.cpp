// Losses of sequences, through tensors: the lower bound of their time is not known.
#include <memory>
#include <optional>

#include "bench/groups.hpp"
#include "bench/table.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::bench {

namespace {

struct Problem {
  Tensor predictions, targets, frames, lengths;
  Problem(const Tensor& scores, std::int64_t items, std::int64_t frame_count, std::int64_t classes, std::int64_t length,
          std::int64_t first_label)
      : predictions(scores.detach().clone()),
        targets((Tensor::rand({items, length}, 2) * static_cast<double>(classes - 1) + static_cast<double>(first_label))
                    .to(DType::int64)),
        frames(Tensor::full({items}, static_cast<double>(frame_count), DType::int64)),
        lengths(Tensor::full({items}, static_cast<double>(length), DType::int64)) {
    predictions.set_requires_grad();
  }
};

/// make(): the problem, when its benchmark runs first.
template <class Loss, class Make>
void add(const std::string& name, const Loss& loss, const Make& make) {
  const auto problem = std::make_shared<std::optional<Problem>>();
  add_timing("sequence/" + name, [=] {
    if (!*problem) *problem = make();
    const Problem& p = **problem;
    loss(p.predictions, p.targets, p.frames, p.lengths).backward();
    p.predictions.set_grad({});
  });
}

void add_ctc(std::int64_t frames, std::int64_t items, std::int64_t classes, std::int64_t length) {
  add(fmt::format("ctc/{}x{}x{}x{}", frames, items, classes, length), functional::ctc_loss, [=] {
    return Problem(log_softmax(Tensor::randn({frames, items, classes}, 1), 2), items, frames, classes, length, 1);
  });
}

void add_rnnt(std::int64_t items, std::int64_t frames, std::int64_t length, std::int64_t classes) {
  add(fmt::format("rnnt/{}x{}x{}x{}", items, frames, length, classes), functional::rnnt_loss, [=] {
    return Problem(Tensor::randn({items, frames, length + 1, classes}, 1), items, frames, classes, length, 0);
  });
}

}  // namespace

void add_sequences() {
  add_ctc(150, 16, 28, 40);
  add_ctc(150, 1, 28, 40);
  add_ctc(1000, 16, 100, 200);
  add_ctc(150, 16, 5000, 20);
  add_rnnt(16, 150, 40, 28);
  add_rnnt(1, 150, 40, 28);
  add_rnnt(4, 200, 40, 1000);
}

}  // namespace perdita::bench
