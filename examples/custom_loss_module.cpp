// A custom loss as a module, with parameters of its own that are trained, saved and loaded with it.
#include <fmt/format.h>

#include <perdita/perdita.hpp>

using namespace perdita;

struct CustomLoss : nn::Module {
  Tensor p1 = register_parameter("p1", Tensor::full({}, 0.5));
  Tensor p2 = register_parameter("p2", Tensor::full({}, -0.25));

  Tensor operator()(const Tensor& outputs, const Tensor& labels) const {
    return sum(square(outputs - labels) + p1 * outputs + p2 * labels);
  }
};

int main() {
  const CustomLoss criterion;
  const Tensor outputs = Tensor::from({1.0f, 2.0f, 4.0f}).set_requires_grad();
  const Tensor labels = Tensor::from({1.0f, 1.0f, 1.0f});
  const Tensor loss = criterion(outputs, labels);
  loss.backward();
  fmt::print("loss {}, by outputs {}, by p1 {}, by p2 {}\n", loss.item(),
             fmt::join(outputs.grad().to_vector<float>(), ", "), criterion.p1.grad().item(),
             criterion.p2.grad().item());
  const bool right = loss.item() == 10 + 0.5 * 7 - 0.25 * 3 && criterion.p1.grad().item() == 7 &&
                     criterion.p2.grad().item() == 3 &&
                     outputs.grad().to_vector<float>() == std::vector<float>{0.5f, 2.5f, 6.5f};
  return right ? 0 : 1;
}
