// Losses that compare scores with each other.
#include <algorithm>

#include "perdita/kernels/labels.hpp"
#include "perdita/tensor/functional.hpp"
#include "perdita/tensor/pair_loss.hpp"

namespace perdita {

namespace {

using namespace detail;

/// Scores as rows: [C] becomes [1, C].
struct Rows {
  Tensor scores;
  bool single;
  std::int64_t count() const { return scores.size(0); }
  std::int64_t classes() const { return scores.size(1); }
};
Rows rows_of(const char* function, const Tensor& input) {
  if (!input.defined()) fail<ValueError>("{}: input is not a tensor", function);
  if (!is_floating(input.dtype())) {
    fail<DTypeError>("{}: input holds {} (valid: float32, float64)", function, name_of(input.dtype()));
  }
  if (input.rank() > 2 || (input.rank() > 0 && input.size(-1) == 0)) {
    fail<ShapeError>("{}: input has shape {} (valid: [C] or [N, C] with C above 0)", function, input.shape());
  }
  return {input.rank() == 2 ? input : input.reshape({1, input.numel()}), input.rank() < 2};
}

/// The losses of rows, weighted and reduced; for a single row without its dimension.
Tensor reduce_rows(const char* function, const Rows& rows, const Tensor& losses, const LossOptions& options) {
  return reduce_losses(function, rows.single ? losses.squeeze(0) : losses, options, Normalize::count);
}

LossOptions without_weight(LossOptions options) {
  options.weight = {};
  return options;
}

Tensor class_weight(const char* function, const Rows& rows, const Tensor& weight) {
  if (weight.shape() != Shape{rows.classes()}) {
    fail<ShapeError>("{}: weight has shape {}, but input has {} classes (valid: [{}])", function, weight.shape(),
                     rows.classes(), rows.classes());
  }
  return weight.to(rows.scores.dtype());
}

/// Class indices as int64 [N], each checked.
Tensor checked_labels(const char* function, const Rows& rows, const Tensor& target, bool single) {
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  const bool fits = single ? target.numel() == 1 && target.rank() <= 1 : target.shape() == Shape{rows.count()};
  if (!fits) {
    fail<ShapeError>("{}: target has shape {}, but input has {} rows (valid: {})", function, target.shape(),
                     rows.count(), single ? "[] or [1]" : fmt::format("[{}]", rows.count()));
  }
  const Tensor dense = target.contiguous();
  visit_dtype(dense.dtype(), [&]<class T>() {
    kernels::read_labels<float>(function, dense.dtype(), dense.data<T>(), dense.numel(), rows.classes(),
                                kernels::no_ignore_index, nullptr);
  });
  return dense.to(DType::int64).reshape({rows.count()});
}

/// What each row lists: its classes up to the first -1.
struct Lists {
  Tensor classes;     ///< int64 [N, J], J the longest list; 0 past a row's own
  Tensor is_listed;   ///< of the scores' dtype, [N, C]: 1 for the classes that occur
  Tensor is_present;  ///< likewise, [N, J]: 1 within a row's list
};
Lists lists_of(const char* function, const Rows& rows, const Tensor& target) {
  const std::int64_t n = rows.count(), c = rows.classes();
  const auto labels = target.to_vector<std::int64_t>();
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(n));
  std::int64_t longest = 1;
  for (std::int64_t row = 0; row < n; ++row) {
    std::int64_t& length = lengths[static_cast<std::size_t>(row)];
    for (; length < c; ++length) {
      const std::int64_t label = labels[static_cast<std::size_t>(row * c + length)];
      if (label == -1) break;
      if (label < 0 || label >= c) {
        fail<IndexError>("{}: target[{}] is {}, but input has {} classes (valid: 0..{}, or -1 for the end)", function,
                         row * c + length, label, c, c - 1);
      }
    }
    longest = std::max(longest, length);
  }
  std::vector<std::int64_t> classes(static_cast<std::size_t>(n * longest));
  std::vector<double> listed(static_cast<std::size_t>(n * c)), present(static_cast<std::size_t>(n * longest));
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t j = 0; j < lengths[static_cast<std::size_t>(row)]; ++j) {
      const std::int64_t label = labels[static_cast<std::size_t>(row * c + j)];
      classes[static_cast<std::size_t>(row * longest + j)] = label;
      present[static_cast<std::size_t>(row * longest + j)] = 1;
      listed[static_cast<std::size_t>(row * c + label)] = 1;
    }
  }
  const DType dtype = rows.scores.dtype();
  return {Tensor::from(classes, {n, longest}), Tensor::from(listed, {n, c}).to(dtype),
          Tensor::from(present, {n, longest}).to(dtype)};
}

}  // namespace

namespace functional {

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, const MarginRanking& loss,
                           const LossOptions& options) {
  constexpr const char* function = "margin_ranking_loss";
  const DType dtype = promote(loss_dtype(function, input1, input2), loss_dtype(function, input1, target));
  check_parameters(loss);
  if (input1.rank() != input2.rank() || input1.rank() != target.rank()) {
    fail<ShapeError>("{}: input1 has shape {}, input2 {} and target {} (valid: the same rank)", function,
                     input1.shape(), input2.shape(), target.shape());
  }
  const Tensor difference = input1.to(dtype) - input2.to(dtype);
  return reduce_losses(function, loss(difference, target.to(dtype)), options, Normalize::count);
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, const MultiMargin& loss,
                         const LossOptions& options) {
  constexpr const char* function = "multi_margin_loss";
  const Rows rows = rows_of(function, input);
  check_parameters(loss);
  const Tensor weight = options.weight.defined() ? class_weight(function, rows, options.weight) : Tensor();
  const Tensor labels = checked_labels(function, rows, target, rows.single);
  const Tensor own = gather(rows.scores, 1, labels.unsqueeze(1));
  const Tensor is_other =
      Tensor::arange(0, static_cast<double>(rows.classes()), 1, DType::int64) != labels.unsqueeze(1);
  const Tensor violations = select(is_other, loss(rows.scores - own), 0.0);
  const Tensor losses = sum(violations, 1) / static_cast<double>(rows.classes());
  const bool keeps_row = rows.single && target.rank() == 1;  // as PyTorch: a target [1] gives a loss [1]
  LossOptions of_rows = options;
  if (weight.defined()) {
    of_rows.weight = index_select(weight, 0, labels);
    if (!keeps_row && rows.single) of_rows.weight = of_rows.weight.squeeze(0);
  }
  return reduce_rows(function, {rows.scores, rows.single && !keeps_row}, losses, of_rows);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, const MultilabelMargin& loss,
                              const LossOptions& options) {
  constexpr const char* function = "multilabel_margin_loss";
  const Rows rows = rows_of(function, input);
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (target.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
  if (target.dtype() != DType::int64) {
    fail<DTypeError>("{}: target holds {} (valid: int64)", function, name_of(target.dtype()));
  }
  const Lists lists = lists_of(function, rows, target);
  // [N, J, C]: every listed class against every one that is not
  const Tensor own = gather(rows.scores, 1, lists.classes).unsqueeze(2);
  const Tensor counts = lists.is_present.unsqueeze(2) * (1.0 - lists.is_listed).unsqueeze(1);
  const Tensor violations = select(counts > 0.0, loss(rows.scores.unsqueeze(1) - own), 0.0);
  const Tensor losses = sum(violations, Dims{1, 2}) / static_cast<double>(rows.classes());
  return reduce_rows(function, rows, losses, options);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const MultilabelSoftMargin& loss,
                                   const LossOptions& options) {
  constexpr const char* function = "multilabel_soft_margin_loss";
  const DType dtype = loss_dtype(function, input, target);
  if (input.rank() == 0) fail<ShapeError>("{}: input has shape [] (valid: [..., C])", function);
  const Tensor terms = loss(input.to(dtype), target.to(dtype));
  if (terms.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
  const LossOptions weights{.weight = options.weight, .pos_weight = {}, .reduction = Reduction::none};
  return reduce_losses(function, mean(reduce_losses(function, terms, weights, Normalize::count), -1),
                       without_weight(options), Normalize::count);
}

}  // namespace functional
}  // namespace perdita
