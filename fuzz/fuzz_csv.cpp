#include <cmath>

#include "fuzz.hpp"
#include "perdita/data/csv.hpp"
#include "perdita/data/csv_columns.hpp"

// The first byte chooses the options.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdita;
  using data::CsvOptions;
  if (size == 0) return 0;
  CsvOptions options;
  options.header = static_cast<CsvOptions::Header>(data[0] % 3);
  options.kind = static_cast<CsvOptions::Target>(data[0] / 3 % 3);
  options.separator = "\0,;\t|"[data[0] / 9 % 5];
  options.target = data[0] / 45 % 3 == 0 ? "" : data[0] / 45 % 3 == 1 ? "0" : "a";
  if (data[0] / 135 == 1) options.categories = {"1"};
  return try_to_parse(data + 1, size - 1, [&](std::string_view text) {
    const data::CsvTable table = data::parse_csv(text, "fuzz", options);
    touch(table.targets);
    const std::int64_t columns = std::ssize(table.columns);
    require(table.inputs.shape[1] == columns && columns > 0);
    for (std::int64_t i = 0; i < table.inputs.size(); ++i) {
      const float value = table.inputs.data<float>()[i];
      const data::TableColumn& column = table.columns[static_cast<std::size_t>(i % columns)];
      require(!std::isinf(value));
      if (column.kind == data::ColumnKind::category && !std::isnan(value))
        require(value >= 0 && value < static_cast<float>(column.categories.size()));
    }
    // A model that was trained with these columns reads the same file again, unless two columns have the same name.
    try {
      const data::CsvColumns again =
          data::parse_csv_columns(text, "fuzz", table.columns, {options.header, options.separator});
      for (const data::CsvColumns::Unknown& unknown : again.unknown)
        require(unknown.count == 0 || options.separator == '\0');  // which may be detected differently without a target
    } catch (const Error&) {
    }
    require(table.inputs.shape[0] == table.targets.shape[0]);
    require(table.targets.dtype == DType::int64 || table.class_names.empty());
  });
}
