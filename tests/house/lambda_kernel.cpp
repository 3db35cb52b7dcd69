// A user's lambda in a loop of its own, as isa_check.py examines it: if kernels were not `flatten`, the lambda would be
// a call in here.
#include "perdita/math/dual.hpp"
#include "perdita/math/isa.hpp"

namespace {

struct GradientLoop {
  template <class Target, class Formula>
  void operator()(Target, Formula formula, const float* y, float* gradient, std::size_t size) const {
    using Pack = typename Target::template pack<float>;
    for (std::size_t i = 0; i + Pack::lanes <= size; i += Pack::lanes) {
      const auto loss = formula(perdita::Dual<Pack>{Pack::load(y + i), Pack(1.0)});
      loss.d.store(gradient + i);
    }
  }
};

}  // namespace

void lambda_gradient(const float* y, float* gradient, std::size_t size, double delta) {
  auto formula = [=](auto r) {
    auto q = min(abs(r), delta);
    return softplus(q * (abs(r) - 0.5 * q)) + log1p(r * r);
  };
  perdita::run(GradientLoop{}, formula, y, gradient, size);
}
