// Computing regions, and their nodes in the autograd graph.
#include <algorithm>

#include "perdita/expr/order.hpp"
#include "perdita/tensor/autograd.hpp"
#include "perdita/tensor/functions.hpp"
#include "perdita/tensor/operators.hpp"
#include "perdita/tensor/region.hpp"
#include "perdita/tensor/replay.hpp"

namespace perdita::detail {

namespace {

/// A region taken out of the recording: safe to compute while others record.
struct Snapshot {
  Region region;
  std::shared_ptr<Plan> plan;
  DType compute = DType::float32;
  bool tracks = false;

  /// Bits of the leaves that gradients flow into.
  std::uint32_t wanted() const {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < region.leaves.size(); ++i) {
      if (is_floating(region.leaves[i]->dtype) && region.leaves[i]->tracks()) bits |= 1u << i;
    }
    return bits;
  }
};

/// False if the tensor has been computed meanwhile.
bool take_snapshot(TensorImpl& impl, Snapshot& snapshot) {
  std::lock_guard lock(recording_mutex());
  if (!impl.recorded) return false;
  snapshot.region.collect(impl, *impl.recorded);
  snapshot.plan = snapshot.region.plan();
  snapshot.compute = impl.recorded->compute;
  snapshot.tracks = impl.recorded->tracks;
  return true;
}

/// Operands and results of one evaluation.
struct Evaluation {
  std::array<perdita::Operand, max_region_leaves + 1> operands;
  std::array<Result, max_region_leaves + 1> results;
  std::size_t operand_count = 0, result_count = 0;

  void add(const TensorImpl& leaf, const Shape& shape) {
    operands[operand_count++] = {leaf.pointer(), leaf.dtype, broadcast_strides(leaf.shape, leaf.strides, shape)};
  }
  void skip() { ++operand_count; }
  void run(const Program& program, DType compute, const Shape& shape) {
    evaluate(program, compute, shape, std::span(operands).first(operand_count), std::span(results).first(result_count));
  }
};

Tensor scalar_of(double value, DType dtype) {
  Tensor result = Tensor::empty({}, dtype);
  visit_floating(dtype, "sum", [&]<class T>() { *pointer<T>(result) = static_cast<T>(value); });
  return result;
}

/// Where the computed gradient of a leaf goes: an array of the region's shape, or just a sum for a leaf of one element.
struct GradientTarget {
  Tensor full;
  double sum = 0;

  Result result(std::int64_t leaf_numel, const Shape& shape, DType compute) {
    if (leaf_numel == 1 && numel(shape) != 1) return {nullptr, &sum};
    full = Tensor::empty(shape, compute);
    return {full.impl()->pointer(), nullptr};
  }
  Tensor reduced(const Shape& leaf_shape, DType compute) {
    if (!full.defined()) return scalar_of(sum, compute).reshape(leaf_shape);
    return sum_to_shape(std::move(full), leaf_shape);
  }
};

std::uint32_t wanted_inputs(const BackwardContext& context, int count) {
  std::uint32_t bits = 0;
  for (int i = 0; i < count; ++i) bits |= static_cast<std::uint32_t>(context.wants(i)) << i;
  return bits;
}

/// The base of the nodes of regions; its inputs are the leaves.
class RegionNode : public Node {
 public:
  RegionNode(const char* name_, const Tensor& output, const Snapshot& snapshot, const Shape& shape_, std::uint64_t id)
      : Node(name_, output), plan_(snapshot.plan), compute_(snapshot.compute), region_shape_(shape_) {
    for (const Inner& inner : snapshot.region.inner) {
      if (inner.id != id) inner_.push_back(inner);
    }
    const std::uint32_t wanted = snapshot.wanted();
    const std::uint32_t reads = plan_->gradient_plan(wanted).reads;
    reserve_inputs(plan_->leaf_count());
    for (std::size_t i = 0; i < snapshot.region.leaves.size(); ++i) {
      const Tensor leaf(snapshot.region.leaves[i]);
      add_input(wanted >> i & 1 ? leaf : Tensor());
      if ((reads >> i & 1) || !inner_.empty()) leaves_[i] = Saved(leaf);
    }
  }
  void free_saved() override { leaves_ = {}; }

  bool contains(std::uint64_t id) const override {
    return std::ranges::any_of(inner_, [id](const Inner& inner) { return inner.id == id; });
  }
  Tensor inner_gradient(std::uint64_t id, const Tensor& value) override {
    const auto inner = std::ranges::find(inner_, id, &Inner::id);
    const Expr expression = plan_->inner_gradient(inner->position);
    const auto count = static_cast<std::size_t>(plan_->leaf_count());
    std::vector<Tensor> inputs(count + 2);
    const ExprOrder order(std::span(&expression, 1));
    for (int i = 0; i < order.size(); ++i) {
      if (order[i].op() != Op::input || order[i].index() >= plan_->leaf_count()) continue;
      inputs[static_cast<std::size_t>(order[i].index())] =
          leaves_[static_cast<std::size_t>(order[i].index())].get(name);
    }
    inputs[count] = region_upstream();
    inputs[count + 1] = value;
    if (expression.op() == Op::constant) return Tensor::full(region_shape_, expression.value(), compute_);
    return Replay(std::span(&expression, 1), inputs).value(expression).expand(region_shape_);
  }

 protected:
  /// What arrives at every element of the region.
  virtual Tensor region_upstream() const { return upstream; }
  Shape leaf_shape(int i) { return input(i).node ? input(i).node->shape : input(i).leaf->shape; }

  /// Gradients made of recorded operations, for `incoming` of any shape that broadcasts to the region's.
  void run_differentiably(BackwardContext& context, const Tensor& incoming) {
    const int count = plan_->leaf_count();
    const GradientPlan& plan = plan_->gradient_plan(wanted_inputs(context, count));
    std::vector<Expr> roots;
    std::vector<Tensor> inputs(static_cast<std::size_t>(count) + 1);
    for (int i = 0; i < count; ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (plan.kinds[k] == GradientPlan::Kind::computed) roots.push_back(plan.expressions[k]);
      if (plan.reads >> i & 1) inputs[k] = leaves_[k].get(name);
    }
    inputs.back() = incoming;
    const Replay replay(roots, inputs);
    for (int i = 0; i < count; ++i) {
      if (!context.wants(i)) continue;
      const auto k = static_cast<std::size_t>(i);
      Tensor gradient = plan.kinds[k] == GradientPlan::Kind::zero       ? Tensor::zeros(leaf_shape(i), compute_)
                        : plan.kinds[k] == GradientPlan::Kind::upstream ? incoming
                                                                        : replay.value(plan.expressions[k]);
      if (plan.kinds[k] != GradientPlan::Kind::zero)
        gradient = sum_to_shape(gradient.expand(region_shape_), leaf_shape(i));
      context.set(i, std::move(gradient));
    }
  }

  std::shared_ptr<Plan> plan_;
  DType compute_;
  Shape region_shape_;
  std::array<Saved, max_region_leaves> leaves_;  // those that gradients read
  std::vector<Inner> inner_;
};

/// A region whose elements were stored.
class ElementsNode final : public RegionNode {
 public:
  using RegionNode::RegionNode;

  void run(BackwardContext& context) override {
    if (context.create_graph()) return run_differentiably(context, context.upstream());
    const int count = plan_->leaf_count();
    const GradientPlan& plan = plan_->gradient_plan(wanted_inputs(context, count));
    std::array<GradientTarget, max_region_leaves> targets;
    if (plan.program) compute(context.upstream(), plan, targets);
    for (int i = 0; i < count; ++i) {
      if (!context.wants(i)) continue;
      const auto k = static_cast<std::size_t>(i);
      switch (plan.kinds[k]) {
        case GradientPlan::Kind::zero:
          context.set(i, Tensor::zeros(leaf_shape(i), compute_));
          break;
        case GradientPlan::Kind::upstream:
          context.set(i, sum_to_shape(context.upstream(), leaf_shape(i)));
          break;
        case GradientPlan::Kind::computed:
          context.set(i, targets[k].reduced(leaf_shape(i), compute_));
          break;
      }
    }
  }

 private:
  void compute(const Tensor& incoming, const GradientPlan& plan,
               std::array<GradientTarget, max_region_leaves>& targets) {
    Evaluation evaluation;
    for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
      if (plan.reads >> k & 1)
        evaluation.add(*leaves_[k].get(name).impl(), region_shape_);
      else
        evaluation.skip();
      if (plan.kinds[k] != GradientPlan::Kind::computed) continue;
      evaluation.results[evaluation.result_count++] =
          targets[k].result(numel(leaf_shape(static_cast<int>(k))), region_shape_, compute_);
    }
    ensure_data(incoming);
    evaluation.add(*incoming.impl(), region_shape_);
    evaluation.run(*plan.program, compute_, region_shape_);
  }
};

/// A region of which only the sum was wanted. Its gradients were computed with it, for an upstream gradient of one.
class SumNode final : public RegionNode {
 public:
  SumNode(const char* name_, const Tensor& output, const Snapshot& snapshot, const Shape& shape_, double scale)
      : RegionNode(name_, output, snapshot, shape_, 0), scale_(scale) {}

  void keep(std::size_t leaf, Tensor gradient) { gradients_[leaf] = std::move(gradient); }

  void run(BackwardContext& context) override {
    if (context.create_graph()) {
      return run_differentiably(context, region_upstream());
    }
    const double factor = context.upstream().item();
    const int count = plan_->leaf_count();
    const GradientPlan& plan = plan_->gradient_plan(wanted_inputs(context, count));
    for (int i = 0; i < count; ++i) {
      if (!context.wants(i)) continue;
      const auto k = static_cast<std::size_t>(i);
      Tensor gradient;
      if (plan.kinds[k] == GradientPlan::Kind::zero) {
        gradient = Tensor::zeros(leaf_shape(i), compute_);
      } else if (plan.kinds[k] == GradientPlan::Kind::upstream) {
        gradient = sum_to_shape(scalar_of(factor * scale_, compute_).expand(region_shape_), leaf_shape(i));
      } else if (context.may_consume()) {
        gradient = std::move(gradients_[k]);
        if (factor != 1) gradient.mul_(factor);
      } else {
        gradient = factor == 1 ? gradients_[k] : gradients_[k] * factor;
      }
      context.set(i, std::move(gradient));
    }
  }
  void free_saved() override {
    RegionNode::free_saved();
    gradients_ = {};
  }

 protected:
  Tensor region_upstream() const override { return scale_ == 1 ? upstream : upstream * scale_; }

 private:
  double scale_;
  std::array<Tensor, max_region_leaves> gradients_;
};

/// Makes `impl` a computed tensor, unless another thread was faster. Frees the operation outside the lock.
void publish(TensorImpl& impl, const Buffer& buffer, const Ref<Node>& node) {
  Recorded* done;
  {
    std::lock_guard lock(recording_mutex());
    done = unlink(impl);
    if (done) {
      impl.storage->buffer = buffer;
      impl.node = node;
      impl.is_recorded.store(false, std::memory_order_release);
    }
  }
  delete done;
}

}  // namespace

void materialize(const Tensor& tensor) {
  TensorImpl& impl = *tensor.impl();
  Snapshot snapshot;
  if (!take_snapshot(impl, snapshot)) return;
  Tensor values = Tensor::empty(impl.shape, snapshot.compute);
  Evaluation evaluation;
  for (const Ref<TensorImpl>& leaf : snapshot.region.leaves) evaluation.add(*leaf, impl.shape);
  evaluation.results[evaluation.result_count++] = {values.impl()->pointer(), nullptr};
  evaluation.run(snapshot.plan->program(), snapshot.compute, impl.shape);
  if (impl.dtype != snapshot.compute) {
    Tensor converted = Tensor::empty(impl.shape, impl.dtype);
    copy_elements(values, converted);
    values = std::move(converted);
  }
  Ref<Node> node;
  if (snapshot.tracks)
    node = Ref<Node>(new ElementsNode("elementwise", values, snapshot, impl.shape, impl.recorded_id));
  publish(impl, values.impl()->storage->buffer, node);
}

Tensor sum_recorded(const Tensor& x, double scale, const char* name) {
  TensorImpl& impl = *x.impl();
  Snapshot snapshot;
  if (!take_snapshot(impl, snapshot)) return scale == 1 ? sum(x) : sum(x) * scale;
  const bool tracks = snapshot.tracks && grad_enabled();
  Evaluation evaluation;
  for (const Ref<TensorImpl>& leaf : snapshot.region.leaves) evaluation.add(*leaf, impl.shape);
  double total = 0;
  evaluation.results[evaluation.result_count++] = {nullptr, &total};
  if (!tracks) {
    evaluation.run(snapshot.plan->program(), snapshot.compute, impl.shape);
    return scalar_of(total * scale, snapshot.compute);
  }
  const GradientPlan& plan = snapshot.plan->gradient_plan(snapshot.wanted());
  std::array<GradientTarget, max_region_leaves> targets;
  for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
    if (plan.kinds[k] != GradientPlan::Kind::computed) continue;
    evaluation.results[evaluation.result_count++] =
        targets[k].result(numel(snapshot.region.leaves[k]->shape), impl.shape, snapshot.compute);
  }
  evaluation.operands[evaluation.operand_count++] = {&scale, DType::float64, Strides(impl.shape.rank(), 0)};
  evaluation.run(*plan.with_value, snapshot.compute, impl.shape);
  Tensor result = scalar_of(total * scale, snapshot.compute);
  auto* node = new SumNode(name, result, snapshot, impl.shape, scale);
  const Ref<Node> holder(node);
  NoGrad no_grad;
  for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
    if (plan.kinds[k] != GradientPlan::Kind::computed) continue;
    node->keep(k, targets[k].reduced(snapshot.region.leaves[k]->shape, snapshot.compute));
  }
  attach(result, node);
  return result;
}

}  // namespace perdita::detail
