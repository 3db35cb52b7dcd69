#include <cmath>

#include "fuzz.hpp"
#include "perdita/data/csv.hpp"

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
  return try_to_parse(data + 1, size - 1, [&](std::string_view text) {
    const data::CsvTable table = data::parse_csv(text, "fuzz", options);
    touch(table.targets);
    for (std::int64_t i = 0; i < table.inputs.size(); ++i) require(std::isfinite(table.inputs.data<float>()[i]));
    require(table.inputs.shape[0] == table.targets.shape[0]);
    require(table.targets.dtype == DType::int64 || table.class_names.empty());
  });
}
