#include "cli/formula_errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "cli/terminal.hpp"

namespace perdita::cli {

namespace {

struct Row {
  std::string_view what;
  const rewriting::Accuracy &before, &after;
};
std::array<Row, 4> rows_of(const Stabilized& found) {
  const auto &before = found.before, &after = found.after;
  return {Row{"value, float32", before.value[0], after.value[0]},
          Row{"derivative, float32", before.slope[0], after.slope[0]},
          Row{"value, float64", before.value[1], after.value[1]},
          Row{"derivative, float64", before.slope[1], after.slope[1]}};
}

std::string point_of(const Stabilized& found, std::size_t point) {
  std::vector<std::string> numbers;
  for (std::size_t v = 0; v < found.domain.size(); ++v) {
    if (!found.domain[v].name.empty())
      numbers.push_back(fmt::format("{} = {:.9g}", found.domain[v].name, found.points.columns[v][point]));
  }
  return fmt::format("{}", fmt::join(numbers, ", "));
}

nlohmann::ordered_json json_of(const rewriting::Accuracy& accuracy, const Stabilized& found) {
  nlohmann::ordered_json worst;
  for (std::size_t v = 0; v < found.domain.size(); ++v) {
    if (!found.domain[v].name.empty()) worst[found.domain[v].name] = found.points.columns[v][accuracy.worst_point];
  }
  return {{"mean_bits", accuracy.mean_bits},
          {"worst_bits", accuracy.worst_bits},
          {"share_above_4_ulp", accuracy.share_beyond},
          {"worst_input", worst},
          {"points", accuracy.count}};
}

}  // namespace

void print_errors(const Stabilized& found) {
  if (found.is_changed) {
    say("bits of error             before                         after\n");
    say("                          mean  worst  above 4 ULP       mean  worst  above 4 ULP\n");
  } else {
    say("bits of error             mean  worst  above 4 ULP\n");
  }
  const auto part = [](const rewriting::Accuracy& errors) {
    return fmt::format("{:>5.2f}  {:>5.1f}  {:>9.1f} %", errors.mean_bits, errors.worst_bits,
                       100 * errors.share_beyond);
  };
  for (const Row& row : rows_of(found))
    say("{:<24} {}{}\n", row.what, part(row.before), found.is_changed ? "      " + part(row.after) : "");
  const Row value = rows_of(found)[0], slope = rows_of(found)[1];
  const std::string_view title = found.is_changed ? "worst before" : "worst";
  say("\n{:<15}value at {}; derivative at {}\n", title, point_of(found, value.before.worst_point),
      point_of(found, slope.before.worst_point));
  if (!found.is_changed) return;
  say("worst after    value at {}; derivative at {}\n", point_of(found, value.after.worst_point),
      point_of(found, slope.after.worst_point));
}

nlohmann::ordered_json json_of_errors(const Stabilized& found) {
  nlohmann::ordered_json errors;
  for (const Row& row : rows_of(found))
    errors.push_back({{"of", row.what}, {"before", json_of(row.before, found)}, {"after", json_of(row.after, found)}});
  return errors;
}

}  // namespace perdita::cli
