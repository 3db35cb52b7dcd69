// From the values of a log to epochs.
#pragma once

#include "perdita/diagnose/log_columns.hpp"
#include "perdita/diagnose/log_table.hpp"
#include "perdita/diagnose/training_log.hpp"

namespace perdita::diagnose {

/// The history of a table. Epochs are, in this order: rows, if they have both losses (or the log has one loss per
/// epoch); the values of a column epoch; the steps between two validations; twenty equal parts of the run. Throws
/// DataError if no column is a loss.
TrainingLog history_of(const LogTable& table, const ColumnChoices& choices);

}  // namespace perdita::diagnose
