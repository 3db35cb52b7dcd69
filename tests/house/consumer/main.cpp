// The slope of huber at 3, by running its formula on duals in a kernel: what a user's first program might do.
#include <perdita/math/dual.hpp>
#include <perdita/math/isa.hpp>

int main() {
  auto huber = [](auto r) { return select(abs(r) < 1.0, 0.5 * r * r, abs(r) - 0.5); };
  auto slope_at = [=](auto target, float x) {
    using Pack = typename decltype(target)::template pack<float>;
    return huber(perdita::Dual<Pack>{Pack(x), Pack(1.0)}).d[0];
  };
  return perdita::run(slope_at, 3.0f) == 1.0f && perdita::run(slope_at, -0.25f) == -0.25f ? 0 : 1;
}
