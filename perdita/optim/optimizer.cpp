#include "perdita/optim/optimizer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "perdita/losses/any.hpp"

namespace perdita::optim {

Optimizer::Optimizer(const char* name, std::vector<Tensor> parameters, double lr, std::vector<std::string> buffers)
    : name_(name), buffer_names_(std::move(buffers)) {
  set_lr(lr);
  if (parameters.empty()) fail<ValueError>("{}: there are no parameters (valid: at least one)", name);
  for (const Tensor& parameter : parameters) {
    const std::size_t i = slots_.size();
    if (!parameter.is_leaf())
      fail<GraphError>("{}: parameter {} is the result of an operation (valid: leaves)", name, i);
    if (!parameter.requires_grad())
      fail<ValueError>("{}: parameter {} does not require a gradient (valid: tensors with requires_grad)", name, i);
    const auto same = [&](const Slot& slot) { return slot.parameter.impl() == parameter.impl(); };
    if (std::ranges::any_of(slots_, same)) fail<ValueError>("{}: parameter {} is given twice", name, i);
    slots_.push_back({parameter, {}, 0});
  }
}

void Optimizer::check_option(const char* name, std::string_view option, double value, const Interval& valid) {
  if (!valid.contains(value)) fail<ValueError>("{}: {} is {} (valid: {})", name, option, value, to_string(valid));
}

void Optimizer::set_lr(double lr) {
  check_option(name_, "lr", lr, non_negative);
  lr_ = lr;
}

void Optimizer::zero_grad() const {
  for (const Slot& slot : slots_) slot.parameter.set_grad({});
}

template <class T>
void Optimizer::step_slot(Slot& slot, const Tensor& gradient) {
  if (slot.buffers.empty()) {
    for (std::size_t i = 0; i < buffer_names_.size(); ++i) {
      slot.buffers.push_back(Tensor::zeros(slot.parameter.shape(), slot.parameter.dtype()));
    }
  }
  std::vector<T*> buffers;
  for (const Tensor& buffer : slot.buffers) buffers.push_back(buffer.mutable_data<T>());
  update(slot.parameter.mutable_data<T>(), gradient.data<T>(), buffers, slot.parameter.numel(), ++slot.steps);
}

void Optimizer::step() {
  NoGrad no_grad;
  for (Slot& slot : slots_) {
    if (!slot.parameter.grad().defined()) continue;
    const Tensor gradient = slot.parameter.grad().contiguous();
    if (gradient.dtype() != slot.parameter.dtype()) {
      fail<DTypeError>("{}: a gradient has dtype {}, but its parameter {}", name_, name_of(gradient.dtype()),
                       name_of(slot.parameter.dtype()));
    }
    visit_floating(gradient.dtype(), name_, [&]<class T>() { step_slot<T>(slot, gradient); });
  }
}

StateDict Optimizer::state_dict() const {
  StateDict state;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    state.emplace_back(fmt::format("step.{}", i), Tensor::from({slots_[i].steps}));
    for (std::size_t b = 0; b < slots_[i].buffers.size(); ++b) {
      state.emplace_back(fmt::format("{}.{}", buffer_names_[b], i), slots_[i].buffers[b]);
    }
  }
  return state;
}

void Optimizer::load_state_dict(const StateDict& state) {
  std::map<std::string, Tensor> given(state.begin(), state.end());
  std::vector<Slot> loaded;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot slot{slots_[i].parameter, {}, 0};
    const auto step = given.find(fmt::format("step.{}", i));
    if (step == given.end()) {
      fail<ValueError>("{}: step.{} is missing in the state (valid: the state of {} parameters)", name_, i,
                       slots_.size());
    }
    slot.steps = step->second.to(DType::int64).item<std::int64_t>();
    for (const std::string& name : buffer_names_) {
      const auto found = given.find(fmt::format("{}.{}", name, i));
      if (found == given.end()) break;
      if (found->second.shape() != slot.parameter.shape()) {
        fail<ValueError>("{}: {}.{} has shape {}, but its parameter {} (valid: the same)", name_, name, i,
                         found->second.shape(), slot.parameter.shape());
      }
      slot.buffers.push_back(found->second.to(slot.parameter.dtype()).clone());
    }
    if (slot.buffers.size() != (slot.steps > 0 ? buffer_names_.size() : 0)) {
      fail<ValueError>("{}: the state of parameter {} is incomplete (valid: {})", name_, i,
                       fmt::join(buffer_names_, ", "));
    }
    loaded.push_back(std::move(slot));
  }
  slots_ = std::move(loaded);
}

}  // namespace perdita::optim
