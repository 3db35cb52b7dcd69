// Cross-entropy of softmax distributions of groups of any size, with its gradient.
#pragma once

#include <cstdint>
#include <span>

namespace perdita::kernels {

/// How the relevance of a group becomes its targets: by softmax, as it is, or divided by its sum unless that is 0.
enum class GroupTargets { softmax, plain, normalized };

/// T: the type of scores, R: that of relevance; float or double.
template <class T, class R>
struct GroupSoftmaxTask {
  std::span<const std::int64_t> begins;  ///< of groups, followed by the number of documents
  const T* scores;
  const R* relevance;
  GroupTargets targets = GroupTargets::plain;
  double temperature = 1;
  const double* coefficients;  ///< of the losses
  double* losses;              ///< one for each group; 0 for one without documents
  T* gradient = nullptr;       ///< of sum_g coefficients[g] losses[g] with respect to the scores
};

/// losses[g] = sum_i w_i (log sum_j exp(scores[j] / temperature) - scores[i] / temperature) over the documents of the
/// group, where w are its targets. Sums are in double.
void group_softmax_loss(const GroupSoftmaxTask<float, float>& task);
void group_softmax_loss(const GroupSoftmaxTask<float, double>& task);
void group_softmax_loss(const GroupSoftmaxTask<double, float>& task);
void group_softmax_loss(const GroupSoftmaxTask<double, double>& task);

}  // namespace perdita::kernels
