#include "cli/report_line.hpp"

#include <fmt/format.h>

#include "cli/terminal.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::cli {

void print_report(const std::filesystem::path& folder, bool wants_png) {
  say("report     {}\n", evaluate::printable((folder / "report.html").string()));
  if (wants_png && !report::can_rasterise()) {
    say("charts     no PNG files, because librsvg is not installed (Debian: librsvg2-2)\n");
  }
}

}  // namespace perdita::cli
