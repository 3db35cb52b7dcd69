# Warnings for our own code only: an interface target that is never installed.
add_library(perdita_warnings INTERFACE)
# -Wno-psabi: packs wider than the baseline never cross a call as vectors (see math/pack.hpp),
# so the note about their changed ABI does not apply. clang reports as shadowing what g++ does not: parameters of local
# lambdas.
target_compile_options(perdita_warnings INTERFACE
  -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wshadow> -Wnon-virtual-dtor -Wunused -Wno-psabi
  $<$<BOOL:${PERDITA_WERROR}>:-Werror>)
