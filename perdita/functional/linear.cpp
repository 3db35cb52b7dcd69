// cross_entropy of a linear layer's outputs, of which only a chunk of rows exists at a time: their logits are made,
// their loss and its gradient g are computed in one pass, and the products g W, g^T x and the sum of g over rows are
// added to the gradients at once. (Hsu et al., Liger Kernel, arXiv 2410.10989, section 3.2.)
#include <algorithm>
#include <array>

#include "perdita/functional/class_loss.hpp"
#include "perdita/functional/functional.hpp"
#include "perdita/functional/loss_node.hpp"
#include "perdita/tensor/matmul.hpp"

namespace perdita {

namespace {

constexpr const char* function = "linear_cross_entropy";
constexpr std::int64_t chunk_bytes = 9 << 20;  // of logits; their gradient takes as much again

/// A checked call, with rows [N, F] and a matrix [C d1 ... dK, F].
struct Call {
  Tensor input, matrix, bias, target;
  Shape logits_shape;  // [N, C, d1, ..., dK]
  CrossEntropy loss;
  ClassOptions options;
  std::int64_t chunk_rows = 0;
  double denominator = 1;
  std::int64_t rows() const { return input.size(0); }
};

/// The derivatives with respect to input, matrix and bias; undefined if not needed.
using Gradients = std::array<Tensor, 3>;
using Wanted = std::array<bool, 3>;

void check_dtype(const char* argument, const Tensor& tensor, const Tensor& input) {
  if (tensor.dtype() == input.dtype()) return;
  fail<DTypeError>("{}: {} holds {}, but input holds {} (valid: the same)", function, argument, name_of(tensor.dtype()),
                   name_of(input.dtype()));
}

void check_operands(const Tensor& input, const Tensor& weight, const Tensor& target, const LinearOptions& options) {
  for (const auto& [name, tensor] : {std::pair{"input", &input}, {"linear_weight", &weight}, {"target", &target}}) {
    if (!tensor->defined()) fail<ValueError>("{}: {} is not a tensor", function, name);
  }
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  check_dtype("linear_weight", weight, input);
  if (input.rank() != 1 && input.rank() != 2) {
    fail<ShapeError>("{}: input has shape {} (valid: [F] or [N, F])", function, input.shape());
  }
  if (weight.rank() < 2 || weight.shape().back() != input.shape().back()) {
    fail<ShapeError>("{}: linear_weight has shape {}, but input has {} (valid: [C, F] or [C, d1, ..., F])", function,
                     weight.shape(), input.shape());
  }
  if (weight.rank() > 2 && input.rank() == 1) {
    fail<ShapeError>(
        "{}: linear_weight has shape {}, but input has {} (valid: [N, F] for a weight of more than two dimensions)",
        function, weight.shape(), input.shape());
  }
  Shape outputs = weight.shape();
  outputs.erase(outputs.rank() - 1);
  if (options.linear_bias.defined()) {
    check_dtype("linear_bias", options.linear_bias, input);
    if (options.linear_bias.shape() != outputs) {
      fail<ShapeError>("{}: linear_bias has shape {}, but linear_weight has {} (valid: {})", function,
                       options.linear_bias.shape(), weight.shape(), outputs);
    }
  }
  if (options.chunk_rows < 0) fail<ValueError>("{}: chunk_rows is {} (valid: 0 or more)", function, options.chunk_rows);
}

void check_target(const Call& call, const Tensor& target) {
  Shape positions = call.logits_shape;
  positions.erase(1);
  const Shape& valid = is_floating(target.dtype()) ? call.logits_shape : positions;
  if (call.target.shape() != valid) {
    fail<ShapeError>(
        "{}: target has shape {}, but logits have {} (valid: {} with class indices, {} with probabilities)", function,
        target.shape(), call.logits_shape, positions, call.logits_shape);
  }
}

/// The denominator of the sum of all losses. Throws IndexError for a label that is not a class, for every reduction.
double denominator_of(const Call& call) {
  const ClassOptions& options = call.options;
  Shape positions = call.logits_shape;
  positions.erase(1);
  if (is_floating(call.target.dtype()))
    return detail::class_denominator(options, positions, nullptr, call.target, options.weight, 1);
  const Tensor weight = options.weight.defined() ? options.weight.to(DType::float64).contiguous() : Tensor();
  const kernels::Labels labels =
      detail::read_labels(function, call.target.contiguous(), call.logits_shape[1], options.ignore_index,
                          weight.defined() ? weight.data<double>() : nullptr);
  return detail::class_denominator(options, positions, &labels, call.target, weight, 1);
}

Tensor chunk_of(const Tensor& tensor, std::int64_t begin, std::int64_t end) {
  return tensor.slice(0, begin, end).contiguous();
}

template <class T>
detail::Matrix<T> matrix_of(const Tensor& tensor, bool transposed = false) {
  return {tensor.data<T>(), tensor.size(1), transposed};
}

template <class T>
Tensor logits_of(const Call& call, const Tensor& rows) {
  const std::int64_t n = rows.size(0), outputs = call.matrix.size(0);
  const Tensor logits = Tensor::empty({n, outputs}, rows.dtype());
  detail::gemm(n, outputs, rows.size(1), matrix_of<T>(rows), matrix_of<T>(call.matrix, true), logits.mutable_data<T>(),
               outputs);
  if (call.bias.defined()) logits.add_(call.bias);
  Shape shape = call.logits_shape;
  shape[0] = n;
  return logits.reshape(shape);
}

/// Adds the contribution of a chunk to the gradients; `slope` is its gradient with respect to its logits.
template <class T>
void add_chunk(const Call& call, const Tensor& rows, const Tensor& slope, std::int64_t begin, Gradients& gradients) {
  const std::int64_t n = rows.size(0), features = rows.size(1), outputs = call.matrix.size(0);
  const auto& [by_input, by_matrix, by_bias] = gradients;
  if (by_input.defined()) {
    detail::gemm(n, features, outputs, matrix_of<T>(slope), matrix_of<T>(call.matrix),
                 by_input.mutable_data<T>() + begin * features, features);
  }
  if (by_matrix.defined()) {
    detail::gemm(outputs, features, n, matrix_of<T>(slope, true), matrix_of<T>(rows), by_matrix.mutable_data<T>(),
                 features, true);
  }
  if (by_bias.defined()) by_bias.add_(sum(slope, 0));
}

struct Chunk {
  Tensor rows, logits, target;
};

/// Calls visit(chunk, begin, end) for each chunk of rows; once where there are none.
template <class T, class Visit>
void for_each_chunk(const Call& call, const Visit& visit) {
  std::int64_t begin = 0;
  do {
    const std::int64_t end = std::min(call.rows(), begin + call.chunk_rows);
    const Tensor rows = chunk_of(call.input, begin, end);
    visit(Chunk{rows, logits_of<T>(call, rows), chunk_of(call.target, begin, end)}, begin, end);
    begin = end;
  } while (begin < call.rows());
}

/// Chunks' extras, joined.
class ExtrasOfChunks {
 public:
  void add(LossExtras chunk) {
    losses_.push_back(std::move(chunk.losses));
    if (chunk.margins.defined()) margins_.push_back(std::move(chunk.margins));
    if (chunk.hits.defined()) hits_.push_back(std::move(chunk.hits));
  }
  LossExtras joined(double numerator, double denominator) const {
    const auto join = [](const std::vector<Tensor>& parts) { return parts.empty() ? Tensor() : cat(parts); };
    return {join(losses_), join(margins_), join(hits_), numerator, denominator};
  }

 private:
  std::vector<Tensor> losses_, margins_, hits_;
};

/// A loss for each position.
template <class T>
Tensor losses_of(const Call& call) {
  ClassOptions options = call.options;
  LossExtras of_chunk;
  ExtrasOfChunks extras;
  if (options.extras) options.extras = &of_chunk;
  std::vector<Tensor> losses;
  for_each_chunk<T>(call, [&](const Chunk& chunk, std::int64_t, std::int64_t) {
    losses.push_back(functional::cross_entropy(chunk.logits, chunk.target, call.loss, options));
    if (options.extras) extras.add(of_chunk);
  });
  const Tensor all = cat(losses);
  if (call.options.extras) *call.options.extras = extras.joined(sum(all).item(), 1);
  return all;
}

/// The sum of the losses, each times its element of `upstream` where that is defined, over the denominator; and its
/// gradients.
template <class T>
double sum_and_gradients(const Call& call, const Wanted& wanted, const Tensor& upstream, Gradients& gradients) {
  const std::array like{&call.input, &call.matrix, &call.bias};
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (wanted[i]) gradients[i] = Tensor::zeros(like[i]->shape(), like[i]->dtype());
  const bool wants_any = wanted[0] || wanted[1] || wanted[2];
  ClassOptions options = call.options;
  options.reduction = upstream.defined() ? Reduction::none : Reduction::sum;
  options.normalize_by = Normalize::standard;  // the sum is divided at the end
  LossExtras of_chunk;
  ExtrasOfChunks extras;
  if (options.extras) options.extras = &of_chunk;
  double total = 0;
  for_each_chunk<T>(call, [&](Chunk chunk, std::int64_t begin, std::int64_t end) {
    const NoGrad recording(!wants_any);
    if (wants_any) chunk.logits.set_requires_grad();
    const Tensor loss = functional::cross_entropy(chunk.logits, chunk.target, call.loss, options);
    if (!upstream.defined()) total += loss.item();
    if (options.extras) extras.add(of_chunk);
    if (!wants_any) return;
    const Tensor weight = upstream.defined() ? chunk_of(upstream, begin, end) : Tensor::ones({}, loss.dtype());
    const Tensor slope = grad(loss, chunk.logits, {.grad_outputs = {weight}});
    const NoGrad no_grad;
    add_chunk<T>(call, chunk.rows, slope.reshape({end - begin, call.matrix.size(0)}), begin, gradients);
  });
  if (call.options.extras) *call.options.extras = extras.joined(total, call.denominator);
  for (const Tensor& gradient : gradients) {
    if (!gradient.defined() || call.denominator == 1) continue;
    call.denominator == 0 ? gradient.zero_() : gradient.mul_(1 / call.denominator);
  }
  // The mean of no losses, or of losses whose weights are all 0
  return call.denominator == 0 ? std::numeric_limits<double>::quiet_NaN() : total / call.denominator;
}

/// The same with all logits at once, by operations that are recorded.
Tensor stored(const Call& call, const Tensor& input, const Tensor& matrix, const Tensor& bias) {
  Tensor logits = matmul(input, matrix.t());
  if (bias.defined()) logits = logits + bias;
  return functional::cross_entropy(logits.reshape(call.logits_shape), call.target, call.loss, call.options);
}

std::vector<Tensor> inputs_of(const Call& call) {
  std::vector<Tensor> inputs{call.input, call.matrix};
  if (call.bias.defined()) inputs.push_back(call.bias);
  return inputs;
}

template <class T>
Tensor in_chunks(Call call) {
  const std::vector<Tensor> inputs = inputs_of(call);
  Wanted wanted{};
  std::vector<Saved> saved;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    wanted[i] = needs_grad({&inputs[i]});
    saved.emplace_back(inputs[i]);
  }
  for (Tensor* operand : {&call.input, &call.matrix, &call.bias})
    if (operand->defined()) *operand = operand->detach().contiguous();
  const bool reduces = call.options.reduction != Reduction::none;
  Gradients gradients;
  const Tensor value = reduces ? Tensor::full({}, sum_and_gradients<T>(call, wanted, {}, gradients), call.input.dtype())
                               : losses_of<T>(call);

  call.options.extras = nullptr;
  return make_node(function, value, std::span<const Tensor>(inputs),
                   [call, saved, wanted, gradients, reduces](BackwardContext& b) mutable {
                     if (b.create_graph()) {
                       return detail::set_recorded_gradients(b, saved, [&](std::span<const Tensor> x) {
                         return stored(call, x[0], x[1], x.size() > 2 ? x[2] : Tensor());
                       });
                     }
                     if (!reduces) {
                       for (const Saved& input : saved) input.get(b.name());
                       sum_and_gradients<T>(call, wanted, b.upstream(), gradients);
                     }
                     for (std::size_t i = 0; i < saved.size(); ++i) {
                       if (!b.wants(static_cast<int>(i))) continue;
                       if (reduces)
                         detail::scale_gradient(b, gradients[i], -1, static_cast<int>(i));
                       else
                         b.set(static_cast<int>(i), std::move(gradients[i]));
                     }
                   });
}

}  // namespace

namespace functional {

Tensor linear_cross_entropy(const Tensor& input, const Tensor& linear_weight, const Tensor& target,
                            const LinearOptions& options) {
  check_operands(input, linear_weight, target, options);
  check_options(function, options.of_classes());
  check_parameters(CrossEntropy{.z_loss = options.z_loss, .softcap = options.softcap});
  const bool is_single = input.rank() == 1;
  Call call{.input = is_single ? input.unsqueeze(0) : input,
            .matrix = linear_weight.reshape({-1, linear_weight.shape().back()}),
            .bias = options.linear_bias.defined() ? options.linear_bias.flatten() : Tensor(),
            .target = is_single ? target.unsqueeze(0) : target,
            .logits_shape = linear_weight.shape(),
            .loss = {.z_loss = options.z_loss, .softcap = options.softcap},
            .options = options.of_classes(),
            .chunk_rows = options.chunk_rows};
  call.logits_shape.erase(call.logits_shape.rank() - 1);
  call.logits_shape.insert(0, call.input.size(0));
  check_target(call, target);
  if (needs_grad({&target}) || (options.weight.defined() && needs_grad({&options.weight}))) {
    const Tensor loss = stored(call, call.input, call.matrix, call.bias);
    return loss.rank() > 0 && is_single ? loss.squeeze(0) : loss;
  }
  call.denominator = denominator_of(call);
  if (call.chunk_rows == 0) {
    const std::int64_t row_bytes = call.matrix.size(0) * static_cast<std::int64_t>(size_of(input.dtype()));
    call.chunk_rows = std::max<std::int64_t>(1, chunk_bytes / std::max<std::int64_t>(1, row_bytes));
  }
  const Tensor loss = visit_floating(input.dtype(), function, [&]<class T>() { return in_chunks<T>(call); });
  return loss.rank() > 0 && is_single ? loss.squeeze(0) : loss;
}

}  // namespace functional
}  // namespace perdita
