// The report of a recorder's run, also while the run continues.
#include <fmt/format.h>

#include <algorithm>

#include "perdita/diagnose/diagnosis.hpp"
#include "perdita/report/recorder.hpp"
#include "perdita/report/suspects.hpp"

namespace perdita::report {

std::vector<std::string> Recorder::class_names(std::int64_t classes) const {
  std::vector<std::string> names = options_.class_names;
  for (std::int64_t k = std::ssize(names); k < classes; ++k) names.push_back(fmt::format("{}", k));
  return names;
}

void Recorder::diagnose(const evaluate::SampleEvaluation* test) {
  diagnose::Evidence evidence{.history = evaluate::read_history(folder_->history())};
  evidence.class_names =
      class_names(std::max<std::int64_t>(test != nullptr ? test->classes : 0, std::ssize(class_counts_)));
  if (test != nullptr && test->classes > 0) {
    evidence.classes = evaluate::score_classes(test->targets, test->predictions, test->losses, test->classes);
    evidence.calibration = test->calibration;
  }
  if (const auto suspects = find_suspects(tracker_)) evidence.doubtful = suspects->doubtful;
  if (class_counts_.size() > 0) evidence.sameness = diagnose::sameness_of(class_counts_, evidence.class_names);
  diagnosis_ = diagnose::diagnose(evidence);
}

void Recorder::describe_suspects(RunReport& page) const {
  constexpr std::int64_t most = 20;
  const auto suspects = find_suspects(tracker_);
  if (!suspects) return;
  page.contradicted = suspects->contradicted;
  for (std::int64_t rank = 0; rank < std::min(most, suspects->contradicted); ++rank) {
    const SampleScore& score = suspects->ranking[static_cast<std::size_t>(rank)];
    const auto at = static_cast<std::size_t>(score.sample);
    const std::int32_t label = at < labels_.size() ? labels_[at] : -1;
    const bool is_named = label >= 0 && static_cast<std::size_t>(label) < page.class_names.size();
    page.suspects.push_back({.row = score.sample,
                             .label = is_named ? page.class_names[static_cast<std::size_t>(label)] : "label",
                             .aum = score.aum,
                             .mean_loss = score.mean_loss});
  }
}

void Recorder::write_running_report() const {
  RunReport page = describe(nullptr, "test");
  page.is_running = true;
  write_report(page, folder_->path(), {.svg = false, .png = false});
}

}  // namespace perdita::report
