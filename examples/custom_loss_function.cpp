// A custom loss as a function: plain tensor operators, differentiated and fused for you.
#include <fmt/format.h>

#include <perdita/perdita.hpp>

using namespace perdita;

Tensor custom(const Tensor& outputs, const Tensor& labels) { return sum(square(outputs - labels)); }

int main() {
  const Tensor outputs = Tensor::from({1.0, 2.0, 4.0}).set_requires_grad();
  const Tensor labels = Tensor::from({1.0, 1.0, 1.0});
  const Tensor loss = custom(outputs, labels);
  loss.backward();
  fmt::print("loss {}, gradient {}\n", loss.item(), fmt::join(outputs.grad().to_vector<double>(), ", "));
  return loss.item() == 10 && outputs.grad().to_vector<double>() == std::vector<double>{0, 2, 6} ? 0 : 1;
}
