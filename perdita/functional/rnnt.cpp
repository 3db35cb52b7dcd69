// RNN transducer on tensors.
#include "perdita/kernels/rnnt.hpp"

#include <algorithm>
#include <limits>

#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/sequence.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

using namespace detail;

void check_shapes(const char* function, const Tensor& logits, const Tensor& targets) {
  if (!logits.defined()) fail<ValueError>("{}: logits is not a tensor", function);
  if (!is_floating(logits.dtype())) {
    fail<DTypeError>("{}: logits holds {} (valid: float32, float64)", function, name_of(logits.dtype()));
  }
  if (logits.rank() != 4 || std::min({logits.size(1), logits.size(2), logits.size(3)}) == 0) {
    fail<ShapeError>("{}: logits has shape {} (valid: [B, T, U + 1, V] with T and V above 0)", function,
                     logits.shape());
  }
  const Shape expected{logits.size(0), logits.size(2) - 1};
  if (targets.defined() && targets.shape() != expected) {
    fail<ShapeError>("{}: targets has shape {}, but logits has shape {} (valid: {})", function, targets.shape(),
                     logits.shape(), expected);
  }
}

}  // namespace

Tensor detail::own_call(const char* function, const Rnnt& loss, GivenTensors x, const LossOptions& options) {
  const Tensor& logits = *x[0];
  check_shapes(function, logits, *x[1]);
  check_parameters(loss);
  const std::int64_t items = logits.size(0), frames = logits.size(1), states = logits.size(2), classes = logits.size(3);
  const SequenceBatch batch{function, "logits", items, classes};
  const std::int64_t blank = loss.blank < 0 ? classes - 1 : loss.blank;
  check_classes(batch, blank);
  const std::string reason = fmt::format("logits has {} frames", frames);
  const Integers logit_lengths = lengths_of(batch, "logit_lengths", *x[2], {1, frames, reason});
  const SequenceLabels labels = labels_of(batch, *x[1], *x[3], blank);
  // With one row per item, an upstream gradient of the losses has the shape of the rows.
  const Tensor rows = logits.reshape({items, frames * states * classes}).contiguous();
  return visit_floating(rows.dtype(), function, [&]<class T>() {
    return sequence_losses<T>(
        function, rows, {items}, options, {}, [&](double* losses, T* gradient, const double* scales) {
          ensure_data(rows);
          kernels::rnnt_loss(
              kernels::RnntTask<T>{.logits = pointer<const T>(rows),
                                   .items = items,
                                   .frames = frames,
                                   .states = states,
                                   .classes = classes,
                                   .logit_lengths = logit_lengths.data(),
                                   .labels = labels.labels.data(),
                                   .label_begins = labels.begins.data(),
                                   .blank = static_cast<std::int32_t>(blank),
                                   .limit = loss.clamp > 0 ? loss.clamp : std::numeric_limits<double>::infinity(),
                                   .label_factor = 1 + loss.fastemit,
                                   .losses = losses,
                                   .gradient = gradient,
                                   .scales = scales});
        });
  });
}

}  // namespace perdita
