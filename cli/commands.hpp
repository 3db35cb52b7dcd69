// The commands of `perdita`, one file per command.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace perdita::cli {

/// The command line is wrong: exit status 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `arguments` are the words after the name of the command. Returns the exit status. Throws UsageError, or another
/// std::exception on failure (exit status 1).
int train(const std::vector<std::string>& arguments);
int evaluate(const std::vector<std::string>& arguments);
int predict(const std::vector<std::string>& arguments);
int audit(const std::vector<std::string>& arguments);
int compare(const std::vector<std::string>& arguments);
int diagnose(const std::vector<std::string>& arguments);
int weights(const std::vector<std::string>& arguments);
int losses(const std::vector<std::string>& arguments);
int check(const std::vector<std::string>& arguments);
int stabilize(const std::vector<std::string>& arguments);
int explain(const std::vector<std::string>& arguments);
int version(const std::vector<std::string>& arguments);

}  // namespace perdita::cli
