#include "cli/run_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "perdita/core/escape.hpp"

namespace perdita::cli {

namespace {

/// The signal that requested a stop, or 0.
volatile std::sig_atomic_t stop_signal = 0;

std::string flag_of(const train::Option& option) { return fmt::format("--{}", option.name); }

}  // namespace

void add_run_options(CLI::App& app, Given& given, std::initializer_list<std::string_view> left_out) {
  for (const train::Option& option : train::options()) {
    if (std::ranges::find(left_out, option.name) != left_out.end()) continue;
    std::string& text = given[option.name];
    CLI::Option* added = nullptr;
    const std::string help(option.help);
    if (option.value.empty()) {
      added = app.add_flag_callback(
          flag_of(option), [&text] { text = "yes"; }, help);
    } else {
      added = app.add_option(flag_of(option), text, help)->type_name(std::string(option.value));
    }
    added->group(std::string(option.section));
  }
}

void keep_given(const CLI::App& app, Given& given) {
  for (const train::Option& option : train::options()) {
    if (!given.contains(option.name)) continue;
    if (!option.value.empty() && app.count(flag_of(option)) == 0) given.erase(option.name);
    if (option.value.empty() && given[option.name].empty()) given.erase(option.name);
  }
}

void check_storable(std::string_view option, std::string_view text) {
  if (is_utf8(text)) return;
  throw UsageError(fmt::format("{}: got '{}' (valid: text in UTF-8)", option, text));
}

void apply(const Given& given, train::Config& config) {
  for (const train::Option& option : train::options()) {  // in this order: shorthands change what others set
    const auto found = given.find(option.name);
    if (found == given.end()) continue;
    check_storable(flag_of(option), found->second);
    try {
      option.set(config, found->second);
    } catch (const ValueError& error) {
      throw UsageError(fmt::format("--{}: {}", option.name, error.what()));
    }
  }
}

void catch_signals() {
  for (int number : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = [](int signal) { stop_signal = signal; };
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    ::sigaction(number, &action, nullptr);
  }
}
bool must_stop() { return stop_signal != 0; }
int interrupted_status() { return 128 + stop_signal; }

}  // namespace perdita::cli
