// Findings as JSON: diagnosis.json of a run, and the output of `perdita diagnose --json`.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdita/diagnose/diagnosis.hpp"

namespace perdita::diagnose {

/// One object: issue, severity, text, advice, evidence (numbers by name; null if not finite), link.
nlohmann::ordered_json to_json(const Finding& finding);

/// Text of diagnosis.json for a run of `epochs` epochs.
std::string diagnosis_json(const std::vector<Finding>& findings, std::int64_t epochs);

/// The findings of diagnosis.json; nothing if it is of another number of epochs, because the run continued since then.
/// Throws DataError that names `name`.
std::optional<std::vector<Finding>> read_diagnosis(std::string_view text, std::string_view name, std::int64_t epochs);

}  // namespace perdita::diagnose
