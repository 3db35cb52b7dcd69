// CTC on tensors.
#include "perdita/kernels/ctc.hpp"

#include <algorithm>

#include "perdita/functional/loss_call.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/functional/sequence.hpp"
#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {

using namespace detail;
constexpr const char* function = "ctc_loss";

/// The predictions [T, N, C] of a batch; [T, C] becomes [T, 1, C].
Tensor checked_log_probs(const Tensor& log_probs) {
  if (!log_probs.defined()) fail<ValueError>("{}: log_probs is not a tensor", function);
  if (!is_floating(log_probs.dtype())) {
    fail<DTypeError>("{}: log_probs holds {} (valid: float32, float64)", function, name_of(log_probs.dtype()));
  }
  const std::int64_t classes = log_probs.rank() == 0 ? 0 : log_probs.size(-1);
  if (log_probs.rank() < 2 || log_probs.rank() > 3 || classes == 0) {
    fail<ShapeError>("{}: log_probs has shape {} (valid: [T, N, C] or [T, C] with C above 0)", function,
                     log_probs.shape());
  }
  return log_probs.rank() == 2 ? log_probs.unsqueeze(1) : log_probs;
}

/// A checked call.
struct Call {
  Tensor log_probs;  ///< [T, N, C]
  Integers input_lengths;
  SequenceLabels labels;
  Ctc loss;
};

/// Writes losses, and the gradient unless it is null.
template <class T>
void compute(const Call& call, double* losses, T* gradient, const double* scales) {
  const Tensor& log_probs = call.log_probs;
  ensure_data(log_probs);
  kernels::ctc_loss(kernels::CtcTask<T>{.log_probs = pointer<const T>(log_probs),
                                        .frame_stride = log_probs.strides()[0],
                                        .item_stride = log_probs.strides()[1],
                                        .class_stride = log_probs.strides()[2],
                                        .frames = log_probs.size(0),
                                        .items = log_probs.size(1),
                                        .classes = log_probs.size(2),
                                        .input_lengths = call.input_lengths.data(),
                                        .labels = call.labels.labels.data(),
                                        .label_begins = call.labels.begins.data(),
                                        .blank = static_cast<std::int32_t>(call.loss.blank),
                                        .zero_infinity = call.loss.zero_infinity,
                                        .torch_gradient = call.loss.torch_gradient,
                                        .losses = losses,
                                        .gradient = gradient,
                                        .scales = scales});
}

}  // namespace

Tensor detail::own_call(const char*, const Ctc& loss, GivenTensors x, const LossOptions& options) {
  const Tensor log_probs = checked_log_probs(*x[0]);
  const bool single = x[0]->rank() == 2;
  const std::int64_t frames = log_probs.size(0), items = log_probs.size(1);
  const SequenceBatch batch{function, "log_probs", items, log_probs.size(2), single};
  check_parameters(loss);
  check_classes(batch, loss.blank);
  const std::string reason = fmt::format("log_probs has {} frames", frames);
  Call call{.log_probs = log_probs,
            .input_lengths = lengths_of(batch, "input_lengths", *x[2], {0, frames, reason}),
            .labels = {},
            .loss = loss};
  call.labels =
      labels_of(batch, *x[1], *x[3], validates(options) ? std::optional<std::int64_t>(loss.blank) : std::nullopt);
  std::vector<double> label_counts;
  for (std::size_t n = 0; n < call.input_lengths.size(); ++n)
    label_counts.push_back(static_cast<double>(std::max<std::int64_t>(1, call.labels.length(n))));
  return visit_floating(log_probs.dtype(), function, [&]<class T>() {
    return sequence_losses<T>(
        function, *x[0], single ? Shape{} : Shape{items}, options, label_counts,
        [&](double* losses, T* gradient, const double* scales) { compute(call, losses, gradient, scales); });
  });
}

}  // namespace perdita
