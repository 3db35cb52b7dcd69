#include "cli/reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "cli/examples.hpp"
#include "cli/explanation.hpp"
#include "perdita/core/file.hpp"
#include "perdita/report/chart.hpp"

namespace perdita::cli {

namespace {

std::string picture_of(const AnyLoss& loss, const Curve& curve) {
  const std::string at = curve.target.empty() ? "" : fmt::format(" at target {}", curve.target);
  return report::line_chart({.title = std::string(info_of(loss).name),
                             .description = fmt::format("The loss and its derivative{}, with default options.", at),
                             .x_label = curve.x_label,
                             .y_label = fmt::format("loss, derivative{}", at),
                             .series = {{.name = "loss", .x = curve.x, .y = curve.value, .points = false},
                                        {.name = "derivative", .x = curve.x, .y = curve.slope, .points = false}}},
                            report::Placement::file);
}

std::string code_block(std::string_view language, const std::vector<std::string>& lines) {
  return fmt::format("```{}\n{}\n```\n", language, fmt::join(lines, "\n"));
}

/// Calls in each language; class counts and other tensors that the module takes once are left to the docstrings.
std::string examples_in(const AnyLoss& loss) {
  const Examples examples = examples_of(loss);
  return fmt::format("\n## Examples\n\n{}\n{}\nAs text, in C++, Python and on the command line: `{}`.\n",
                     code_block("cpp", examples.cpp), code_block("python", examples.python), examples.text[0]);
}

std::string page_of(const AnyLoss& loss) {
  const std::string_view name = info_of(loss).name;
  const Explanation explanation = explain_loss(loss, Notation::text);
  std::string text = fmt::format("# {}\n\n{}\n", name, explanation.summary);
  if (curve_of(loss)) text += fmt::format("\n![The loss and its derivative]({}.svg)\n", name);
  for (const Section& section : explanation.sections) {
    if (section.title == "Losses") text += examples_in(loss);
    text += fmt::format("\n## {}\n\n", section.title);
    if (section.is_formula) {
      text += fmt::format("```\n{}\n```\n", section.lines[0]);
      if (section.lines.size() > 1) text += fmt::format("\n{}\n", section.lines[1]);
    } else if (section.lines.size() == 1 && section.title != "Options") {
      text += section.lines[0] + '\n';
    } else {
      for (const std::string& line : section.lines) text += fmt::format("- {}\n", line);
    }
  }
  return text;
}

/// Escapes text for a cell of a Markdown table.
std::string in_table(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

}  // namespace

void write_reference(const std::filesystem::path& folder) {
  const std::string title = "# The losses\n";
  const std::filesystem::path index_file = folder / "README.md";
  if (std::filesystem::exists(index_file) && !read_file(index_file).starts_with(title)) {
    fail<FileError>("{} exists and is not an index of losses (valid: a new folder, or one with such pages only)",
                    index_file.string());
  }
  std::filesystem::create_directories(folder);
  std::map<std::string_view, std::string> rows;  // by family
  for (const std::string_view name : loss_names()) {
    const AnyLoss loss = parse_loss(name);
    const LossInfo& info = info_of(loss);
    rows[name_of(info.family)] +=
        fmt::format("| [{}]({}.md) | {} | {} |\n", name, name, info.torch_name, in_table(info.summary));
    write_file_atomically(folder / fmt::format("{}.md", name), page_of(loss));
    if (const auto curve = curve_of(loss))
      write_file_atomically(folder / fmt::format("{}.svg", name), picture_of(loss, *curve));
  }
  std::string index = title + "\nGenerated from the list of losses by `perdita explain --pages docs/reference`.\n";
  for (const auto& [family, lines] : rows)
    index += fmt::format("\n## {}\n\n| loss | in PyTorch | summary |\n|---|---|---|\n{}", family, lines);
  write_file_atomically(index_file, index);
}

}  // namespace perdita::cli
