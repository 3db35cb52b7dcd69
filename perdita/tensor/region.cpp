#include "perdita/tensor/region.hpp"

#include <bit>
#include <unordered_map>

#include "perdita/expr/order.hpp"

namespace perdita::detail {

namespace {

// An operand of an operation: its kind and its number, in 16 bits.
constexpr std::uint64_t operation_code = 0, leaf_code = 1 << 14, constant_code = 2 << 14, number_mask = (1 << 14) - 1;

struct StructureHash {
  std::size_t operator()(const Structure& words) const {
    std::uint64_t hash = words.size();
    for (std::uint64_t word : words) {
      hash = (hash ^ word) * 0x9E3779B97F4A7C15;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

// Programs with constants that change at every step would fill any cache: start anew then. Guarded by the recording
// mutex; nodes that still need a plan share it.
constexpr std::size_t most_plans = 1024;
using PlanCache = std::unordered_map<Structure, std::shared_ptr<Plan>, StructureHash>;
PlanCache& plan_cache() {
  static auto* cache = new PlanCache;
  return *cache;
}

std::uint64_t collection_id = 0;  // guarded by the recording mutex

/// The region as a formula of its leaves; the result of the operation at `cut` is one more input.
Expr build(const Structure& structure, int leaf_count, int cut = -1) {
  std::vector<Expr> values, inputs;
  for (int i = 0; i < leaf_count; ++i) inputs.push_back(Expr::input(i, fmt::format("x{}", i)));
  for (std::size_t at = 0; at < structure.size();) {
    const std::uint64_t word = structure[at++];
    const Op op = static_cast<Op>(word & 0xFF);
    std::vector<Expr> operands;
    for (int k = 0; k < arity(op); ++k) {
      const std::uint64_t code = word >> (16 * (k + 1)) & 0xFFFF;
      const std::size_t number = code & number_mask;
      if (code & constant_code)
        operands.emplace_back(std::bit_cast<double>(structure[at++]));
      else
        operands.push_back(code & leaf_code ? inputs[number] : values[number]);
    }
    if (static_cast<int>(values.size()) == cut)
      values.push_back(Expr::input(leaf_count + 1, "h"));
    else if (arity(op) == 1)
      values.push_back(Expr::apply(op, operands[0]));
    else if (arity(op) == 2)
      values.push_back(Expr::apply(op, operands[0], operands[1]));
    else
      values.push_back(Expr::apply(op, operands[0], operands[1], operands[2]));
  }
  return values.back();
}

/// Whether somebody besides the operations that read it holds this recorded tensor.
bool is_held(const TensorImpl& impl) {
  std::int32_t readers = 0;
  for (const ReaderLink* link = impl.storage->readers; link; link = link->next) ++readers;
  return impl.handles() > readers;
}

}  // namespace

Plan::Plan(Structure structure, int leaf_count)
    : structure_(std::move(structure)),
      root_(build(structure_, leaf_count)),
      leaf_count_(leaf_count),
      program_(std::span<const Expr>(&root_, 1)) {}

Expr Plan::inner_gradient(int position) const {
  const Expr cut = Expr::input(leaf_count_ + 1, "h");
  return gradient(build(structure_, leaf_count_, position), Expr::input(leaf_count_, "g"), std::span(&cut, 1))[0];
}

const GradientPlan& Plan::gradient_plan(std::uint32_t wanted) {
  std::lock_guard lock(mutex_);
  for (const auto& known : gradient_plans_) {
    if (known->wanted == wanted) return *known;
  }
  auto plan = std::make_unique<GradientPlan>();
  plan->wanted = wanted;
  const Expr upstream = Expr::input(leaf_count_, "g");
  std::vector<Expr> inputs, computed;
  for (int i = 0; i < leaf_count_; ++i) inputs.push_back(Expr::input(i, fmt::format("x{}", i)));
  plan->expressions = gradient(root_, upstream, inputs);
  for (int i = 0; i < leaf_count_; ++i) {
    const Expr& expression = plan->expressions[static_cast<std::size_t>(i)];
    GradientPlan::Kind kind = GradientPlan::Kind::computed;
    if (!(wanted >> i & 1) || expression.is_constant(0.0))
      kind = GradientPlan::Kind::zero;
    else if (expression.op() == Op::input && expression.index() == leaf_count_)
      kind = GradientPlan::Kind::upstream;
    else
      computed.push_back(expression);
    plan->kinds.push_back(kind);
  }
  if (!computed.empty()) {
    plan->program.emplace(computed);
    const ExprOrder order(computed);
    for (int i = 0; i < order.size(); ++i) {
      if (order[i].op() == Op::input && order[i].index() < leaf_count_) plan->reads |= 1u << order[i].index();
    }
  }
  computed.insert(computed.begin(), root_);
  plan->with_value.emplace(computed);
  gradient_plans_.push_back(std::move(plan));
  return *gradient_plans_.back();
}

std::uint64_t Region::code_of(const Recorded& recorded, std::size_t operand) {
  TensorImpl* impl = recorded.operands[operand].get();
  if (!impl) return constant_code;
  if (!impl->recorded && impl->collected_in != collection_id) {
    impl->collected_in = collection_id;
    impl->position = leaf_count();
    leaves.emplace_back(impl);
  }
  return (impl->recorded ? operation_code : leaf_code) | static_cast<std::uint64_t>(impl->position);
}

void Region::collect(TensorImpl& owner, const Recorded& recorded) {
  struct Visit {
    TensorImpl* impl;
    const Recorded* recorded;
    std::size_t next;
  };
  thread_local std::vector<Visit> stack;
  ++collection_id;
  stack.push_back({&owner, &recorded, 0});
  while (!stack.empty()) {
    Visit& top = stack.back();
    const Recorded& operation = *top.recorded;
    if (top.next < static_cast<std::size_t>(operation.operand_count)) {
      TensorImpl* impl = operation.operands[top.next++].get();
      if (impl && impl->recorded && impl->collected_in != collection_id) stack.push_back({impl, impl->recorded, 0});
      continue;
    }
    std::uint64_t word = static_cast<std::uint64_t>(operation.op);
    for (std::size_t k = 0; k < static_cast<std::size_t>(operation.operand_count); ++k) {
      word |= code_of(operation, k) << (16 * (k + 1));
    }
    structure_.push_back(word);
    for (std::size_t k = 0; k < static_cast<std::size_t>(operation.operand_count); ++k) {
      if (!operation.operands[k]) structure_.push_back(std::bit_cast<std::uint64_t>(operation.constants[k]));
    }
    if (operation.tracks && is_held(*top.impl)) inner.push_back({top.impl->recorded_id, operation_count_});
    top.impl->collected_in = collection_id;
    top.impl->position = operation_count_++;
    stack.pop_back();
  }
}

std::shared_ptr<Plan> Region::plan() const {
  PlanCache& cache = plan_cache();
  const auto found = cache.find(structure_);
  if (found != cache.end()) return found->second;
  if (cache.size() >= most_plans) cache.clear();
  return cache[structure_] = std::make_shared<Plan>(structure_, leaf_count());
}

}  // namespace perdita::detail
