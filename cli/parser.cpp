#include "cli/parser.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "perdita/core/suggest.hpp"

namespace perdita::cli {

namespace {

std::string nearest_option(const CLI::App& app, std::string_view word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  return suggestion(word.substr(0, word.find('=')), known);
}

}  // namespace

bool parse(CLI::App& app, const std::vector<std::string>& arguments) {
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes words from the back
  } catch (const CLI::CallForHelp&) {
    say("{}", app.help());
    return false;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return true;
  const bool is_option = extras[0].starts_with('-') && extras[0].size() > 1;
  throw UsageError(fmt::format("{} '{}'{}", is_option ? "unknown option" : "unexpected argument", extras[0],
                               is_option ? nearest_option(app, extras[0]) : ""));
}

std::vector<std::string> with_signs(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (word.size() > 2 && word[0] == '-' && word[1] != '-') word.insert(0, " ");
  }
  return words;
}

}  // namespace perdita::cli
