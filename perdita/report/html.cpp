#include "perdita/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/evaluate/classification.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/page.hpp"
#include "perdita/report/sections.hpp"

namespace perdita::report {
namespace {
using evaluate::ClassificationScore;
using evaluate::format_count;
using evaluate::format_number;

bool is_classification(const RunReport& r) { return !r.class_names.empty() && !r.targets.empty(); }
bool is_regression(const RunReport& r) { return !is_classification(r) && !r.target_values.empty(); }

/// What the sections share, computed once.
struct Facts {
  EpochSummary epochs;
  evaluate::Summary test;
  ClassificationScore classes;
  evaluate::RegressionScore regression;
};

void check_length(const char* name, std::size_t got, std::size_t wanted) {
  if (got != wanted) fail<ShapeError>("report: {} has {} entries (valid: {}, one a test sample)", name, got, wanted);
}

Facts facts_of(const RunReport& r) {
  Facts f{.epochs = summarize_epochs(r), .test = evaluate::summarize(r.test_losses), .classes = {}, .regression = {}};
  if (is_classification(r)) {
    if (!r.test_losses.empty()) check_length("targets", r.targets.size(), r.test_losses.size());
    f.classes = evaluate::score_classes(r.targets, r.predictions, r.test_losses,
                                        static_cast<std::int64_t>(r.class_names.size()));
  } else if (is_regression(r)) {
    if (!r.test_losses.empty()) check_length("target_values", r.target_values.size(), r.test_losses.size());
    f.regression = evaluate::score_regression(r.target_values, r.predicted_values);
  }
  return f;
}

std::string trained_sentence(const RunReport& r, const Facts& f) {
  std::string text = fmt::format("Perdita trained {} on {}", escape(r.model.empty() ? "a model" : r.model),
                                 escape(r.data.empty() ? "the data" : r.data));
  if (r.train_samples > 0) {
    text += fmt::format(" ({} training samples", format_count(r.train_samples));
    if (r.val_samples > 0) text += fmt::format(", {} more for validation", format_count(r.val_samples));
    text += ")";
  }
  if (!r.loss.empty()) text += fmt::format(" with the loss <code>{}</code>", escape(r.loss));
  if (f.epochs.epochs > 0) {
    text += fmt::format(", for {} epoch{}", f.epochs.epochs, f.epochs.epochs == 1 ? "" : "s");
    if (f.epochs.seconds > 0) text += " in " + evaluate::format_duration(f.epochs.seconds);
  }
  return text + ".";
}

std::string result_sentence(const RunReport& r, const Facts& f) {
  if (f.test.count == 0) return {};
  const evaluate::Interval i = evaluate::mean_interval(f.test);
  std::string text = fmt::format(" On {} test samples the mean loss is <strong>{}</strong>", format_count(f.test.count),
                                 format_number(f.test.mean));
  if (f.test.count > 1) text += fmt::format(" (95 % interval: {} to {})", format_number(i.low), format_number(i.high));
  if (is_classification(r)) {
    text += fmt::format("; <strong>{:.1f} %</strong> of them are classified correctly", 100 * f.classes.accuracy);
  } else if (is_regression(r) && !std::isnan(f.regression.r2)) {
    text += fmt::format("; the predictions explain <strong>{:.1f} %</strong> of the targets' variance",
                        100 * f.regression.r2);
  }
  text += ".";
  if (f.test.nonfinite > 0) {
    text += fmt::format(" {} test losses are not finite and are left out.", format_count(f.test.nonfinite));
  }
  return text;
}

std::string curve_sentence(const Facts& f) {
  const EpochSummary& e = f.epochs;
  if (e.best == 0 || std::isnan(e.best_val)) return {};
  const double gap = e.best_val - e.best_train;
  std::string text = fmt::format(" Validation loss was lowest after epoch {} ({})", e.best, format_number(e.best_val));
  if (!std::isnan(gap)) {
    text += fmt::format(", {} {} the training loss of that epoch", format_number(std::abs(gap)),
                        gap >= 0 ? "above" : "below");
  }
  text += ".";
  if (e.last_val > 1.02 * e.best_val && e.epochs > e.best) {
    text += fmt::format(" It has risen since, to {}: more epochs do not help this model.", format_number(e.last_val));
  } else if (e.best == e.epochs && e.epochs > 1) {
    text += " It was still falling at the end: more epochs may help.";
  }
  return text;
}

std::string tiles(const RunReport& r, const Facts& f) {
  std::string text;
  if (f.test.count > 0) {
    const evaluate::Interval i = evaluate::mean_interval(f.test);
    text += tile("Test loss", format_number(f.test.mean),
                 f.test.count > 1 ? fmt::format("95 %: {} to {}", format_number(i.low), format_number(i.high)) : "");
  }
  if (is_classification(r)) {
    const evaluate::Interval i = evaluate::wilson_interval(f.classes.correct, f.classes.samples);
    text += tile("Accuracy", fmt::format("{:.2f} %", 100 * f.classes.accuracy),
                 fmt::format("95 %: {:.2f} to {:.2f} %", 100 * i.low, 100 * i.high));
    text += tile("Balanced accuracy", fmt::format("{:.2f} %", 100 * f.classes.balanced_accuracy),
                 "mean recall of the classes");
  } else if (is_regression(r)) {
    text += tile("Root mean square error", format_number(f.regression.rmse), "in the target's unit");
    text += tile("Mean absolute error", format_number(f.regression.mae),
                 fmt::format("bias {}", format_number(f.regression.bias)));
    text += tile("R²", number(f.regression.r2, 4), "share of variance explained");
  }
  if (f.epochs.best > 0) {
    text += tile("Best epoch", std::to_string(f.epochs.best), fmt::format("of {}", f.epochs.epochs));
    if (!std::isnan(f.epochs.best_val - f.epochs.best_train)) {
      text += tile("Generalisation gap", format_number(f.epochs.best_val - f.epochs.best_train),
                   "validation minus training loss, best epoch");
    }
  }
  return text.empty() ? text : "<dl class=\"facts\">\n" + text + "</dl>\n";
}

std::string diagnosis_section(const RunReport& r) {
  if (r.history.empty()) return {};
  std::string text = "<section aria-labelledby=\"h-diagnosis\"><h2 id=\"h-diagnosis\">Diagnosis</h2>\n";
  if (r.diagnosis.empty()) return text + "<p>Nothing stands out: the run looks healthy.</p></section>\n";
  text += "<ul class=\"diagnosis\">\n";
  for (const evaluate::Verdict& verdict : r.diagnosis) {
    text += fmt::format("<li><b>{}</b>: {}. <span class=\"note\">Try: {}.</span></li>\n",
                        escape(evaluate::title_of(verdict.illness)), escape(verdict.text), escape(verdict.advice));
  }
  return text + "</ul></section>\n";
}

std::string epoch_section(const RunReport& r, const Facts& f) {
  if (f.epochs.epochs == 0) return {};
  LineChart linear = epoch_chart(r, false), logarithmic = epoch_chart(r, true);
  linear.id = "epochs-linear", logarithmic.id = "epochs-log";
  return "<section aria-labelledby=\"h-epochs\"><h2 id=\"h-epochs\">Loss by epoch</h2>\n" +
         two_scales(line_chart(linear, Placement::page), line_chart(logarithmic, Placement::page), "",
                    "logarithmic loss axis",
                    "The training loss is the mean over an epoch's batches, taken while the model still changes; the "
                    "validation loss is taken after the epoch. A cross marks a value that is not finite.") +
         "</section>\n";
}

std::string json_array(const std::vector<double>& values) {
  std::string text = "[";
  for (double v : values) {
    if (text.size() > 1) text += ',';
    text += std::isfinite(v) ? fmt::format("{:.6g}", v) : "null";
  }
  return text + "]";
}

std::string step_section(const RunReport& r) {
  const StepCurve steps = step_curve(r);
  if (steps.x.size() < 2) return {};
  LineChart linear = step_chart(steps, false), logarithmic = step_chart(steps, true);
  linear.id = "steps-linear", logarithmic.id = "steps-log";
  const std::string control = fmt::format(
      "<span><label for=\"smoothing\">smoothing</label> <input type=\"range\" id=\"smoothing\" min=\"0\" "
      "max=\"99\" value=\"{0:.0f}\"><output for=\"smoothing\">{0:.0f} %</output></span>",
      100 * default_smoothing);
  return "<section aria-labelledby=\"h-steps\"><h2 id=\"h-steps\">Training loss by step</h2>\n" +
         two_scales(line_chart(linear, Placement::page), line_chart(logarithmic, Placement::page), control,
                    "logarithmic loss axis",
                    "Faint: the loss of the batches. Strong: their exponential moving average.") +
         fmt::format("<script type=\"application/json\" id=\"steps\">{{\"x\":{},\"y\":{}}}</script>\n</section>\n",
                     json_array(steps.x), json_array(steps.mean));
}

std::string class_multiples(const RunReport& r, const Facts& f, bool log_x) {
  if (!is_classification(r) || r.class_names.size() > most_classes_in_detail) return {};
  std::string text = "<h3>By class</h3>\n<div class=\"multiples\">\n";
  for (std::size_t k = 0; k < r.class_names.size(); ++k) {
    std::vector<float> losses;
    for (std::size_t i = 0; i < r.targets.size(); ++i) {
      if (r.targets[i] == static_cast<std::int64_t>(k)) losses.push_back(r.test_losses[i]);
    }
    if (losses.empty()) continue;
    DistributionChart chart = loss_distribution(losses, f.test, log_x);  // one range: the charts can be compared
    chart.title = "Test loss of class " + r.class_names[k];
    chart.id = fmt::format("class-{}", k);
    chart.x_label.clear(), chart.markers.resize(std::min<std::size_t>(1, chart.markers.size()));
    chart.width = 270, chart.height = 150;
    text +=
        fmt::format("<div><h4>{}</h4>{}</div>\n", escape(r.class_names[k]), distribution_chart(chart, Placement::page));
  }
  return text + "</div>\n";
}

std::string distribution_section(const RunReport& r, const Facts& f) {
  if (f.test.count == 0) return {};
  const bool can_log = f.test.min > 0.0 && f.test.min < f.test.max, log_x = prefers_log(f.test);
  DistributionChart linear = loss_distribution(r.test_losses, f.test, false);
  linear.id = "distribution-linear";
  std::string caption = fmt::format("{} Bars: histogram. Curve: kernel density.", escape(linear.description));
  if (linear.histogram.above > 0) {
    caption += fmt::format(" {} samples lie to the right of the linear axis.", format_count(linear.histogram.above));
  }
  std::string text = "<section aria-labelledby=\"h-dist\"><h2 id=\"h-dist\">Distribution of the test loss</h2>\n";
  const std::string svg = distribution_chart(linear, Placement::page);
  if (can_log) {
    DistributionChart logarithmic = loss_distribution(r.test_losses, f.test, true);
    logarithmic.id = "distribution-log";
    text += two_scales(svg, distribution_chart(logarithmic, Placement::page), "", "logarithmic axis", caption, log_x);
  } else {
    text += "<figure>" + svg + "<figcaption>" + caption + "</figcaption></figure>\n";
  }
  return text + class_multiples(r, f, log_x) + "</section>\n";
}

std::string hardest_section(const RunReport& r) {
  constexpr std::size_t most = 20;
  if (r.test_losses.empty()) return {};
  std::vector<std::size_t> order(r.test_losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {  // a loss that is no number is the hardest of all
    return std::isnan(r.test_losses[i]) ? std::numeric_limits<float>::infinity() : r.test_losses[i];
  };
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, order.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  std::string text =
      "<section aria-labelledby=\"h-hard\"><h2 id=\"h-hard\">Hardest samples</h2>\n<p class=\"note\">The test "
      "samples with the largest loss. Look at them: some may be labelled wrongly.</p>\n<ol class=\"samples\">\n";
  for (std::size_t i : std::span(order).first(static_cast<std::size_t>(count))) {
    std::string truth, guess;
    if (is_classification(r)) {
      truth = r.class_names[static_cast<std::size_t>(r.targets[i])];
      guess = r.class_names[static_cast<std::size_t>(r.predictions[i])];
    } else if (is_regression(r)) {
      truth = format_number(r.target_values[i]), guess = format_number(r.predicted_values[i]);
    }
    text += "<li>";
    if (const Image image = r.picture ? r.picture(static_cast<std::int64_t>(i)) : Image{}; !image.empty()) {
      text += fmt::format("<img alt=\"test sample {}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">", i,
                          image.width, image.height, to_base64(to_png(image)));
    }
    text += fmt::format("<b>loss {}</b><br>sample {}", format_number(r.test_losses[i]), i);
    if (!truth.empty()) text += fmt::format("<br>true: {}<br>predicted: {}", escape(truth), escape(guess));
    text += "</li>\n";
  }
  return text + "</ol></section>\n";
}

std::string reproduce_section(const RunReport& r) {
  std::string text;
  if (!r.command.empty()) {
    text +=
        "<section aria-labelledby=\"h-again\"><h2 id=\"h-again\">How to repeat it</h2>\n<pre "
        "tabindex=\"0\"><code>" +
        escape(r.command) + "</code></pre></section>\n";
  }
  if (r.configuration.empty()) return text;
  text +=
      "<section aria-labelledby=\"h-config\"><h2 id=\"h-config\">Configuration</h2>\n"
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"text\">option</th><th scope=\"col\" "
      "class=\"text\">value</th></tr></thead><tbody>\n";
  for (const auto& [key, value] : r.configuration) {
    text += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td></tr>\n", escape(key), escape(value));
  }
  return text + "</tbody></table></div></section>\n";
}

}  // namespace

std::string html(const RunReport& r) {
  const Facts f = facts_of(r);
  const std::string title = escape(r.data.empty() ? "Training run" : r.data + (r.loss.empty() ? "" : ", " + r.loss));
  std::string page = open_page(title);
  page += "<p class=\"lead\">" + trained_sentence(r, f) + result_sentence(r, f) + curve_sentence(f) + "</p>\n";
  page += "</header>\n<main>\n";
  page += diagnosis_section(r) + tiles(r, f) + epoch_section(r, f) + step_section(r) + distribution_section(r, f);
  if (is_classification(r)) page += class_section(f.classes, r.class_names, f.test.mean);
  page += hardest_section(r) + reproduce_section(r);
  page += close_page(r.version, page_script());
  return page;
}

void write_report(const RunReport& report, const std::filesystem::path& folder) {
  const evaluate::Summary test = evaluate::summarize(report.test_losses);
  write_file_atomically(folder / "report.html", html(report));
  write_file_atomically(folder / "loss.svg", line_chart(epoch_chart(report, false), Placement::file));
  if (test.count == 0) return;
  const DistributionChart chart = loss_distribution(report.test_losses, test, prefers_log(test));
  write_file_atomically(folder / "distribution.svg", distribution_chart(chart, Placement::file));
}

}  // namespace perdita::report
