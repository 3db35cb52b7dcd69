// The options of a training run on the command line, and stopping it from there.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "perdita/core/error.hpp"
#include "perdita/train/problem.hpp"

namespace perdita::cli {

/// What was given, by the option's name.
using Given = std::map<std::string_view, std::string>;

/// Adds every option of a run to `app`, but for those left out; each goes into `given`, which must stay where it is.
void add_run_options(CLI::App& app, Given& given, std::initializer_list<std::string_view> left_out = {});
/// After parsing: forgets what was not given.
void keep_given(const CLI::App& app, Given& given);
/// Throws UsageError for a text that config.json or comparison.json could not hold.
void check_storable(std::string_view option, std::string_view text);
/// Throws UsageError that names the option.
void apply(const Given& given, train::Config& config);

/// work(), where a ValueError is the user's: a UsageError.
template <class Work>
auto as_usage(const Work& work) {
  try {
    return work();
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
}

/// From now on the first Ctrl-C (or SIGTERM) is only noted, and the second ends the process.
void catch_signals();
/// Whether one was noted.
bool must_stop();
/// 128 and the number of the signal.
int interrupted_status();

}  // namespace perdita::cli
