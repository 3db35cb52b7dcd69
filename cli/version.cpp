// perdita version
#include "perdita/core/version.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/parallel.hpp"
#include "perdita/math/isa.hpp"

namespace perdita::cli {

int version(const std::vector<std::string>& arguments) {
  CLI::App app("Prints the version, the instruction set in use and the number of threads.", "perdita version");
  if (!parse(app, arguments)) return 0;
  say("perdita {}\ninstructions: {} (set PERDITA_ISA to use others)\nthreads: {}\n", perdita::version(),
      name_of(active_isa()), num_threads());
  return 0;
}

}  // namespace perdita::cli
