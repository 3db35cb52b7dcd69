// Writing operations down, and computing them before what they read is changed.
#include <vector>

#include "perdita/expr/expr.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/recorded.hpp"
#include "perdita/tensor/region.hpp"

namespace perdita::detail {

std::mutex& recording_mutex() {
  static auto* mutex = new std::mutex;  // outlives every static tensor
  return *mutex;
}

namespace {

/// The dtype of an operation, by PyTorch's rule: a higher kind (bool, integer, floating) decides; within one, tensors
/// with dimensions before those without, and those before literals.
class DTypeVote {
 public:
  void add(const Argument& argument) {
    if (argument.tensor) {
      const TensorImpl& impl = *argument.tensor->impl();
      add(impl.dtype, impl.is_number ? 0 : impl.shape.rank() == 0 ? 1 : 2);
    } else {
      add(argument.kind, 0);
    }
  }
  DType result() const { return dtype_; }

 private:
  void add(DType dtype, int weight) {
    const int kind = dtype == DType::boolean ? 0 : is_floating(dtype) ? 2 : 1;
    const int priority = kind * 4 + weight;
    if (priority == priority_) dtype_ = promote(dtype_, dtype);
    if (priority > priority_) dtype_ = dtype;
    priority_ = priority > priority_ ? priority : priority_;
  }
  int priority_ = -1;
  DType dtype_ = DType::boolean;
};

bool is_logical(Op op) { return op == Op::logical_not || op == Op::logical_and || op == Op::logical_or; }

/// Whether integers are operands like others; elsewhere they are converted to float32 first.
bool takes_integers(Op op) {
  switch (op) {
    case Op::abs:
    case Op::sign:
    case Op::square:
    case Op::negate:
    case Op::min:
    case Op::max:
    case Op::clamp_min:
    case Op::clamp_max:
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::select:
      return true;
    default:
      return is_truth(op);
  }
}

struct Call {
  Op op;
  std::array<const Argument*, 3> arguments;
  int count;
};

DType computing_dtype(const Call& call) {
  DTypeVote vote;
  for (int i = call.op == Op::select ? 1 : 0; i < call.count; ++i)
    vote.add(*call.arguments[static_cast<std::size_t>(i)]);
  if (is_floating(vote.result())) return vote.result();
  if (!takes_integers(call.op)) return DType::float32;
  if (!is_logical(call.op)) return vote.result();
  // Answers of comparisons that are not computed yet stay in their region.
  for (int i = 0; i < call.count; ++i) {
    const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
    if (!tensor || !tensor->impl()->is_recorded.load(std::memory_order_acquire)) continue;
    std::lock_guard lock(recording_mutex());
    if (const Recorded* recorded = tensor->impl()->recorded) return recorded->compute;
  }
  return DType::boolean;
}

Shape common_shape(const Call& call) {
  Shape shape;
  bool first = true;
  for (int i = 0; i < call.count; ++i) {
    const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
    if (!tensor) continue;
    if (first)
      shape = tensor->shape();
    else if (tensor->shape() != shape)
      shape = broadcast_shapes(shape, tensor->shape(), name_of(call.op));
    first = false;
  }
  return shape;
}

void link(Recorded& reader, int i) {
  Storage& storage = *reader.operands[static_cast<std::size_t>(i)]->storage;
  ReaderLink& link = reader.links[static_cast<std::size_t>(i)];
  link = {&reader, nullptr, storage.readers};
  if (storage.readers) storage.readers->previous = &link;
  storage.readers = &link;
}

/// An operand that must be computed before it may take part, or null.
const Tensor* foreign_operand(const Call& call, const Recorded& recorded, const Shape& shape) {
  for (int i = 0; i < call.count; ++i) {
    const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
    const Recorded* operand = tensor ? tensor->impl()->recorded : nullptr;
    if (!operand) continue;
    if (operand->compute != recorded.compute || tensor->shape() != shape || (recorded.tracks && operand->hides_grad)) {
      return tensor;
    }
  }
  return nullptr;
}

/// Fills in the operands; false if the region would become too large. The caller holds the mutex.
bool fill(Recorded& recorded, const Call& call, TensorImpl& owner) {
  for (int i = 0; i < call.count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const Tensor* tensor = call.arguments[k]->tensor;
    recorded.constants[k] = call.arguments[k]->value;
    recorded.operands[k] = Ref<TensorImpl>(tensor ? tensor->impl() : nullptr);
    if (!tensor) continue;
    const Recorded* operand = tensor->impl()->recorded;
    recorded.operations += operand ? operand->operations : 0;
    recorded.leaves += operand ? operand->leaves : 1;
  }
  if (recorded.operations <= max_region_operations && recorded.leaves <= max_region_leaves) return true;
  // Shared parts were counted twice: count them once.
  Region region;
  region.collect(owner, recorded);
  recorded.operations = region.operation_count();
  recorded.leaves = region.leaf_count();
  return recorded.operations <= max_region_operations && recorded.leaves <= max_region_leaves;
}

Tensor record(const Call& call, DType compute) {
  const Shape shape = common_shape(call);
  Tensor result(make_impl(shape, is_truth(call.op) ? DType::boolean : compute));
  TensorImpl& impl = *result.impl();
  auto recorded = std::make_unique<Recorded>();
  recorded->op = call.op;
  recorded->compute = compute;
  recorded->operand_count = call.count;
  recorded->owner = &impl;
  bool has_grad = false;
  for (int i = 0; i < call.count; ++i) {
    const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
    has_grad = has_grad || (tensor && tensor->impl()->tracks());
  }
  recorded->tracks = has_grad && grad_enabled() && !is_truth(call.op);
  recorded->hides_grad = has_grad && !grad_enabled() && !is_truth(call.op);
  for (;;) {
    std::unique_lock lock(recording_mutex());
    const Tensor* foreign = foreign_operand(call, *recorded, shape);
    recorded->operations = 1;
    recorded->leaves = 0;
    if (!foreign && fill(*recorded, call, impl)) {
      for (int i = 0; i < call.count; ++i) {
        const auto k = static_cast<std::size_t>(i);
        if (!recorded->operands[k]) continue;
        link(*recorded, i);
        const Recorded* operand = recorded->operands[k]->recorded;
        recorded->hides_grad = recorded->hides_grad || (operand && operand->hides_grad);
      }
      static std::uint64_t last_id = 0;
      impl.recorded_id = ++last_id;
      impl.recorded = recorded.release();
      impl.is_recorded.store(true, std::memory_order_release);
      return result;
    }
    lock.unlock();
    if (foreign) {
      materialize(*foreign);
      continue;
    }
    for (int i = 0; i < call.count; ++i) {
      const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
      if (tensor) ensure_data(*tensor);
    }
  }
}

Tensor apply(const Call& call);

/// The operation with operand i converted to float32.
Tensor apply_widened(const Call& call, std::size_t i) {
  const Tensor wide = call.arguments[i]->tensor->to(DType::float32);
  const Argument argument(wide);
  Call converted = call;
  converted.arguments[i] = &argument;
  return apply(converted);
}

Tensor apply(const Call& call) {
  for (int i = 0; i < call.count; ++i) {
    const Tensor* tensor = call.arguments[static_cast<std::size_t>(i)]->tensor;
    if (tensor && !tensor->defined()) fail<ValueError>("{}: operand {} is an undefined tensor", name_of(call.op), i);
    if (tensor && is_narrow(tensor->dtype())) return apply_widened(call, static_cast<std::size_t>(i));
  }
  const DType compute = computing_dtype(call);
  if (is_floating(compute)) return record(call, compute);
  std::array<Tensor, 3> operands;
  for (int i = 0; i < call.count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const Argument& argument = *call.arguments[k];
    operands[k] = argument.tensor ? *argument.tensor : Tensor::full({}, argument.value, argument.kind);
  }
  return apply_to_integers(call.op, operands, call.count, compute);
}

}  // namespace

Tensor apply(Op op, const Argument& a) { return apply(Call{op, {&a}, 1}); }
Tensor apply(Op op, const Argument& a, const Argument& b) { return apply(Call{op, {&a, &b}, 2}); }
Tensor apply(Op op, const Argument& a, const Argument& b, const Argument& c) {
  return apply(Call{op, {&a, &b, &c}, 3});
}

Recorded* unlink(TensorImpl& impl) {
  Recorded* recorded = std::exchange(impl.recorded, nullptr);
  if (!recorded) return nullptr;
  for (std::size_t i = 0; i < 3; ++i) {
    ReaderLink& link = recorded->links[i];
    if (!link.reader) continue;
    if (link.previous)
      link.previous->next = link.next;
    else
      recorded->operands[i]->storage->readers = link.next;
    if (link.next) link.next->previous = link.previous;
  }
  return recorded;
}

void drop_recorded(TensorImpl& impl) {
  Recorded* recorded;
  {
    std::lock_guard lock(recording_mutex());
    recorded = unlink(impl);
  }
  delete recorded;
}

void compute_readers(const Tensor& tensor) {
  std::vector<Tensor> readers;
  {
    std::lock_guard lock(recording_mutex());
    for (ReaderLink* link = tensor.impl()->storage->readers; link; link = link->next) {
      TensorImpl* owner = link->reader->owner;
      if (owner->try_retain()) readers.emplace_back(Ref<TensorImpl>::adopt(owner));
    }
  }
  for (const Tensor& reader : readers) materialize(reader);
}

void before_write(const Tensor& tensor) {
  TensorImpl& impl = *tensor.impl();
  ensure_data(tensor);
  if (grad_enabled() && (impl.requires_grad || impl.node)) {
    fail<GraphError>("a tensor of shape {} that {} was modified in place (use NoGrad for in-place modifications)",
                     impl.shape, impl.requires_grad ? "requires a gradient" : "is the result of a recorded operation");
  }
  if (impl.storage->readers) compute_readers(tensor);
  impl.storage->version.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace perdita::detail
