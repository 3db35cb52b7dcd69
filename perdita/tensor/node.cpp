#include "perdita/tensor/node.hpp"

#include "perdita/tensor/impl.hpp"

namespace perdita {

namespace {
thread_local bool grad_is_enabled = true;
}

bool grad_enabled() { return grad_is_enabled; }
NoGrad::NoGrad(bool no_grad) : before_(std::exchange(grad_is_enabled, !no_grad)) {}
NoGrad::~NoGrad() { grad_is_enabled = before_; }

namespace detail {

Node::Node(const char* name_, const Tensor& output) : name(name_), dtype(output.dtype()), shape(output.shape()) {}

Node::~Node() {
  if (edges_ == inline_) return;
  for (int i = 0; i < capacity_; ++i) edges_[i].~Edge();
  pool_release(edges_, static_cast<std::size_t>(capacity_) * sizeof(Edge));
}

// A chain of a million nodes must not become a million nested destructors: whoever comes first empties a queue.
void Node::destroy() {
  thread_local Node* dying = nullptr;
  thread_local bool is_emptying = false;
  next_dying = std::exchange(dying, this);
  if (is_emptying) return;
  is_emptying = true;
  while (dying) delete std::exchange(dying, dying->next_dying);
  is_emptying = false;
}

void Node::reserve_inputs(int count) {
  if (count <= inline_edges) return;
  edges_ = static_cast<Edge*>(pool_allocate(static_cast<std::size_t>(count) * sizeof(Edge)));
  for (int i = 0; i < count; ++i) new (edges_ + i) Edge;
  capacity_ = count;
}

void Node::add_input(const Tensor& input) {
  Edge& edge = edges_[count_++];
  if (!input.defined()) return;
  ensure_data(input);  // what is recorded gets its node now
  if (input.impl()->node)
    edge.node = input.impl()->node;
  else if (input.impl()->requires_grad)
    edge.leaf = Ref<TensorImpl>(input.impl());
}

void attach(const Tensor& value, Node* node) {
  ensure_data(value);
  value.impl()->node = Ref<Node>(node);
}

bool any_tracks(std::span<const Tensor* const> inputs) {
  for (const Tensor* input : inputs) {
    if (input->defined() && input->impl()->tracks()) return true;
  }
  return false;
}

}  // namespace detail

Saved::Saved(const Tensor& tensor) : tensor_(tensor) {
  detail::ensure_data(tensor_);
  version_ = tensor_.impl()->storage->version.load(std::memory_order_relaxed);
}

const Tensor& Saved::get(const char* operation) const {
  const std::uint32_t now = tensor_.impl()->storage->version.load(std::memory_order_relaxed);
  if (now != version_) {
    fail<GraphError>(
        "{}: backward needs a tensor of shape {} that has been changed in place since (version {}, saved at {}); "
        "clone() it before the change",
        operation, tensor_.shape(), now, version_);
  }
  return tensor_;
}

bool Tensor::requires_grad() const {
  detail::require_defined(*this, "requires_grad");
  return impl_->tracks();
}

bool Tensor::is_leaf() const {
  detail::require_defined(*this, "is_leaf");
  return impl_->requires_grad || !impl_->tracks();
}

const Tensor& Tensor::set_requires_grad(bool requires_grad) const {
  detail::require_defined(*this, "set_requires_grad");
  if (!is_leaf()) fail<GraphError>("set_requires_grad: the tensor is the result of an operation (detach() it first)");
  if (requires_grad && !is_real(dtype())) {
    fail<DTypeError>("set_requires_grad: only float32 and float64 have gradients, got {}", name_of(dtype()));
  }
  detail::ensure_data(*this);
  if (requires_grad) detail::compute_readers(*this);
  impl_->requires_grad = requires_grad;
  return *this;
}

Tensor Tensor::grad() const {
  detail::require_defined(*this, "grad");
  return impl_->grad ? Tensor(impl_->grad) : Tensor();
}

void Tensor::set_grad(const Tensor& gradient) const {
  detail::require_defined(*this, "set_grad");
  if (gradient.defined()) {
    if (gradient.shape() != shape())
      fail<ShapeError>("set_grad: gradient has shape {}, the tensor {}", gradient.shape(), shape());
    if (gradient.dtype() != dtype()) {
      fail<DTypeError>("set_grad: gradient is {}, the tensor {}", name_of(gradient.dtype()), name_of(dtype()));
    }
  }
  impl_->grad = detail::Ref<detail::TensorImpl>(gradient.impl());
}

Tensor Tensor::detach() const {
  detail::require_defined(*this, "detach");
  return detail::alias(*this, shape(), strides(), impl_->offset);
}

}  // namespace perdita
