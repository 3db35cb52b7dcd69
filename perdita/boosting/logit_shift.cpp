#include "perdita/boosting/logit_shift.hpp"

#include <cmath>
#include <limits>

#include "perdita/core/error.hpp"

namespace perdita::boosting {

namespace {

std::vector<ClassFrequency<>> frequencies_of(const LossInfo& info, const std::vector<double>& counts,
                                             std::int64_t classes) {
  if (static_cast<std::int64_t>(counts.size()) != classes) {
    fail<ShapeError>("loss {}: class_counts has {} numbers, but there are {} classes (valid: one per class)", info.name,
                     counts.size(), classes);
  }
  double total = 0, smallest = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (!(counts[k] >= 0 && std::isfinite(counts[k])))
      fail<ValueError>("loss {}: class_counts[{}] is {} (valid: finite, 0 or more)", info.name, k, counts[k]);
    total += counts[k];
    if (counts[k] > 0) smallest = std::min(smallest, counts[k]);
  }
  if (total == 0) fail<ValueError>("loss {}: class_counts are all 0 (valid: at least one positive count)", info.name);
  std::vector<ClassFrequency<>> all;
  for (const double count : counts) all.push_back({count, total, smallest});
  return all;
}

/// Throws ValueError for a loss of more than the log-probabilities of a row.
void check_rows(const AnyLoss& any) {
  std::visit(
      [](const auto& loss) {
        if constexpr (requires { loss.z_loss, loss.softcap; }) {
          if (loss.z_loss != 0)
            fail<ValueError>("loss {}: z_loss is {} (valid for boosters: 0)", loss.info.name, loss.z_loss);
          if (std::isfinite(loss.softcap))
            fail<ValueError>("loss {}: softcap is {} (valid for boosters: inf)", loss.info.name, loss.softcap);
        }
      },
      any.loss);
}

}  // namespace

LogitShift::LogitShift(const AnyLoss& any, const std::vector<double>& class_counts, std::int64_t classes) {
  const LossInfo& info = info_of(any);
  check_rows(any);
  if (!takes_class_counts(info)) return;
  const std::vector<ClassFrequency<>> frequencies = frequencies_of(info, class_counts, classes);
  std::visit(
      [&](const auto& loss) {
        for (const ClassFrequency<>& of_class : frequencies) {
          double shift = 0, margin = 0;
          if constexpr (requires { loss.shift(of_class); }) shift = loss.shift(of_class);
          if constexpr (requires { loss.margin(of_class); }) {
            margin = loss.margin(of_class);
            scale_ = loss.scale;
          }
          shifts_.push_back(shift);
          margins_.push_back(margin);
        }
      },
      any.loss);
}

}  // namespace perdita::boosting
