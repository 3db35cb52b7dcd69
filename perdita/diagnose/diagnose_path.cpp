#include "perdita/diagnose/diagnose_path.hpp"

#include "perdita/core/error.hpp"
#include "perdita/diagnose/baseline.hpp"
#include "perdita/diagnose/findings_json.hpp"

namespace perdita::diagnose {

std::vector<DiagnosedLog> diagnose_path(const std::filesystem::path& path, const std::filesystem::path& baseline,
                                        const ColumnChoices& choices) {
  std::optional<TrainingLog> good;
  if (!baseline.empty()) {
    std::vector<TrainingLog> logs = read_training_logs(baseline, choices);
    if (logs.size() != 1) {
      fail<ValueError>("the baseline {} contains {} runs (valid: one)", baseline.string(), logs.size());
    }
    good = std::move(logs[0]);
  }
  std::vector<DiagnosedLog> all;
  for (TrainingLog& log : read_training_logs(path, choices)) {
    Diagnosis diagnosis = diagnose_log(log);
    if (good) {
      if (auto worse = compare_with_baseline(log.history, good->history)) {
        diagnosis.findings.push_back(std::move(*worse));
      }
    }
    all.push_back({std::move(log), std::move(diagnosis)});
  }
  return all;
}

nlohmann::ordered_json to_json(const DiagnosedLog& run) {
  using Json = nlohmann::ordered_json;
  Json object{{"path", run.log.path.string()}, {"format", run.log.format}, {"epochs", run.log.epochs()}};
  object["columns"] = Json::object();
  for (const auto& [columns, meaning] : run.log.mapping) object["columns"][meaning] = columns;
  object["ignored"] = run.log.ignored;
  object["findings"] = Json::array();
  for (const Finding& finding : run.diagnosis.findings) object["findings"].push_back(to_json(finding));
  object["undecided"] = run.diagnosis.undecided;
  return object;
}

}  // namespace perdita::diagnose
