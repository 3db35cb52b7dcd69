// Focal loss written by the user from tensor operators, beside the built-in one: the same numbers.
#include <fmt/core.h>

#include <cmath>
#include <perdita/perdita.hpp>

using namespace perdita;
namespace F = perdita::functional;

Tensor focal(const Tensor& logits, const Tensor& labels, double alpha, double gamma) {
  const Tensor b = F::binary_cross_entropy_with_logits(logits, labels, {.reduction = Reduction::none});
  const Tensor pt = exp(-b);
  return mean(alpha * pow(1.0 - pt, gamma) * b);
}

int main() {
  const Tensor logits = Tensor::randn({1000}, 1).set_requires_grad();
  const Tensor labels = (Tensor::rand({1000}, 2) < 0.2).to(DType::float32);
  const Tensor own = focal(logits, labels, 0.25, 2),
               built_in = F::binary_focal_loss(logits, labels, {.alpha = 0.25, .gamma = 2, .alpha_by_class = false});
  const Tensor own_gradient = grad(own, logits), built_in_gradient = grad(built_in, logits);
  const double difference = max(abs(own_gradient - built_in_gradient)).item() * 1000;
  fmt::print("own {:.7f}, built-in {:.7f}; largest difference of a gradient {:.1e}\n", own.item(), built_in.item(),
             difference);
  return std::abs(own.item() - built_in.item()) < 1e-7 && difference < 1e-6 ? 0 : 1;
}
