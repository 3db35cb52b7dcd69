// Names of the issues.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "perdita/core/error.hpp"
#include "perdita/diagnose/diagnosis.hpp"

namespace perdita::diagnose {

namespace {

struct Description {
  Issue issue;
  std::string_view name, title;
  Severity severity;
};
constexpr std::array<Description, 12> descriptions{{
    {Issue::divergence, "divergence", "divergence", Severity::error},
    {Issue::not_training, "not_training", "the model does not change", Severity::error},
    {Issue::lr_too_large, "lr_too_large", "learning rate too large", Severity::warning},
    {Issue::overfitting, "overfitting", "overfitting", Severity::warning},
    {Issue::wrong_labels, "wrong_labels", "wrong labels", Severity::warning},
    {Issue::underfitting, "underfitting", "underfitting", Severity::warning},
    {Issue::lr_too_small, "lr_too_small", "learning rate too small, or too few epochs", Severity::warning},
    {Issue::plateau, "plateau", "plateau", Severity::warning},
    {Issue::class_not_learned, "class_not_learned", "a class that is not learned", Severity::warning},
    {Issue::miscalibration, "miscalibration", "miscalibration", Severity::warning},
    {Issue::nothing_to_learn, "nothing_to_learn", "nothing to learn", Severity::error},
    {Issue::worse_than_baseline, "worse_than_baseline", "worse than the baseline", Severity::warning},
}};

const Description& description_of(Issue issue) { return *std::ranges::find(descriptions, issue, &Description::issue); }

}  // namespace

std::string_view name_of(Issue issue) { return description_of(issue).name; }
std::string_view title_of(Issue issue) { return description_of(issue).title; }
Severity severity_of(Issue issue) { return description_of(issue).severity; }

Issue parse_issue(std::string_view name) {
  const auto found = std::ranges::find(descriptions, name, &Description::name);
  if (found == descriptions.end()) fail<ValueError>("unknown issue '{}'", name);
  return found->issue;
}

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

std::string link_of(Issue issue) { return fmt::format("docs/diagnosis.md#{}", name_of(issue)); }

}  // namespace perdita::diagnose
