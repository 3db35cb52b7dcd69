#include "perdita/nn/module.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace perdita::nn {

struct Module::State {
  struct Entry {
    std::string name;
    Tensor tensor;
    bool is_parameter;
  };
  std::vector<Entry> tensors;
  std::vector<std::pair<std::string, std::shared_ptr<State>>> children;
  bool training = true;

  void check_name(const std::string& name) const {
    const auto same = [&](const auto& taken) { return taken == name; };
    if (name.empty() || name.find('.') != std::string::npos) {
      fail<ValueError>("Module: the name '{}' is empty or contains a dot (valid: other names)", name);
    }
    if (std::ranges::any_of(tensors, same, &Entry::name) ||
        std::ranges::any_of(children, same, &std::pair<std::string, std::shared_ptr<State>>::first)) {
      fail<ValueError>("Module: the name '{}' is already registered (valid: unused names)", name);
    }
  }

  template <class Visitor>
  void visit(const std::string& prefix, const Visitor& visitor) const {
    for (const Entry& entry : tensors) visitor(prefix + entry.name, entry);
    for (const auto& [name, child] : children) child->visit(prefix + name + ".", visitor);
  }
};

Module::Module() : state_(std::make_shared<State>()) {}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> all;
  for (auto& [name, tensor] : named_parameters()) all.push_back(tensor);
  return all;
}

StateDict Module::named_parameters() const {
  StateDict all;
  state_->visit("", [&](const std::string& name, const State::Entry& entry) {
    if (entry.is_parameter) all.emplace_back(name, entry.tensor);
  });
  return all;
}

StateDict Module::state_dict() const {
  StateDict all;
  state_->visit(
      "", [&](const std::string& name, const State::Entry& entry) { all.emplace_back(name, entry.tensor.detach()); });
  return all;
}

LoadReport Module::load_state_dict(const StateDict& state, bool strict) const {
  std::map<std::string, Tensor> given(state.begin(), state.end());
  LoadReport report;
  std::vector<std::pair<Tensor, Tensor>> copies;
  state_->visit("", [&](const std::string& name, const State::Entry& entry) {
    const auto found = given.extract(name);
    if (found.empty()) {
      report.missing.push_back(name);
      return;
    }
    const Tensor& source = found.mapped();
    if (source.shape() != entry.tensor.shape()) {
      fail<ShapeError>("load_state_dict: {} has shape {}, but the model's has {} (valid: the same)", name,
                       source.shape(), entry.tensor.shape());
    }
    copies.emplace_back(entry.tensor, source);
  });
  for (const auto& [name, tensor] : given) report.unexpected.push_back(name);
  if (strict && !(report.missing.empty() && report.unexpected.empty())) {
    fail<ValueError>(
        "load_state_dict: missing entries: {}; unexpected entries: {} (valid: exactly the names of the model)",
        report.missing.empty() ? "none" : fmt::format("{}", fmt::join(report.missing, ", ")),
        report.unexpected.empty() ? "none" : fmt::format("{}", fmt::join(report.unexpected, ", ")));
  }
  NoGrad no_grad;
  for (const auto& [target, source] : copies) target.copy_(source);
  return report;
}

void Module::train(bool training) const {
  const auto set = [training](const auto& self, State& state) -> void {
    state.training = training;
    for (const auto& [name, child] : state.children) self(self, *child);
  };
  set(set, *state_);
}

bool Module::is_training() const { return state_->training; }

void Module::zero_grad() const {
  for (const Tensor& parameter : parameters()) parameter.set_grad({});
}

Tensor Module::register_parameter(const std::string& name, const Tensor& value) const {
  state_->check_name(name);
  const Tensor parameter = value.detach();
  parameter.set_requires_grad();
  state_->tensors.push_back({name, parameter, true});
  return parameter;
}

Tensor Module::register_buffer(const std::string& name, const Tensor& value) const {
  state_->check_name(name);
  state_->tensors.push_back({name, value, false});
  return value;
}

void Module::add_child(const std::string& name, const Module& module) const {
  state_->check_name(name);
  state_->children.emplace_back(name, module.state_);
}

}  // namespace perdita::nn
