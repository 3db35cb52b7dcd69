// Values and gradients of losses that torch lacks, as other packages computed them: see tests/data/loss_vectors.json.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "perdita/core/file.hpp"
#include "perdita/data/json.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita {
namespace {

using Json = nlohmann::ordered_json;

void flatten(const Json& numbers, std::vector<double>& all, Shape& shape, int depth = 0) {
  if (!numbers.is_array()) {
    all.push_back(numbers.is_string() ? std::numeric_limits<double>::infinity() : numbers.get<double>());
    return;
  }
  if (shape.rank() == depth) shape.push_back(static_cast<std::int64_t>(numbers.size()));
  for (const Json& part : numbers) flatten(part, all, shape, depth + 1);
}

bool is_integer(const Json& numbers) {
  if (!numbers.is_array()) return numbers.is_number_integer();
  return std::all_of(numbers.begin(), numbers.end(), is_integer);
}

/// Numbers of any rank; infinity is a text in the file.
Tensor tensor_of(const Json& numbers) {
  std::vector<double> all;
  Shape shape;
  flatten(numbers, all, shape);
  const Tensor tensor = Tensor::from(all).reshape(shape);
  return is_integer(numbers) ? tensor.to(DType::int64) : tensor;
}

void expect_near(const Tensor& found, const Json& expected, const std::string& what) {
  std::vector<double> right;
  Shape shape;
  flatten(expected, right, shape);
  ASSERT_EQ(found.shape(), shape) << what;
  const std::vector<double> values = found.to_vector<double>();
  double largest = 0;
  for (const double x : right) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < right.size(); ++i)
    EXPECT_NEAR(values[i], right[i], 2e-12 * std::abs(right[i]) + 1e-14 * largest) << what << "[" << i << "]";
}

Reduction reduction_of(const Json& vector) {
  const auto name = vector["reduction"].get<std::string>();
  return name == "none" ? Reduction::none : name == "sum" ? Reduction::sum : Reduction::mean;
}

LossOptions options_of(const Json& vector) {
  LossOptions options{.reduction = reduction_of(vector)};
  if (vector.contains("normalize_by")) options.normalize_by = Normalize::batch;
  return options;
}

TEST(LossVectors, AreThoseOfOtherPackages) {
  const std::string path = PERDITA_TESTS_DIR "/data/loss_vectors.json";
  const Json vectors = data::parse_json<Json>(read_file(path), path);
  ASSERT_GT(vectors.size(), 10U);
  for (const Json& vector : vectors) {
    const auto id = vector["id"].get<std::string>();
    SCOPED_TRACE(id);
    const AnyLoss loss = parse_loss(vector["loss"].get<std::string>());
    const Json expected = vector.value("gradient", Json::object());
    std::vector<Tensor> operands;
    for (const LossOperand& operand : info_of(loss).operands) {
      const std::string name(operand.name);
      if (!vector["operands"].contains(name)) {
        operands.emplace_back();
        continue;
      }
      operands.push_back(tensor_of(vector["operands"][name]));
      if (expected.contains(name)) operands.back().set_requires_grad();
    }
    const Tensor value = functional::call(loss, operands, options_of(vector));
    expect_near(value.detach(), vector["value"], id);
    if (expected.empty()) continue;
    sum(value).backward();
    std::size_t k = 0;
    for (const LossOperand& operand : info_of(loss).operands) {
      const std::string name(operand.name);
      if (expected.contains(name)) expect_near(operands[k].grad(), expected[name], id + ": gradient of " + name);
      ++k;
    }
  }
}

}  // namespace
}  // namespace perdita
