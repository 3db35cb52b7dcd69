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
#include "perdita/report/run_sections.hpp"

namespace perdita::report {

bool is_classification(const RunReport& r) { return !r.class_names.empty() && !r.targets.empty(); }
bool is_regression(const RunReport& r) { return !is_classification(r) && !r.target_values.empty(); }

namespace {
using evaluate::ClassificationScore;
using evaluate::format_count;
using evaluate::format_number;

/// Works without scripts; browsers keep the place where the page was read.
constexpr std::string_view refresh_tag = "<meta http-equiv=\"refresh\" content=\"5\">\n";

/// What the sections share, computed once.
struct Facts {
  EpochSummary epochs;
  evaluate::Summary test;
  ClassificationScore classes;
  evaluate::RegressionScore regression;
};

void check_length(const char* name, std::size_t got, std::size_t wanted) {
  if (got != wanted) fail<ShapeError>("report: {} has {} entries (valid: {}, one per test sample)", name, got, wanted);
}

Facts facts_of(const RunReport& r) {
  Facts f{.epochs = summarize_epochs(r), .test = evaluate::summarize(r.test_losses), .classes = {}, .regression = {}};
  if (!r.test_rows.empty()) check_length("test_rows", r.test_rows.size(), r.test_losses.size());
  if (is_classification(r)) {
    if (!r.class_weights.samples.empty()) {
      check_length("class_weights", r.class_weights.samples.size(), r.class_names.size());
    }
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
  const std::string model = escape(r.model.empty() ? "a model" : r.model);
  const std::string data = escape(r.data.empty() ? "the data" : r.data);
  std::string text = r.is_recorded ? fmt::format("This run trained {} on {}", model, data)
                                   : fmt::format("Perdita trained {} on {}", model, data);
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
  return text + (r.is_running ? " so far. The run is in progress, and this page is updated after each epoch." : ".");
}

std::string result_sentence(const RunReport& r, const Facts& f) {
  if (f.test.count == 0) return {};
  const evaluate::Interval i = evaluate::mean_interval(f.test, r.loss_is_never_negative);
  std::string text = fmt::format(" On {} {} samples the mean loss is <strong>{}</strong>", format_count(f.test.count),
                                 r.held_out, format_number(f.test.mean));
  if (f.test.count > 1) text += fmt::format(" (95 % interval: {} to {})", format_number(i.low), format_number(i.high));
  if (is_classification(r)) {
    text += fmt::format("; the accuracy is <strong>{:.1f} %</strong>", 100 * f.classes.accuracy);
  } else if (is_regression(r) && !std::isnan(f.regression.r2)) {
    text += fmt::format("; the predictions explain <strong>{:.1f} %</strong> of the variance of the targets",
                        100 * f.regression.r2);
  }
  text += ".";
  if (f.test.nonfinite > 0) {
    text += fmt::format(" {} {} losses are not finite and are excluded.", format_count(f.test.nonfinite), r.held_out);
  }
  return text;
}

std::string curve_sentence(const Facts& f) {
  const EpochSummary& e = f.epochs;
  if (e.best == 0 || std::isnan(e.best_val)) return {};
  const double gap = e.best_val - e.best_train;
  std::string text =
      fmt::format(" The validation loss was lowest after epoch {} ({})", e.best, format_number(e.best_val));
  if (!std::isnan(gap)) {
    text += fmt::format(", {} {} the training loss of that epoch", format_number(std::abs(gap)),
                        gap >= 0 ? "above" : "below");
  }
  text += ".";
  if (e.last_val > 1.02 * e.best_val && e.epochs > e.best) {
    text += fmt::format(" It has increased to {} since then, so more epochs do not help this model.",
                        format_number(e.last_val));
  } else if (e.best == e.epochs && e.epochs > 1) {
    text += " It was still decreasing at the end, so more epochs may help.";
  }
  return text;
}

std::string tiles(const RunReport& r, const Facts& f) {
  std::string text;
  if (f.test.count > 0) {
    const evaluate::Interval i = evaluate::mean_interval(f.test, r.loss_is_never_negative);
    text += tile(r.held_out == "test" ? "Test loss" : "Validation loss", format_number(f.test.mean),
                 f.test.count > 1 ? fmt::format("95 %: {} to {}", format_number(i.low), format_number(i.high)) : "");
  }
  if (is_classification(r)) {
    const evaluate::Interval i = evaluate::wilson_interval(f.classes.correct, f.classes.samples);
    text += tile("Accuracy", fmt::format("{:.2f} %", 100 * f.classes.accuracy),
                 fmt::format("95 %: {:.2f} to {:.2f} %", 100 * i.low, 100 * i.high));
    text += tile("Balanced accuracy", fmt::format("{:.2f} %", 100 * f.classes.balanced_accuracy),
                 "mean recall of the classes");
  } else if (is_regression(r)) {
    text += tile("Root mean squared error", format_number(f.regression.rmse), "in the unit of the targets");
    text += tile("Mean absolute error", format_number(f.regression.mae),
                 fmt::format("bias {}", format_number(f.regression.bias)));
    text += tile("R²", number(f.regression.r2, 4), "share of variance explained");
  }
  if (f.epochs.best > 0) {
    text += tile("Best epoch", std::to_string(f.epochs.best), fmt::format("of {}", f.epochs.epochs));
    if (!std::isnan(f.epochs.best_val - f.epochs.best_train)) {
      text += tile("Generalization gap", format_number(f.epochs.best_val - f.epochs.best_train),
                   "validation minus training loss, best epoch");
    }
  }
  return text.empty() ? text : "<dl class=\"facts\">\n" + text + "</dl>\n";
}

/// The numbers behind a diagnosis without findings.
std::string supporting_numbers(const RunReport& r, const Facts& f) {
  std::string text;
  if (const evaluate::Curve train = evaluate::curve(r.history, "epoch", "train_loss"); train.y.size() > 1) {
    text += fmt::format(" The training loss decreased from {} to {}", format_number(train.y.front()),
                        format_number(train.y.back()));
    if (!std::isnan(f.epochs.last_val)) {
      text += fmt::format("; the validation loss ended at {}, its minimum was {}", format_number(f.epochs.last_val),
                          format_number(f.epochs.best_val));
    }
    text += ".";
  }
  if (is_classification(r)) {
    const auto worst = std::ranges::min_element(
        f.classes.classes, {}, [](const evaluate::ClassScore& c) { return c.support > 0 ? c.recall : 2.0; });
    const auto k = static_cast<std::size_t>(worst - f.classes.classes.begin());
    text += fmt::format(" The class with the lowest recall, {}, has a recall of {:.0f} %.", escape(r.class_names[k]),
                        100 * worst->recall);
  }
  if (r.calibration) text += fmt::format(" The calibration error is {:.3f}.", r.calibration->ece);
  return text;
}

std::string diagnosis(const RunReport& r, const Facts& f) {
  if (!r.diagnosis || r.history.empty() || r.is_running) return {};
  const std::vector<diagnose::Finding>& findings = *r.diagnosis;
  const auto box = [](std::string_view kind, const std::string& body) {
    return fmt::format(
        "<section class=\"diagnosis {}\" aria-labelledby=\"h-diagnosis\"><h2 id=\"h-diagnosis\">Diagnosis"
        "</h2>\n{}</section>\n",
        kind, body);
  };
  if (findings.empty() && f.epochs.epochs < diagnose::least_epochs) {
    return box("unknown",
               fmt::format("<p><b>No issue found</b>, but {} epoch{} too few to analyze the loss curves (at least "
                           "{} are needed).</p>\n",
                           f.epochs.epochs, f.epochs.epochs == 1 ? " is" : "s are", diagnose::least_epochs));
  }
  if (findings.empty()) {
    return box("well", "<p><b>No issue found.</b>" + supporting_numbers(r, f) + "</p>\n");
  }
  std::string text = "<ul>\n";
  for (const diagnose::Finding& finding : findings) {
    text += fmt::format("<li><b>{}</b>: {}. <span class=\"note\">Try: {}.</span></li>\n",
                        escape(diagnose::title_of(finding.issue)), escape(finding.text), escape(finding.advice));
  }
  return box("issues", text + "</ul>\n");
}

}  // namespace

std::string html(const RunReport& r) {
  const Facts f = facts_of(r);
  const bool has_classes = is_classification(r);
  const std::string title = escape(r.data.empty() ? "A model" : r.data + (r.loss.empty() ? "" : ", " + r.loss));
  std::string page = open_page("Training run", title, r.is_running ? refresh_tag : "");
  page += diagnosis(r, f) + "<p class=\"lead\">" + trained_sentence(r, f) + result_sentence(r, f) + curve_sentence(f) +
          "</p>\n</header>\n<main>\n" + tiles(r, f);
  std::vector<Section> parts{
      {"epochs", "Loss by epoch", epoch_section(r)},
      {"parts", "Parts of the loss", part_section(r)},
      {"class-curves", "Training loss by class", class_curve_section(r)},
      {"steps", "Training loss by step", step_section(r)},
      {"dist", fmt::format("Distribution of the {} loss", r.held_out), distribution_section(r, f.test)}};
  if (has_classes) {
    parts.push_back({"classes", "Classes", report::class_table(f.classes, r.class_names)});
    parts.push_back({"confusion", "Confusion", confusion_section(f.classes, r.class_names)});
    if (r.calibration) parts.push_back({"calibration", "Calibration", calibration_section(*r.calibration, nullptr)});
  }
  if (!r.class_weights.samples.empty()) {
    parts.push_back({"weights", "Class weights", weights_section(r.class_weights, r.class_names)});
  }
  parts.push_back({"hard", fmt::format("Hardest {} samples", r.held_out), hardest_section(r)});
  parts.push_back({"suspects", "Probably wrong labels", suspects_section(r)});
  parts.push_back({"again", "How to reproduce", repeat_section(r.command, r.configuration)});
  return page + sections(parts) + close_page(r.version);
}

}  // namespace perdita::report
