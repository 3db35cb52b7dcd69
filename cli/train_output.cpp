#include "cli/train_output.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/report_line.hpp"
#include "cli/terminal.hpp"
#include "perdita/diagnose/findings_json.hpp"
#include "perdita/evaluate/text.hpp"
#include "perdita/train/run_report.hpp"

namespace perdita::cli {

namespace {

using evaluate::format_count;
using evaluate::format_duration;
using evaluate::format_number;
using evaluate::printable;

std::string samples_line(const train::Problem& problem) {
  std::string text = fmt::format("{} training", format_count(problem.train.size()));
  if (problem.validation) text += fmt::format(", {} validation", format_count(problem.validation->size()));
  if (problem.test) text += fmt::format(", {} test", format_count(problem.test->size()));
  text += " samples";
  const std::int64_t classes = problem.train.num_classes();
  if (classes > 0) text += fmt::format(", {} classes", classes);
  return text;
}

void print_loss(const evaluate::Summary& loss, bool never_negative) {
  const evaluate::Interval interval = evaluate::mean_interval(loss, never_negative);
  say("test loss  {}", format_number(loss.mean));
  if (loss.count > 1) say("  (95 % interval {} to {})", format_number(interval.low), format_number(interval.high));
  if (loss.nonfinite > 0) say("  ({} samples excluded because their loss is not finite)", format_count(loss.nonfinite));
  say("\n");
}

void print_classes(const evaluate::ClassificationScore& score, const std::vector<std::string>& names) {
  const evaluate::Interval interval = evaluate::wilson_interval(score.correct, score.samples);
  say("accuracy   {:.2f} %  (95 % interval {:.2f} to {:.2f} %)\n\n", 100 * score.accuracy, 100 * interval.low,
      100 * interval.high);
  say("{}", evaluate::class_table(score, names));
}

void print_regression(const evaluate::RegressionScore& score) {
  say("\n{:<28}{:>12}\n", "metric", "test");
  const std::pair<const char*, double> rows[] = {{"mean squared error", score.mse},
                                                 {"root mean squared error", score.rmse},
                                                 {"mean absolute error", score.mae},
                                                 {"bias", score.bias},
                                                 {"R2 (variance explained)", score.r2}};
  for (const auto& [name, value] : rows) say("{:<28}{:>12}\n", name, format_number(value));
}

/// JSON has no NaN.
nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

void print_suspects(const train::Run& run, const report::Suspects& suspects) {
  const auto samples = static_cast<double>(suspects.ranking.size());
  say("\nsuspects   for {} of {} training samples ({:.2f} %) the model preferred another label on average\n"
      "           {}\n",
      format_count(suspects.contradicted), format_count(std::ssize(suspects.ranking)),
      100 * static_cast<double>(suspects.contradicted) / samples, printable((run.path() / "suspects.csv").string()));
  if (!suspects.found) return;
  say("           area under the ROC curve for finding the labels changed by --label-noise: {:.4f} by margin,\n"
      "           {:.4f} by mean loss, {:.4f} by last loss\n",
      suspects.found->by_aum, suspects.found->by_mean_loss, suspects.found->by_last_loss);
}

void print_diagnosis(const std::vector<diagnose::Finding>& diagnosis, std::int64_t epochs) {
  if (diagnosis.empty() && epochs < diagnose::least_epochs) {
    say("\ndiagnosis  no issue found; {} epoch{} too few to analyze the loss curves\n", epochs,
        epochs == 1 ? " is" : "s are");
  } else if (diagnosis.empty()) {
    say("\ndiagnosis  no issue found\n");
  }
  for (const diagnose::Finding& finding : diagnosis) {
    say("\ndiagnosis  {}: {}\n           try: {}\n", diagnose::title_of(finding.issue), printable(finding.text),
        finding.advice);
  }
}

}  // namespace

void TrainOutput::begin() {
  const train::Problem& problem = run_.problem();
  const train::Config& config = problem.config;
  const train::Trainer& trainer = run_.trainer();
  const auto line = [this](std::string_view name, const std::string& text) {
    say_to(out_, "{:<8} {}\n", name, printable(text));
  };
  line("data", fmt::format("{}: {}", config.data, samples_line(problem)));
  for (const std::string& note : problem.notes) line("columns", note);
  const train::ModelDescription model = trainer.model().description();
  line("model",
       fmt::format("{} {}, {} parameters", model.title, model.sizes, format_count(trainer.model().parameter_count())));
  std::string weights;
  if (!config.class_weights.is_none()) weights = ", class weights " + to_string(config.class_weights);
  if (!config.pos_weight.is_none()) weights = ", pos weight " + to_string(config.pos_weight);
  line("loss", to_string(*config.loss) + weights);
  line("training",
       fmt::format("{}, lr {}, batch size {}, {} epochs, {} thread{}", to_string(config.optimizer), *config.lr,
                   *config.batch_size, *config.epochs, *config.threads, *config.threads == 1 ? "" : "s"));
  line("folder", run_.path().string());
  if (trainer.epoch() > 0) line("resumed", fmt::format("after epoch {} of {}", trainer.epoch(), *config.epochs));
  say_to(out_, "\n");
  std::fflush(out_);
}

void TrainOutput::step(const train::StepReport& at) {
  if (!progress_) {
    progress_.emplace(out_, fmt::format("epoch {}/{}", at.epoch, *run_.problem().config.epochs), at.batches);
  }
  progress_->update(at.batch, at.mean_loss);
}

void TrainOutput::epoch(const train::EpochReport& report) {
  const std::int64_t epochs = *run_.problem().config.epochs;
  std::string line = fmt::format("epoch {:>{}}/{}  train loss {:.4f}", report.epoch, fmt::formatted_size("{}", epochs),
                                 epochs, report.train_loss);
  if (report.val_loss) line += fmt::format("  val loss {:.4f}", *report.val_loss);
  if (report.val_accuracy) line += fmt::format("  val accuracy {:.2f} %", 100 * *report.val_accuracy);
  line += "  " + format_duration(report.seconds);
  if (progress_) progress_->finish();
  progress_.reset();
  // Of many short epochs about twenty are printed; epochs of a second or more are all printed.
  const bool is_printed = report.epoch % std::max<std::int64_t>(1, epochs / 20) == 0 || run_.trainer().is_finished() ||
                          report.epoch == 1 || report.seconds >= 1;
  if (is_printed) say_to(out_, "{}\n", line);
  std::fflush(out_);
}

void print_result(const train::Run& run, const std::optional<train::TestResult>& result) {
  const train::Problem& problem = run.problem();
  const train::Trainer& trainer = run.trainer();
  if (trainer.stopped_early()) {
    say("stopped early: the validation loss did not improve for {} epochs; kept the model of epoch {}\n",
        problem.config.patience, trainer.best_epoch());
  }
  say("\n");
  if (result) {
    print_loss(result->loss, problem.objective.is_never_negative());
    if (result->classes) print_classes(*result->classes, problem.train.class_names);
    if (result->regression) print_regression(*result->regression);
  } else {
    say("no test set: the model was not evaluated\n");
  }
  if (const auto suspects = run.suspects()) print_suspects(run, *suspects);
  print_diagnosis(run.diagnosis(), trainer.epoch());
  say("\nmodel      {}\n", printable((run.path() / "model.safetensors").string()));
  print_report(run.path(), problem.config.charts.png);
}

void print_result_json(const train::Run& run, const std::optional<train::TestResult>& result) {
  nlohmann::ordered_json object{{"folder", run.path().string()}, {"epochs", run.trainer().epoch()}};
  object["diagnosis"] = nlohmann::json::array();
  for (const diagnose::Finding& finding : run.diagnosis()) {
    object["diagnosis"].push_back(diagnose::to_json(finding));
  }
  if (const auto suspects = run.suspects()) {
    object["suspects"] = {{"samples", suspects->ranking.size()}, {"contradicted", suspects->contradicted}};
    if (suspects->found) {
      object["suspects"]["area_under_roc"] = {{"aum", suspects->found->by_aum},
                                              {"mean_loss", suspects->found->by_mean_loss},
                                              {"last_loss", suspects->found->by_last_loss}};
    }
  }
  if (result) {
    const evaluate::Interval interval =
        evaluate::mean_interval(result->loss, run.problem().objective.is_never_negative());
    auto& test = object["test"];
    test["samples"] = result->evaluation.losses.size();
    test["loss"] = number(result->evaluation.mean_loss);
    test["loss_interval"] = {number(interval.low), number(interval.high)};
    if (result->classes) {
      test["accuracy"] = result->classes->accuracy;
      test["balanced_accuracy"] = result->classes->balanced_accuracy;
      test["macro_f1"] = number(result->classes->macro_f1);
      for (std::size_t k = 0; k < result->classes->classes.size(); ++k) {
        const evaluate::ClassScore& c = result->classes->classes[k];
        test["classes"].push_back({{"name", run.problem().train.class_names[k]},
                                   {"samples", c.support},
                                   {"loss", number(c.mean_loss)},
                                   {"precision", number(c.precision)},
                                   {"recall", number(c.recall)},
                                   {"f1", number(c.f1)}});
      }
    }
    if (const auto& score = result->regression) {
      test.update({{"mse", score->mse}, {"rmse", score->rmse}, {"mae", score->mae}, {"bias", score->bias}});
      test["r2"] = number(score->r2);
    }
  }
  say("{}\n", object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace perdita::cli
