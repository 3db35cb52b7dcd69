// An audit of labels as text for a terminal, as JSON, and as CSV for annotators.
#pragma once

#include <string>

#include "perdita/evaluate/label_audit.hpp"

namespace perdita::evaluate {

/// Noise rate, the classes with the highest noise rates, the classes that overlap most, and the first rows.
std::string to_text(const LabelAudit& audit);

/// All results except those with one value per row of the data; matrices for up to 512 classes. NaN is null. The
/// ranking, which may be long, can be left out.
std::string to_json(const LabelAudit& audit, bool with_ranking = true);

/// "row,given,suggested,given_probability,suggested_probability,score,issue": one line per row of the ranking. Classes
/// are names, or indices if there are no names; issue is 1 for rows in the set.
std::string to_csv(const LabelAudit& audit);

}  // namespace perdita::evaluate
