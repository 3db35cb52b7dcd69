#include "bench/floors.hpp"

#include <algorithm>
#include <map>

#include "perdita/core/buffer.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/expr/order.hpp"
#include "perdita/kernels/stream.hpp"
#include "perdita/math/functions.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::bench {

namespace {

struct Triad {
  template <class Target>
  PERDITA_INLINE void operator()(Target, const float* y, const float* t, float* g, std::int64_t begin, std::int64_t end,
                                 bool streaming) const {
    using P = typename Target::template pack<float>;
    for (std::int64_t i = begin; i < end; i += P::lanes) {
      const P sum = P::load(y + i) + 0.5 * P::load(t + i);
      if (streaming)
        detail::stream_pack(g + i, sum);
      else
        sum.store(g + i);
    }
  }
};

void triad(bool streaming) {
  constexpr std::int64_t block = 16384;
  const Arrays& a = arrays();
  parallel_for(elements / block,
               [&](std::int64_t i) { run(Triad{}, a.y, a.t, a.g, i * block, (i + 1) * block, streaming); });
}

constexpr std::int64_t in_l1 = 2048;

template <class Function>
struct InL1 {
  template <class Target>
  PERDITA_INLINE void operator()(Target, Function function, const float* x, float* out) const {
    using P = typename Target::template pack<float>;
    for (std::int64_t i = 0; i < in_l1; i += P::lanes) function(P::load(x + i)).store(out + i);
  }
};

template <class Function>
void add_function(const std::string& name, Function function) {
  static float out[in_l1];
  add_timing("floor/" + name, [function] {
    run(InL1<Function>{}, function, arrays().y, out);
    benchmark::ClobberMemory();
  });
}

// The operations of formulas that are transcendental functions; everything else is taken to be free.
#define PERDITA_TRANSCENDENTALS(X) X(exp) X(expm1) X(log) X(log1p) X(tanh) X(log_cosh) X(erf) X(lgamma)

double seconds_each(const Times& times, const std::string& name) {
  return times.at("floor/" + name) / static_cast<double>(in_l1);
}

}  // namespace

const Arrays& arrays() {
  static const Arrays all = [] {
    static const Buffer y = Buffer::allocate(elements * 4), t = Buffer::allocate(elements * 4),
                        g = Buffer::allocate(elements * 4);
    auto *inputs = static_cast<float*>(y.data()), *targets = static_cast<float*>(t.data()),
         *results = static_cast<float*>(g.data());
    for (std::int64_t i = 0; i < elements; ++i) {
      inputs[i] = static_cast<float>(i * 7919 % 2003) * 0.004f - 4.0f;
      targets[i] = static_cast<float>(i * 31 % 7 < 3);
      results[i] = 0;
    }
    return Arrays{inputs, targets, results};
  }();
  return all;
}

void add_floors() {
  arrays();  // made now, or they count as time of the first benchmark, which then runs once and cold
  add_timing("floor/bandwidth", [] { triad(false); });
  add_timing("floor/bandwidth streaming", [] { triad(true); });
#define PERDITA_ADD(name) add_function(#name, [](const auto& x) PERDITA_INLINE_LAMBDA { return name(x); });
  PERDITA_TRANSCENDENTALS(PERDITA_ADD)
#undef PERDITA_ADD
  add_function("sigmoid", [](const auto& x) PERDITA_INLINE_LAMBDA { return sigmoid(x); });
  add_function("softplus", [](const auto& x) PERDITA_INLINE_LAMBDA { return softplus(x); });
  add_function("pow", [](const auto& x) PERDITA_INLINE_LAMBDA { return pow(abs(x), 1.7); });
}

double seconds_to_move(const Times& times, double bytes) {
  const double best = std::min(times.at("floor/bandwidth"), times.at("floor/bandwidth streaming"));
  return best * bytes / (12.0 * static_cast<double>(elements));
}

double seconds_of_exp(const Times& times) { return seconds_each(times, "exp"); }

namespace {

/// The argument without its sign: sigmoid and softplus of x and of -x are one exponential and one logarithm.
const Expr& magnitude(const Expr& argument) { return argument.op() == Op::negate ? argument.operand(0) : argument; }

/// Calls visit(name) for every transcendental call that a formula cannot do without.
template <class Visit>
void for_each_call(const Expr& formula, const Visit& visit) {
  const ExprOrder order(std::span(&formula, 1));
  std::map<const void*, bool> logistic;  // arguments of sigmoid and softplus; whether the latter is among them
  for (int i = 0; i < order.size(); ++i) {
    const Expr& node = order[i];
    switch (node.op()) {
      case Op::sigmoid:
        logistic[magnitude(node.operand(0)).id()] |= false;
        break;
      case Op::softplus:
      case Op::log_sigmoid:
        logistic[magnitude(node.operand(0)).id()] = true;
        break;
#define PERDITA_VISIT(name) \
  case Op::name:            \
    visit(#name);           \
    break;
        PERDITA_TRANSCENDENTALS(PERDITA_VISIT)
#undef PERDITA_VISIT
      case Op::pow:
        if (!node.operand(1).is_constant(2)) visit("pow");
        break;
      default:
        break;
    }
  }
  for (const auto& [argument, has_logarithm] : logistic) visit(has_logarithm ? "softplus" : "sigmoid");
}

}  // namespace

double seconds_of_calls(const Times& times, const Expr& formula) {
  double seconds = 0;
  for_each_call(formula, [&](const char* name) { seconds += seconds_each(times, name); });
  return seconds;
}

bool makes_calls(const Expr& formula) {
  bool any = false;
  for_each_call(formula, [&](const char*) { any = true; });
  return any;
}

}  // namespace perdita::bench
