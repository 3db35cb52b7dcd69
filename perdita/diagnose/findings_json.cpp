#include "perdita/diagnose/findings_json.hpp"

#include <cmath>

#include "perdita/core/error.hpp"
#include "perdita/data/json.hpp"

namespace perdita::diagnose {

using Json = nlohmann::ordered_json;

Json to_json(const Finding& finding) {
  Json evidence = Json::object();
  for (const auto& [name, value] : finding.evidence) evidence[name] = value;
  return {{"issue", name_of(finding.issue)},
          {"severity", name_of(severity_of(finding.issue))},
          {"text", finding.text},
          {"advice", finding.advice},
          {"evidence", evidence},
          {"link", link_of(finding.issue)}};
}

std::string diagnosis_json(const std::vector<Finding>& findings, std::int64_t epochs) {
  Json object{{"epochs", epochs}, {"findings", Json::array()}};
  for (const Finding& finding : findings) object["findings"].push_back(to_json(finding));
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::optional<std::vector<Finding>> read_diagnosis(std::string_view text, std::string_view name, std::int64_t epochs) {
  const Json object = data::parse_json<Json>(text, name);
  std::vector<Finding> findings;
  try {
    if (object.at("epochs").get<std::int64_t>() != epochs) return std::nullopt;
    for (const Json& entry : object.at("findings")) {
      Finding finding{.issue = parse_issue(entry.at("issue").get<std::string>()),
                      .text = entry.at("text").get<std::string>(),
                      .advice = entry.at("advice").get<std::string>()};
      for (const auto& [key, value] : entry.at("evidence").items()) {
        finding.evidence.emplace_back(key, value.is_number() ? value.get<double>() : std::nan(""));
      }
      findings.push_back(std::move(finding));
    }
  } catch (const nlohmann::json::exception& error) {
    fail<DataError>("{}: {} (valid: a file that perdita wrote)", name, error.what());
  } catch (const ValueError& error) {
    fail<DataError>("{}: {} (valid: a file that this version of perdita wrote)", name, error.what());
  }
  return findings;
}

}  // namespace perdita::diagnose
