#include "perdita/nn/module.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "perdita/nn/layers.hpp"
#include "perdita/nn/model_file.hpp"

namespace perdita::nn {
namespace {

struct Pair : Module {
  Tensor scale = register_parameter("scale", Tensor::from({2.0f}));
  Tensor seen = register_buffer("seen", Tensor::zeros({1}, DType::int64));
  Linear inner = register_module("inner", Linear(3, 2));
};

std::vector<std::string> names(const StateDict& state) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : state) all.push_back(name);
  return all;
}

TEST(Module, NamesTensorsByPath) {
  const Pair pair;
  EXPECT_EQ(names(pair.named_parameters()), (std::vector<std::string>{"scale", "inner.weight", "inner.bias"}));
  EXPECT_EQ(names(pair.state_dict()), (std::vector<std::string>{"scale", "seen", "inner.weight", "inner.bias"}));
  for (const Tensor& parameter : pair.parameters()) EXPECT_TRUE(parameter.requires_grad());
  EXPECT_FALSE(pair.seen.requires_grad());
}

TEST(Module, CopiesShareParametersAndMode) {
  const Pair pair;
  const Pair copy = pair;
  copy.eval();
  EXPECT_FALSE(pair.is_training());
  EXPECT_FALSE(pair.inner.is_training());
  EXPECT_EQ(copy.parameters()[0].impl(), pair.parameters()[0].impl());
}

TEST(Module, StateIsCopiedIntoTheModule) {
  const Pair from, to;
  to.load_state_dict(from.state_dict());
  EXPECT_EQ(to.inner.weight.to_vector<float>(), from.inner.weight.to_vector<float>());
  EXPECT_NE(to.inner.weight.data<float>(), from.inner.weight.data<float>());
}

TEST(Module, StateThatDoesNotFitIsRefusedWhole) {
  const Pair pair;
  StateDict state = pair.state_dict();
  state.pop_back();
  state.emplace_back("other", Tensor::zeros({1}));
  try {
    pair.load_state_dict(state);
    FAIL() << "expected ValueError";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(),
                 "load_state_dict: missing entries: inner.bias; unexpected entries: other (valid: exactly the names of "
                 "the model)");
  }
  const LoadReport report = pair.load_state_dict(state, false);
  EXPECT_EQ(report.missing, std::vector<std::string>{"inner.bias"});
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"other"});
  const auto before = pair.scale.to_vector<float>();
  EXPECT_THROW(pair.load_state_dict({{"scale", Tensor::from({7.0f})}, {"inner.weight", Tensor::zeros({2, 2})}}, false),
               ShapeError);
  EXPECT_EQ(pair.scale.to_vector<float>(), before);
}

TEST(Module, NamesAreCheckedWhenRegistered) {
  struct Twice : Module {
    Twice() {
      register_parameter("a", Tensor::zeros({1}));
      register_buffer("a", Tensor::zeros({1}));
    }
  };
  struct Dotted : Module {
    Dotted() { register_parameter("a.b", Tensor::zeros({1})); }
  };
  EXPECT_THROW(Twice(), ValueError);
  EXPECT_THROW(Dotted(), ValueError);
}

TEST(ModelFile, ReadsBackWhatWasWritten) {
  const auto path = std::filesystem::temp_directory_path() / "perdita_model_test.safetensors";
  const Pair from, to;
  save_model(path, from);
  load_model(path, to);
  EXPECT_EQ(to.inner.bias.to_vector<float>(), from.inner.bias.to_vector<float>());
  std::filesystem::remove(path);
  EXPECT_THROW(load_model(path, to), FileError);
}

}  // namespace
}  // namespace perdita::nn
