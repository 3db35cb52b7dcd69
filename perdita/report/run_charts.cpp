#include <array>
#include <functional>

#include "perdita/core/file.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/html.hpp"
#include "perdita/report/raster.hpp"

namespace perdita::report {
namespace {

constexpr std::array<std::string_view, 6> names{"loss", "gap", "steps", "distribution", "classes", "calibration"};

/// The chart of this name as an SVG file; empty where there are no data for it.
std::string chart_of(std::string_view name, const RunReport& r, const evaluate::Summary& test) {
  if (name == "loss") return line_chart(epoch_chart(r, false), Placement::file);
  if (name == "gap") {
    const LineChart gap = gap_chart(r);
    return gap.series.empty() ? "" : line_chart(gap, Placement::file);
  }
  if (name == "steps") {
    const StepCurve steps = step_curve(r);
    return steps.x.size() < 2 ? "" : line_chart(step_chart(steps, false), Placement::file);
  }
  if (name == "calibration") return r.calibration ? line_chart(reliability_chart(*r.calibration), Placement::file) : "";
  if (test.count == 0) return {};
  if (name == "distribution") {
    return distribution_chart(loss_distribution(r.test_losses, test, prefers_log(test)), Placement::file);
  }
  const std::vector<DistributionChart> charts = class_distributions(r.test_losses, r.targets, r.class_names, test);
  return charts.empty() ? "" : small_multiples("Distribution of the test loss by class", charts);
}

}  // namespace

std::span<const std::string_view> run_chart_names() { return names; }

void write_report(const RunReport& report, const std::filesystem::path& folder, const ChartFiles& files) {
  write_file_atomically(folder / "report.html", html(report));
  if (!files.svg && !files.png) return;
  const evaluate::Summary test = evaluate::summarize(report.test_losses);
  for (std::string_view name : names) {
    if (const std::string svg = chart_of(name, report, test); !svg.empty()) write_chart(svg, folder / name, files);
  }
}

}  // namespace perdita::report
