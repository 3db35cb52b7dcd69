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
  for (const std::string_view name : loss_names()) name_width = std::max(name_width, name.size());
  constexpr std::pair<Family, std::string_view> subjects[] = {
      {Family::regression, "regression"},
      {Family::likelihood, "distributions of numbers (gaussian_nll is that of perdita train)"},
      {Family::binary, "binary and multi-label classification"},
      {Family::softmax, "multi-class classification"},
      {Family::margin, "margins between scores (C++ and Python only, not in perdita train)"},
      {Family::distance, "distances between vectors (C++ and Python only, not in perdita train)"},
      {Family::overlap, "overlap of masks (segmentation; in perdita train: rows of targets 0 and 1)"},
      {Family::sequence, "unaligned sequences (C++ and Python only, not in perdita train)"},
      {Family::survival, "times until an event, some of them censored (C++ and Python only, not in perdita train)"},
      {Family::ranking, "rankings of the documents of a query (C++ and Python only, not in perdita train)"},
      {Family::contrastive, "pairs of embeddings in a batch (C++ and Python only, not in perdita train)"},
      {Family::box, "boxes of detectors (C++ and Python only, not in perdita train)"},
      {Family::image, "images (C++ and Python only, not in perdita train)"},
      {Family::ordinal, "ordered classes (C++ and Python only, not in perdita train)"},
      {Family::preference, "log-probabilities of language models (C++ and Python only, not in perdita train)"}};
  for (const auto& [family, subject] : subjects) {
    say("{}\n", subject);
    for (const std::string_view name : loss_names()) {
      const AnyLoss loss = parse_loss(name);
      const LossInfo& info = info_of(loss);
      if (info.family != family) continue;
      say("  {:<{}}  {}\n", name, name_width, info.summary);
      std::vector<std::string> options;
      for (const ParameterValue& parameter : parameters_of(loss))
        options.push_back(fmt::format("{}={}", parameter.name, text_of(parameter, parameter.usual)));
      if (!options.empty()) say("  {:<{}}  options: {}\n", "", name_width, fmt::join(options, ", "));
    }
    say("\n");
  }
  say("Run 'perdita explain NAME' for details about a loss.\n");
}

nlohmann::ordered_json described(const AnyLoss& loss) {
  auto options = nlohmann::ordered_json::object();
  for (const ParameterValue& parameter : parameters_of(loss)) {
    auto& option = options[std::string(parameter.name)];
    if (parameter.is_bool)
      option = parameter.usual != 0;
    else if (!parameter.choices.empty())
      option = text_of(parameter, parameter.usual);
    else
      option = parameter.usual;
  }
  auto operands = nlohmann::ordered_json::array();
  const LossInfo& info = info_of(loss);
  for (const LossOperand& operand : info.operands) {
    operands.push_back({{"name", operand.name},
                        {"role", name_of(operand.role)},
                        {"meaning", name_of(operand.meaning)},
                        {"shape", operand.shape},
                        {"optional", operand.is_optional}});
  }
  return {{"name", info.name},       {"torch_name", info.torch_name}, {"family", name_of(info.family)},
          {"summary", info.summary}, {"unit", name_of(info.unit)},    {"operands", operands},
          {"options", options}};
}

void print_json() {
  auto list = nlohmann::ordered_json::array();
  for (const std::string_view name : loss_names()) list.push_back(described(parse_loss(name)));
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
