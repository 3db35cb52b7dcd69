// What is known of a run beside its curves, for the diagnosis: whether the targets differ at all, whether the data hold
// more than the model found, and whether the contradicted labels look like noise.
#pragma once

#include <optional>
#include <string>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/report/margin_tracker.hpp"
#include "perdita/train/evaluate_model.hpp"

namespace perdita::train {

/// "every label is cat", where all or nearly all training targets are the same; else empty.
std::string sameness_of(const data::Dataset& samples);

/// The nearest training samples' vote (of numbers their mean) beside the model: on the test (or validation) samples,
/// and on training samples, each of which is left out of its own vote but not of what the model was trained on, which
/// flatters the model. Nothing with few samples or several numbers to predict. Of many samples and inputs it looks at a
/// part.
std::optional<diagnose::Reference> neighbour_reference(const Model& model, const Problem& problem);

/// Sets contradicted_surest and contradicted_middle, where the loss's outputs give probabilities.
void measure_contradictions(const Model& model, const Problem& problem, const report::MarginTracker& tracker,
                            diagnose::Evidence& evidence);

}  // namespace perdita::train
