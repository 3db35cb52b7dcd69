// Audit of labels: which of them are probably wrong, according to out-of-sample predictions.
//
//   const LabelAudit audit = audit_labels({probabilities, "p.npy"}, {labels, "y.npy"}, {});
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdita/evaluate/confident_joint.hpp"
#include "perdita/evaluate/label_issues.hpp"
#include "perdita/evaluate/label_quality.hpp"

namespace perdita::evaluate {

/// Options of audit_labels().
struct AuditOptions {
  Scale scale = Scale::probabilities;
  IssueFilter filter = IssueFilter::prune_by_noise_rate;
  QualityScore score = QualityScore::self_confidence;  ///< by which the rows are ranked
  std::optional<std::int64_t> top = {};                ///< number of rows to rank; none: the rows of the set
  std::vector<std::string> class_names = {};           ///< one per class, or none: classes are then numbered
};

/// A row of the ranking.
struct AuditedRow {
  std::int64_t row = 0;
  std::int32_t given = 0, suggested = 0;                    ///< label, and predicted class
  double given_probability = 0, suggested_probability = 0;  ///< of the label, and of the predicted class
  double score = 0;                                         ///< the lower, the more likely is the label wrong
  bool is_issue = false;                                    ///< whether the row is in the set
};

/// The rows with one label.
struct AuditedClass {
  std::int64_t rows = 0, issues = 0;  ///< with this label
  double threshold = 0;               ///< mean probability of the class over these rows; NaN without rows
  double noise_rate = 0;              ///< estimated share of these labels that are wrong
};

/// Two classes that are confused, first < second.
struct ClassOverlap {
  std::int64_t first = 0, second = 0;
  /// Estimated numbers of rows of class `second` with the label `first`, and the other way round.
  std::int64_t second_labeled_first = 0, first_labeled_second = 0;
};

struct LabelAudit {
  static constexpr std::size_t most_overlaps = 100;

  IssueFilter filter = IssueFilter::prune_by_noise_rate;
  QualityScore score = QualityScore::self_confidence;
  std::int64_t rows = 0;
  std::int64_t issues = 0;          ///< rows in the set
  std::int64_t confident_rows = 0;  ///< with a confident class
  NoiseRate noise_rate = {};
  /// Rows whose confident class and predicted class are both not the label, as counted by cleanlab's
  /// num_label_issues().
  std::int64_t estimated_errors = 0;
  std::vector<AuditedClass> classes = {};
  std::vector<std::string> class_names = {};  ///< as given
  JointCounts confident_joint, calibrated_joint;
  std::vector<ClassOverlap> overlaps = {};  ///< the largest first, up to most_overlaps
  /// The rows of the set in the order of their scores, then the others in the order of theirs. Equal scores are in the
  /// order of the rows.
  std::vector<AuditedRow> ranking = {};

  // One per row of the data.
  std::vector<double> scores = {};
  std::vector<std::uint8_t> is_issue = {};
  std::vector<std::int32_t> predicted = {};

  std::vector<std::string> warnings = {};
};

/// Audits labels [N] by scores [N, classes] of a model that was not trained on these rows, for example by
/// cross-validation. float32 scores are computed with in float, others in double. Sums are double, and the result is
/// bit-identical for any number of threads. A class without rows is never a confident class, and a warning names it.
/// Throws as label_probabilities() does; ValueError if the number of names is not the number of classes, or if `top` is
/// negative.
LabelAudit audit_labels(const NamedArray& scores, const NamedArray& labels, const AuditOptions& options);

/// The probabilities of each label given each class, row-major [given][likely], estimated by the calibrated joint; NaN
/// for a class to which no row appears to belong.
std::vector<double> noise_matrix(const JointCounts& calibrated);

}  // namespace perdita::evaluate
