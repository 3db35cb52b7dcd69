// The commands of `perdita`, a file each.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace perdita::cli {

/// The command line is wrong: exit status 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The words behind the command's name. Returns the exit status. Throws UsageError, or std::exception for a failure
/// (exit status 1).
int train(const std::vector<std::string>& arguments);
int evaluate(const std::vector<std::string>& arguments);
int compare(const std::vector<std::string>& arguments);
int weights(const std::vector<std::string>& arguments);
int losses(const std::vector<std::string>& arguments);
int check(const std::vector<std::string>& arguments);
int explain(const std::vector<std::string>& arguments);
int version(const std::vector<std::string>& arguments);

}  // namespace perdita::cli
