// must fail: does not depend on its first argument
#include "perdita/losses/span.hpp"

double loss(std::span<const float> y, std::span<const float> t, std::span<float> gradient) {
  return perdita::value_and_gradient([](auto, auto target) { return target * target; }, y, t, gradient);
}
