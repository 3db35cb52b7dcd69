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
#include "cli/terminal.hpp"
#include "perdita/core/suggest.hpp"
#include "perdita/core/version.hpp"

namespace {

using perdita::cli::complain;
using perdita::cli::say;
using perdita::cli::say_to;
using perdita::cli::UsageError;

struct Command {
  std::string_view name, summary;
  int (*run)(const std::vector<std::string>&);
};
constexpr std::array commands{
    Command{"train", "train a network with a loss, evaluate it and write a report", perdita::cli::train},
    Command{"predict", "predict with a trained model", perdita::cli::predict},
    Command{"compare", "train with several losses and compare the results", perdita::cli::compare},
    Command{"evaluate", "evaluate predictions stored in files", perdita::cli::evaluate},
    Command{"audit", "find labels that are probably wrong", perdita::cli::audit},
    Command{"diagnose", "find issues of training runs in their logs", perdita::cli::diagnose},
    Command{"weights", "compute class weights from labels", perdita::cli::weights},
    Command{"losses", "list the losses", perdita::cli::losses},
    Command{"explain", "describe a loss: formula, options, when to use it", perdita::cli::explain},
    Command{"check", "check the formula of a custom loss before training with it", perdita::cli::check},
    Command{"stabilize", "rewrite a formula such that value and derivative are exact", perdita::cli::stabilize},
    Command{"version", "print the version, instruction set and number of threads", perdita::cli::version},
};

void print_help() {
  say("Perdita: define, compute, differentiate and compare loss functions, and train with them.\n\n"
      "usage: perdita COMMAND [OPTIONS]\n\n");
  for (const Command& command : commands) say("  {:<9} {}\n", command.name, command.summary);
  say("\nRun 'perdita COMMAND --help' for the options of a command. To get started:\n\n"
      "  perdita train --data synthetic:moons\n");
}

bool asks_for_help(std::string_view word) { return word == "--help" || word == "-h" || word == "help"; }

int run(const std::vector<std::string>& words) {
  if (words.size() > 1 && asks_for_help(words[0])) return run({words[1], "--help"});
  if (words.empty() || asks_for_help(words[0])) {
    print_help();
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    say("perdita {}\n", perdita::version());
    return 0;
  }
  std::vector<std::string_view> names;
  for (const Command& command : commands) {
    if (command.name == words[0]) return command.run({words.begin() + 1, words.end()});
    names.push_back(command.name);
  }
  throw UsageError(fmt::format("unknown command '{}' (valid: {}){}", words[0], fmt::join(names, ", "),
                               perdita::suggestion(words[0], names)));
}

/// "perdita train", or "perdita" where there is no such command.
std::string program_name(const std::vector<std::string>& words) {
  for (const Command& command : commands) {
    if (!words.empty() && command.name == words[0]) return fmt::format("perdita {}", command.name);
  }
  return "perdita";
}

/// Threads of g++'s OpenMP that wait for others spin for milliseconds. If other programs need the processors, this
/// makes a training step up to twenty times slower. OpenMP reads the spin count only when it is loaded, so the program
/// sets the environment variable and restarts itself. On an idle machine a lower count has no measurable cost.
void shorten_waiting(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "5000", 0);
  ::execv("/proc/self/exe", argv);  // returns only on failure; the program then continues with the default
}

}  // namespace

int main(int argc, char** argv) {
  perdita::cli::reserve_standard_streams();
  shorten_waiting(argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string name = program_name(words);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that must not grow is an error to report and not a death
  int status = 1;
  try {
    status = run(words);
  } catch (const UsageError& error) {
    std::fflush(stdout);
    complain(name, error.what());
    say_to(stderr, "Run '{} --help' for usage.\n", name);
    return 2;
  } catch (const std::bad_alloc&) {
    complain(name, "there is not enough memory");
    return 1;
  } catch (const std::exception& error) {
    std::fflush(stdout);
    complain(name, error.what());
    return 1;
  }
  if (const int error = perdita::cli::output_error(); error != 0) {
    complain(name, fmt::format("cannot write to standard output: {}", std::strerror(error)));
    return 1;
  }
  return status;
}
