#include "perdita/train/table_json.hpp"

#include <algorithm>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/train/fields.hpp"

namespace perdita::train {

namespace {

using Json = nlohmann::ordered_json;
using data::ColumnKind;

bool is_set(const Fields& fields, const char* key) {
  if (!fields.has(key)) return false;
  if (!fields.at(key).is_boolean()) fields.refuse(key, "true or false");
  return fields.at(key).get<bool>();
}

EncodedColumn column_from_json(const Json& object, const std::string& name) {
  const Fields fields(object, name);
  EncodedColumn encoded;
  encoded.column.name = fields.text("name");
  try {
    encoded.column.kind = data::parse_column_kind(fields.text("kind"));
  } catch (const ValueError& error) {
    fail<DataError>("{}: {}", name, error.what());
  }
  encoded.has_indicator = is_set(fields, "missing");
  encoded.merges_rare = is_set(fields, "rare");
  if (encoded.column.kind != ColumnKind::category) {
    encoded.median = static_cast<float>(fields.number("median"));
    if (fields.has("offset")) encoded.column.offset = fields.number("offset");
    return encoded;
  }
  for (const Json& category : fields.list("categories")) {
    if (!category.is_string()) fields.refuse("categories", "a list of strings");
    encoded.column.categories.push_back(category.get<std::string>());
  }
  const auto& categories = encoded.column.categories;
  if (std::ranges::adjacent_find(categories, std::ranges::greater_equal{}) != categories.end())
    fields.refuse("categories", "a list in ascending order");
  return encoded;
}

}  // namespace

Json to_json(const TableEncoding& encoding) {
  Json list = Json::array();
  for (const EncodedColumn& encoded : encoding.columns()) {
    Json column{{"name", encoded.column.name}, {"kind", data::name_of(encoded.column.kind)}};
    if (encoded.column.kind == ColumnKind::category) {
      column["categories"] = encoded.column.categories;
    } else {
      column["median"] = encoded.median;
    }
    if (encoded.merges_rare) column["rare"] = true;
    if (encoded.has_indicator) column["missing"] = true;
    if (encoded.column.offset != 0) column["offset"] = encoded.column.offset;
    list.push_back(std::move(column));
  }
  return list;
}

TableEncoding encoding_from_json(const Json& list, const std::string& name) {
  if (!list.is_array()) fail<DataError>("{}: columns is not a list (valid: a list of columns)", name);
  std::vector<EncodedColumn> columns;
  for (const Json& column : list) columns.push_back(column_from_json(column, name));
  return TableEncoding(std::move(columns));
}

}  // namespace perdita::train
