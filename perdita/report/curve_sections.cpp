#include <fmt/format.h>

#include <array>
#include <cctype>
#include <string_view>

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

std::string part_section(const RunReport& r) {
  std::string text;
  for (const auto& [key, label, caption] :
       {std::array{"train_loss.", "training loss", "Without the weights of the parts, of the training samples."},
        std::array{"val_loss.", "validation loss", "The same of the validation samples."},
        std::array{"weight.", "weight", "By which the losses of the parts are multiplied."}}) {
    LineChart chart = part_chart(r, key, label);
    if (chart.series.empty() || (std::string_view(key) == "weight." && !r.loss_changes)) continue;
    chart.id = fmt::format("parts-{}", std::string_view(key).substr(0, std::string_view(key).find_first_of("_.")));
    text += fmt::format("<h3>{}{}</h3>\n", static_cast<char>(std::toupper(label[0])), label + 1) +
            figure(two_sizes(chart), values_of(chart), caption);
  }
  return text;
}

std::string class_curve_section(const RunReport& r) {
  LineChart linear = class_curve_chart(r, false), logarithmic = class_curve_chart(r, true);
  if (linear.series.empty()) return {};
  linear.id = "class-curves-linear", logarithmic.id = "class-curves-log";
  std::string caption = "Mean training loss of the samples of each class.";
  if (linear.series.size() < r.class_names.size()) {
    caption = fmt::format("The {} of {} classes with the largest training loss in the last epoch.",
                          linear.series.size(), r.class_names.size());
  }
  return figure({.linear = two_sizes(linear),
                 .logarithmic = two_sizes(logarithmic),
                 .values = values_of(linear),
                 .label = "logarithmic loss axis",
                 .caption = std::move(caption)});
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
