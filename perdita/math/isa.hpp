// Instruction sets, and the only door through which code for a richer one is reached.
//
// The library and its users are compiled with baseline flags. A kernel is a callable whose first argument is a
// Target<isa>; run() picks the richest instruction set at run time and calls the kernel inside a function marked with
// that target, into which everything it calls is inlined (`flatten`). No other function contains richer instructions,
// so no inline function emitted by several translation units can smuggle them onto an older processor.
#pragma once

#include <cstddef>
#include <string_view>

#include "perdita/math/pack.hpp"

namespace perdita {

enum class Isa { baseline, avx2, avx512 };

/// The instruction set in force: the richest the processor has, or what PERDITA_ISA names (baseline, avx2, avx512).
/// Throws ValueError when PERDITA_ISA is unknown or names what this processor lacks.
Isa active_isa();

std::string_view name_of(Isa isa);

/// What a kernel knows of its instruction set: the packs that fill one register.
template <Isa isa_>
struct Target {
  static constexpr Isa isa = isa_;
  static constexpr int register_bytes = isa == Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16;
  template <class T>
  using pack = Pack<T, register_bytes / static_cast<int>(sizeof(T))>;
};

// g++ drops `flatten` from the clones it makes of a function, hence noclone.
#if defined(__clang__)
#define PERDITA_KERNEL_ATTRIBUTES gnu::flatten, gnu::noinline
#else
#define PERDITA_KERNEL_ATTRIBUTES gnu::flatten, gnu::noinline, gnu::noclone
#endif

// Arguments travel by value: a formula reached through a reference would have its captures reloaded at every step,
// since stores to the gradient may alias them.
template <class Kernel, class... Args>
[[PERDITA_KERNEL_ATTRIBUTES]] auto kernel_baseline(Kernel kernel, Args... args) {
  return kernel(Target<Isa::baseline>{}, args...);
}

#if defined(__x86_64__)
#if defined(__clang__)
#define PERDITA_TARGET_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#else
#define PERDITA_TARGET_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512"
#endif
template <class Kernel, class... Args>
[[gnu::target("avx2,fma"), PERDITA_KERNEL_ATTRIBUTES]] auto kernel_avx2(Kernel kernel, Args... args) {
  return kernel(Target<Isa::avx2>{}, args...);
}

template <class Kernel, class... Args>
[[gnu::target(PERDITA_TARGET_AVX512), PERDITA_KERNEL_ATTRIBUTES]] auto kernel_avx512(Kernel kernel, Args... args) {
  return kernel(Target<Isa::avx512>{}, args...);
}
#endif

/// Runs kernel(Target<...>{}, args...) with the instruction set in force.
template <class Kernel, class... Args>
auto run(Kernel kernel, Args... args) {
#if defined(__x86_64__)
  switch (active_isa()) {
    case Isa::avx512:
      return kernel_avx512(kernel, args...);
    case Isa::avx2:
      return kernel_avx2(kernel, args...);
    case Isa::baseline:
      break;
  }
#endif
  return kernel_baseline(kernel, args...);
}

}  // namespace perdita
