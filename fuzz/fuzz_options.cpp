#include <string>
#include <vector>

#include "cli/run_options.hpp"
#include "fuzz.hpp"
#include "perdita/train/candidate.hpp"

namespace {

using namespace perdita;

/// The words of `perdita train` or `perdita compare`, a line each.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void parse(const std::vector<std::string>& words) {
  CLI::App app("", "perdita compare");
  std::string losses;
  cli::Given given;
  app.set_help_flag();
  app.add_option("--losses", losses);
  cli::add_run_options(app, given);
  if (!cli::parse(app, words)) return;
  cli::keep_given(app, given);
  train::Config config;
  cli::apply(given, config);
  const std::string written = train::to_json(config);
  require(train::to_json(train::config_from_json(written, "written")) == written);
  train::command_line(train::complete(config, {.training_samples = 100, .default_loss = parse_loss("mse")}));
  cli::check_storable("--losses", losses);
  if (!losses.empty()) train::parse_candidates(losses, config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    parse(words_of({reinterpret_cast<const char*>(data), size}));
  } catch (const Error&) {
  } catch (const cli::UsageError&) {
  }
  return 0;
}
