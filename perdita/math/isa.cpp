#include "perdita/math/isa.hpp"

#include <cstdlib>

#include "perdita/core/error.hpp"

namespace perdita {

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

namespace {

bool has(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::baseline:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return has(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
#endif
  return isa == Isa::baseline;
}

Isa choose() {
  const Isa known[] = {Isa::avx512, Isa::avx2, Isa::baseline};
  const char* wanted = std::getenv("PERDITA_ISA");
  if (wanted == nullptr || *wanted == '\0') {
    for (Isa isa : known) {
      if (has(isa)) return isa;
    }
  } else {
    for (Isa isa : known) {
      if (name_of(isa) != wanted) continue;
      if (!has(isa)) fail<ValueError>("PERDITA_ISA is {}, which this processor lacks", wanted);
      return isa;
    }
    fail<ValueError>("PERDITA_ISA is '{}' (valid: baseline, avx2, avx512)", wanted);
  }
  return Isa::baseline;
}

}  // namespace

Isa active_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace perdita
