// The encoding of a table as JSON, as a model file has it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "perdita/train/table_encoding.hpp"

namespace perdita::train {

/// A list of objects, one per column: name, kind, and where they apply categories, rare, missing, median, offset.
nlohmann::ordered_json to_json(const TableEncoding& encoding);

/// Throws DataError that names `name` and the field.
TableEncoding encoding_from_json(const nlohmann::ordered_json& list, const std::string& name);

}  // namespace perdita::train
