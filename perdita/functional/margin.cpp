// Losses that compare scores with each other.
#include <algorithm>

#include "perdita/functional/functional.hpp"
#include "perdita/functional/of_three.hpp"
#include "perdita/functional/operands.hpp"
#include "perdita/kernels/labels.hpp"
#include "perdita/losses/comparing_kernels.hpp"

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

void check_label_shape(const char* function, const Rows& rows, const Tensor& target) {
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  const bool fits = rows.single ? target.numel() == 1 && target.rank() <= 1 : target.shape() == Shape{rows.count()};
  if (!fits) {
    fail<ShapeError>("{}: target has shape {}, but input has {} rows (valid: {})", function, target.shape(),
                     rows.count(), rows.single ? "[] or [1]" : fmt::format("[{}]", rows.count()));
  }
}

/// Class indices, each checked.
kernels::Labels labels_of(const char* function, const Rows& rows, const Tensor& target) {
  const Tensor dense = target.contiguous();
  return visit_dtype(dense.dtype(), [&]<class T>() {
    return kernels::read_labels<float>(function, dense.dtype(), dense.data<T>(), dense.numel(), rows.classes(),
                                       kernels::no_ignore_index, nullptr);
  });
}

void check_lists(const char* function, const Tensor& input, const Tensor& target) {
  if (!target.defined()) fail<ValueError>("{}: target is not a tensor", function);
  if (target.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
  if (target.dtype() != DType::int64) {
    fail<DTypeError>("{}: target holds {} (valid: int64)", function, name_of(target.dtype()));
  }
}

/// The listed classes of each row, up to the first -1.
struct Lists {
  Tensor classes;     ///< int64 [N, J], J the longest list; 0 past a row's own
  Tensor is_listed;   ///< of the scores' dtype, [N, C]: 1 for the classes that occur
  Tensor is_present;  ///< likewise, [N, J]: 1 within a row's list
};
Lists lists_of(const Rows& rows, const kernels::LabelLists& lists) {
  const std::int64_t n = rows.count(), c = rows.classes();
  const auto begin_of = [&](std::int64_t row) { return row > 0 ? lists.end_data()[row - 1] : 0; };
  std::int64_t longest = 1;
  for (std::int64_t row = 0; row < n; ++row) longest = std::max(longest, lists.end_data()[row] - begin_of(row));
  std::vector<std::int64_t> classes(static_cast<std::size_t>(n * longest));
  std::vector<double> listed(static_cast<std::size_t>(n * c)), present(static_cast<std::size_t>(n * longest));
  for (std::int64_t row = 0; row < n; ++row) {
    for (std::int64_t j = begin_of(row); j < lists.end_data()[row]; ++j) {
      const std::int64_t label = lists.label_data()[j];
      const auto at = static_cast<std::size_t>(row * longest + j - begin_of(row));
      classes[at] = label;
      present[at] = 1;
      listed[static_cast<std::size_t>(row * c + label)] = 1;
    }
  }
  const DType dtype = rows.scores.dtype();
  return {Tensor::from(classes, {n, longest}), Tensor::from(listed, {n, c}).to(dtype),
          Tensor::from(present, {n, longest}).to(dtype)};
}

Tensor margin_ranking_by_formula(const char* function, const Tensor& x1, const Tensor& x2, const Tensor& target,
                                 const MarginRankingOfScores& loss, const LossOptions& options) {
  return reduce_losses(function, loss(x1, x2, target), options, Normalize::count);
}

/// `labels`: int64 [N].
Tensor multi_margin_by_formula(const char* function, const Tensor& input, const Tensor& labels, bool keeps_row,
                               const MultiMargin& loss, const LossOptions& options) {
  const Rows rows = rows_of(function, input);
  const Tensor own = gather(rows.scores, 1, labels.unsqueeze(1));
  const Tensor is_other =
      Tensor::arange(0, static_cast<double>(rows.classes()), 1, DType::int64) != labels.unsqueeze(1);
  const Tensor violations = select(is_other, loss(rows.scores - own), 0.0);
  const Tensor losses = sum(violations, 1) / static_cast<double>(rows.classes());
  LossOptions of_rows = options;
  if (options.weight.defined()) {
    of_rows.weight = index_select(class_weight(function, rows, options.weight), 0, labels);
    if (rows.single && !keeps_row) of_rows.weight = of_rows.weight.squeeze(0);
  }
  return reduce_rows(function, {rows.scores, rows.single && !keeps_row}, losses, of_rows);
}

Tensor multilabel_margin_by_formula(const char* function, const Tensor& input, const kernels::LabelLists& lists,
                                    const MultilabelMargin& loss, const LossOptions& options) {
  const Rows rows = rows_of(function, input);
  const Lists listed = lists_of(rows, lists);
  // [N, J, C]: every listed class against every one that is not
  const Tensor own = gather(rows.scores, 1, listed.classes).unsqueeze(2);
  const Tensor counts = listed.is_present.unsqueeze(2) * (1.0 - listed.is_listed).unsqueeze(1);
  const Tensor violations = select(counts > 0.0, loss(rows.scores.unsqueeze(1) - own), 0.0);
  const Tensor losses = sum(violations, Dims{1, 2}) / static_cast<double>(rows.classes());
  return reduce_rows(function, rows, losses, options);
}

Tensor multilabel_soft_margin_by_formula(const char* function, const Tensor& input, const Tensor& target,
                                         const MultilabelSoftMargin& loss, const LossOptions& options) {
  const Tensor terms = loss(input, target);
  if (terms.shape() != input.shape()) {
    fail<ShapeError>("{}: target has shape {}, but input has {} (valid: the same)", function, target.shape(),
                     input.shape());
  }
  const LossOptions weights{.weight = options.weight, .pos_weight = {}, .reduction = Reduction::none};
  return reduce_losses(function, mean(reduce_losses(function, terms, weights, Normalize::count), -1),
                       without_weight(options), Normalize::count);
}

/// The mean of each row of `values` into `means`.
template <class T>
void write_row_means(const Tensor& values, T* means) {
  const NoGrad no_grad;
  const Tensor found = mean(values, -1);
  std::copy_n(found.data<T>(), found.numel(), means);
}

}  // namespace

Tensor detail::own_call(const char* function, const MarginRanking& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input1 = *x[0], &input2 = *x[1], &target = *x[2];
  const DType dtype = promote(loss_dtype(function, input1, input2), loss_dtype(function, input1, target));
  check_parameters(loss);
  if (input1.rank() != input2.rank() || input1.rank() != target.rank()) {
    fail<ShapeError>("{}: input1 has shape {}, input2 {} and target {} (valid: the same rank)", function,
                     input1.shape(), input2.shape(), target.shape());
  }
  const Tensor x1 = input1.to(dtype), x2 = input2.to(dtype), t = target.to(dtype);
  if (validates(options)) check_domain(function, "target", t, MarginRanking::info.target);
  const MarginRankingOfScores of_scores{loss};
  if (!are_dense_alike({&x1, &x2, &t}) || options.weight.defined() || needs_grad({&t}))
    return margin_ranking_by_formula(function, x1, x2, t, of_scores, options);
  const auto formula = [=, target = Saved(t), options = without_extras(options)](std::span<const Tensor> recorded) {
    return margin_ranking_by_formula(function, recorded[0], recorded[1], target.get(function), of_scores, options);
  };
  return visit_floating(dtype, function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 2>& out) {
      return of_three<T>(of_scores, {x1.data<T>(), x2.data<T>(), t.data<T>()}, out, x1.numel());
    };
    return kernel_loss<T>(function, std::array{x1, x2}, x1.shape(), options, compute, formula);
  });
}

Tensor detail::own_call(const char* function, const MultiMargin& loss, GivenTensors x, const LossOptions& options) {
  const Tensor &input = *x[0], &target = *x[1];
  const Rows rows = rows_of(function, input);
  check_parameters(loss);
  const Tensor weight = options.weight.defined() ? class_weight(function, rows, options.weight) : Tensor();
  check_label_shape(function, rows, target);
  const kernels::Labels labels = labels_of(function, rows, target);
  const bool keeps_row = rows.single && target.rank() == 1;  // as PyTorch: a target [1] gives a loss [1]
  const auto by_formula = [=](const Tensor& scores, const Tensor& given, const LossOptions& all) {
    const Tensor indices = given.to(DType::int64).reshape({rows.count()});
    return multi_margin_by_formula(function, scores, indices, keeps_row, loss, all);
  };
  const bool needs_weights = needs_grad({&weight}) || options.normalize_by == Normalize::weight_sum;
  if (weight.defined() && needs_weights) return by_formula(input, target, options);
  const auto formula = [=, target = Saved(target),
                        options = without_extras(options)](std::span<const Tensor> recorded) {
    return by_formula(recorded[0], target.get(function), options);
  };
  const Tensor dense = input.contiguous(), dense_weight = weight.defined() ? weight.contiguous() : Tensor();
  const Shape losses = keeps_row ? Shape{1} : rows.single ? Shape{} : Shape{rows.count()};
  return visit_floating(input.dtype(), function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 1>& out) {
      return kernels::margin_rows_loss(
          loss, kernels::MarginRowsTask<T>{.scores = dense.data<T>(),
                                           .rows = rows.count(),
                                           .classes = rows.classes(),
                                           .labels = labels.data(),
                                           .class_weights = weight.defined() ? dense_weight.data<T>() : nullptr,
                                           .gradient = out.gradients[0],
                                           .scale = out.scale,
                                           .losses = out.losses});
    };
    return kernel_loss<T>(function, std::array{dense}, losses, without_weight(options), compute, formula);
  });
}

Tensor detail::own_call(const char* function, const MultilabelMargin& loss, GivenTensors x,
                        const LossOptions& options) {
  const Tensor &input = *x[0], &target = *x[1];
  const Rows rows = rows_of(function, input);
  check_lists(function, input, target);
  const Tensor dense = input.contiguous(), dense_target = target.contiguous();
  const auto read = [=](const Tensor& lists) {
    return kernels::read_label_lists(function, lists.data<std::int64_t>(), rows.count(), rows.classes());
  };
  const kernels::LabelLists lists = read(dense_target);
  if (options.weight.defined()) return multilabel_margin_by_formula(function, input, lists, loss, options);
  const auto formula = [=, target = Saved(dense_target),
                        options = without_extras(options)](std::span<const Tensor> recorded) {
    return multilabel_margin_by_formula(function, recorded[0], read(target.get(function)), loss, options);
  };
  const Shape losses = rows.single ? Shape{} : Shape{rows.count()};
  return visit_floating(input.dtype(), function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 1>& out) {
      return kernels::margin_rows_loss(loss, kernels::MarginRowsTask<T>{.scores = dense.data<T>(),
                                                                        .rows = rows.count(),
                                                                        .classes = rows.classes(),
                                                                        .labels = lists.label_data(),
                                                                        .ends = lists.end_data(),
                                                                        .gradient = out.gradients[0],
                                                                        .scale = out.scale,
                                                                        .losses = out.losses});
    };
    return kernel_loss<T>(function, std::array{dense}, losses, options, compute, formula);
  });
}

Tensor detail::own_call(const char* function, const MultilabelSoftMargin& loss, GivenTensors x,
                        const LossOptions& options) {
  const Tensor &input = *x[0], &target = *x[1];
  const DType dtype = loss_dtype(function, input, target);
  if (input.rank() == 0) fail<ShapeError>("{}: input has shape [] (valid: [..., C])", function);
  const Tensor y = input.to(dtype), t = target.to(dtype);
  if (validates(options)) check_domain(function, "target", t, MultilabelSoftMargin::info.target);
  const bool has_kernel = !options.weight.defined() && are_dense_alike({&y, &t}) && !needs_grad({&t});
  if (!has_kernel) return multilabel_soft_margin_by_formula(function, y, t, loss, options);
  const auto formula = [=, target = Saved(t), options = without_extras(options)](std::span<const Tensor> recorded) {
    return multilabel_soft_margin_by_formula(function, recorded[0], target.get(function), loss, options);
  };
  Shape rows = y.shape();
  rows.erase(rows.rank() - 1);
  const double classes = static_cast<double>(y.size(-1));
  return visit_floating(dtype, function, [&]<class T>() {
    const auto compute = [&](const KernelOutputs<T, 1>& out) {
      const Tensor values = out.losses ? Tensor::empty(y.shape(), dtype) : Tensor();
      const kernels::ElementwiseOutputs<T> to{.values = out.losses ? values.mutable_data<T>() : nullptr,
                                              .gradient = out.gradients[0],
                                              .scale = out.scale / classes};
      const double total =
          kernels::elementwise<MultilabelSoftMargin, T, 2>(loss, {y.data<T>(), t.data<T>()}, to, y.numel());
      if (out.losses) write_row_means(values, out.losses);
      return total / classes;
    };
    return kernel_loss<T>(function, std::array{y}, rows, options, compute, formula);
  });
}

}  // namespace perdita
