// Diagnosis of the logs at a path: what `perdita diagnose` prints, and perdita.diagnose() returns.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "perdita/diagnose/training_log.hpp"

namespace perdita::diagnose {

struct DiagnosedLog {
  TrainingLog log;
  Diagnosis diagnosis;
};

/// Reads the logs at `path`, diagnoses each and, if `baseline` is not empty, compares each with the log there. Throws
/// like read_training_logs(), and ValueError if the baseline is not one run, or has no loss in common with a log.
std::vector<DiagnosedLog> diagnose_path(const std::filesystem::path& path, const std::filesystem::path& baseline = {},
                                        const ColumnChoices& choices = {});

/// One object: path, format, epochs, columns, ignored, findings, undecided.
nlohmann::ordered_json to_json(const DiagnosedLog& run);

}  // namespace perdita::diagnose
