// perdita losses
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"
#include "perdita/losses/any.hpp"

namespace perdita::cli {

namespace {

void print_table() {
  std::size_t name_width = 0;
  for_each_loss([&](const auto& loss) { name_width = std::max(name_width, loss.info.name.size()); });
  constexpr std::pair<Family, std::string_view> subjects[] = {
      {Family::regression, "regression"},
      {Family::binary, "binary and multi-label classification"},
      {Family::softmax, "multi-class classification"},
      {Family::margin, "margins between scores (C++ and Python only, not in perdita train)"},
      {Family::distance, "distances between vectors (C++ and Python only, not in perdita train)"},
      {Family::overlap, "overlap of masks (segmentation; in perdita train: rows of targets 0 and 1)"},
      {Family::sequence, "unaligned sequences (C++ and Python only, not in perdita train)"},
      {Family::survival, "times until an event, some of them censored (C++ and Python only, not in perdita train)"},
      {Family::ranking, "rankings of the documents of a query (C++ and Python only, not in perdita train)"},
      {Family::contrastive, "pairs of embeddings in a batch (C++ and Python only, not in perdita train)"}};
  for (const auto& [family, subject] : subjects) {
    say("{}\n", subject);
    for_each_loss([&, family = family]<class Loss>(const Loss& loss) {
      if (loss.info.family != family) return;
      say("  {:<{}}  {}\n", loss.info.name, name_width, loss.info.summary);
      const auto parameters = parameters_of<Loss>();
      std::vector<std::string> options;
      options.reserve(parameters.size());
      for (const auto& parameter : parameters) {
        options.push_back(fmt::format("{}={}", parameter.name, text_of(parameter, Loss{})));
      }
      if (!options.empty()) say("  {:<{}}  options: {}\n", "", name_width, fmt::join(options, ", "));
    });
    say("\n");
  }
  say("Run 'perdita explain NAME' for details about a loss.\n");
}

void print_json() {
  auto list = nlohmann::ordered_json::array();
  for_each_loss([&]<class Loss>(const Loss& loss) {
    auto options = nlohmann::ordered_json::object();
    for (const auto& parameter : parameters_of<Loss>()) {
      if (parameter.is_bool)
        options[std::string(parameter.name)] = parameter.get(Loss{}) != 0;
      else if (!parameter.choices.empty())
        options[std::string(parameter.name)] = text_of(parameter, Loss{});
      else
        options[std::string(parameter.name)] = parameter.get(Loss{});
    }
    auto operands = nlohmann::ordered_json::array();
    for (const LossOperand& operand : loss.info.operands) {
      operands.push_back({{"name", operand.name},
                          {"role", name_of(operand.role)},
                          {"meaning", name_of(operand.meaning)},
                          {"shape", operand.shape},
                          {"optional", operand.is_optional}});
    }
    list.push_back({{"name", loss.info.name},
                    {"torch_name", loss.info.torch_name},
                    {"family", name_of(loss.info.family)},
                    {"summary", loss.info.summary},
                    {"unit", name_of(loss.info.unit)},
                    {"operands", operands},
                    {"options", options}});
  });
  say("{}\n", list.dump(2));
}

}  // namespace

int losses(const std::vector<std::string>& arguments) {
  CLI::App app("Lists the losses.", "perdita losses");
  bool json = false;
  app.add_flag("--json", json, "print a JSON array");
  if (!parse(app, arguments)) return 0;
  json ? print_json() : print_table();
  return 0;
}

}  // namespace perdita::cli
