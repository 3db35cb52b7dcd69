#include <fmt/format.h>

#include "perdita/evaluate/text.hpp"
#include "perdita/report/figures.hpp"
#include "perdita/report/run_sections.hpp"

namespace perdita::report {

std::string distribution_section(const RunReport& r, const evaluate::Summary& test) {
  if (test.count == 0) return {};
  DistributionChart linear = loss_distribution(r.test_losses, test, false);
  linear.id = "distribution-linear";
  linear.title = fmt::format("Distribution of the {} loss", r.held_out);
  std::string caption = escape(linear.description) + " Bars: share of the samples. Curve: kernel density estimate.";
  if (linear.histogram.above > 0) {
    caption += fmt::format(" {} samples are beyond the right end of the linear axis.",
                           evaluate::format_count(linear.histogram.above));
  }
  const std::string svg = two_sizes(linear);
  const std::string by_class =
      class_multiples(class_distributions(r.test_losses, r.targets, r.class_names, test), r.class_names.size(), "");
  if (!(test.min > 0.0 && test.min < test.max)) return figure(svg, "", caption) + by_class;
  DistributionChart logarithmic = loss_distribution(r.test_losses, test, true);
  logarithmic.id = "distribution-log";
  logarithmic.title = linear.title;
  return figure({.linear = svg,
                 .logarithmic = two_sizes(logarithmic),
                 .caption = caption,
                 .starts_logarithmic = prefers_log(test)}) +
         by_class;
}

}  // namespace perdita::report
