#include <fmt/format.h>

#include "perdita/report/figures.hpp"
#include "perdita/report/run_sections.hpp"

namespace perdita::report {

std::string epoch_section(const RunReport& r) {
  LineChart linear = epoch_chart(r, false), logarithmic = epoch_chart(r, true);
  if (linear.series.empty()) return {};
  linear.id = "epochs-linear", logarithmic.id = "epochs-log";
  std::string caption =
      "Lower is better. The training loss is the mean over the batches of an epoch, computed while the model is being "
      "updated; the validation loss is computed after the epoch, on held-out samples. A cross marks a value that is "
      "not finite.";
  std::string text = figure({.linear = two_sizes(linear),
                             .logarithmic = two_sizes(logarithmic),
                             .values = values_of(linear),
                             .label = "logarithmic loss axis",
                             .caption = std::move(caption)});
  LineChart gap = gap_chart(r);
  if (gap.series.empty()) return text;
  return text + "<h3>Generalization gap</h3>\n" +
         figure(two_sizes(gap), values_of(gap),
                "Validation loss minus training loss. A growing gap is a sign of overfitting.");
}

std::string step_section(const RunReport& r) {
  const StepCurve steps = step_curve(r);
  if (steps.x.size() < 2) return {};
  LineChart linear = step_chart(steps, false), logarithmic = step_chart(steps, true);
  linear.id = "steps-linear", logarithmic.id = "steps-log";
  // The script finds what it smoothes in the first series, and puts what comes out into the second.
  LineChart values = linear;
  values.series = {{.name = "training", .x = steps.x, .y = steps.mean}, linear.series.back()};
  std::string control = fmt::format(
      "<span><label for=\"smoothing\">smoothing</label> <input type=\"range\" id=\"smoothing\" min=\"0\" "
      "max=\"99\" value=\"{0:.0f}\"><output for=\"smoothing\">{0:.0f} %</output></span>",
      100 * default_smoothing);
  return figure({.linear = two_sizes(linear),
                 .logarithmic = two_sizes(logarithmic),
                 .values = values_of(values),
                 .control = std::move(control),
                 .label = "logarithmic loss axis",
                 .caption = "Faint line: loss of each batch. Bold line: exponential moving average."});
}

}  // namespace perdita::report
