// perdita: train with a loss, evaluate predictions, look at losses.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>

#include "cli/commands.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/core/version.hpp"

namespace {

using perdita::cli::UsageError;

struct Command {
  std::string_view name, summary;
  int (*run)(const std::vector<std::string>&);
};
constexpr std::array commands{
    Command{"train", "train a network with a loss, test it, write a report", perdita::cli::train},
    Command{"compare", "train with several losses and tell which is best", perdita::cli::compare},
    Command{"evaluate", "tell what predictions in files are worth", perdita::cli::evaluate},
    Command{"weights", "weights for classes that differ in size", perdita::cli::weights},
    Command{"losses", "list the losses", perdita::cli::losses},
    Command{"explain", "tell what a loss is: formula, options, when to use it", perdita::cli::explain},
    Command{"check", "tell what a formula of your own is worth as a loss", perdita::cli::check},
    Command{"version", "tell the version, and what it runs on", perdita::cli::version},
};

void print_help() {
  fmt::print("Loss functions: define, compute, differentiate, train, look.\n\nusage: perdita COMMAND [OPTIONS]\n\n");
  for (const Command& command : commands) fmt::print("  {:<9} {}\n", command.name, command.summary);
  fmt::print("\nperdita COMMAND --help tells more. For a start:\n\n  perdita train --data synthetic:moons\n");
}

int run(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_help();
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    fmt::print("perdita {}\n", perdita::version());
    return 0;
  }
  std::vector<std::string_view> names;
  for (const Command& command : commands) {
    if (command.name == words[0]) return command.run({words.begin() + 1, words.end()});
    names.push_back(command.name);
  }
  throw UsageError(fmt::format("there is no command '{}' (valid: {}){}", words[0], fmt::join(names, ", "),
                               perdita::suggestion(words[0], names)));
}

/// "perdita train", or "perdita" where there is no such command.
std::string program_name(const std::vector<std::string>& words) {
  for (const Command& command : commands) {
    if (!words.empty() && command.name == words[0]) return fmt::format("perdita {}", command.name);
  }
  return "perdita";
}

int fail_to_write(const std::string& name) {
  fmt::print(stderr, "{}: error: cannot write to standard output: {}\n", name, std::strerror(errno));
  return 1;
}

/// A thread that waits for the others spins; g++'s OpenMP does so for milliseconds, and where other programs want the
/// processors too, a training step then takes twenty times as long. It reads how long to spin when it is loaded, so we
/// tell it and begin anew. On an idle machine the shorter time costs nothing that could be measured.
void shorten_waiting(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "5000", 0);
  ::execv("/proc/self/exe", argv);  // comes back only if it fails: then all is as it was
}

}  // namespace

int main(int argc, char** argv) {
  shorten_waiting(argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string name = program_name(words);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that must not grow is an error to report and not a death
  int status = 1;
  try {
    status = run(words);
  } catch (const UsageError& error) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: error: {}\n{} --help tells more.\n", name, error.what(), name);
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "{}: error: there is not enough memory\n", name);
    return 1;
  } catch (const std::exception& error) {
    if (std::ferror(stdout) != 0) return fail_to_write(name);
    std::fflush(stdout);
    fmt::print(stderr, "{}: error: {}\n", name, error.what());
    return 1;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail_to_write(name);
  return status;
}
