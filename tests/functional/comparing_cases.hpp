// The losses that compare, each with targets of its own and with what it should be, for tests of their kernels.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "functional/comparing_truth.hpp"
#include "perdita/functional/functional.hpp"

namespace perdita::comparing {

namespace F = functional;
using truth::Result;
using truth::Row;
using Tensors = std::vector<Tensor>;

/// A loss of `inputs` dense tensors [rows, size], with targets of its own that `row` and `size` determine.
struct Case {
  std::string name;
  std::size_t inputs;
  bool elementwise = false;  // a loss for each element rather than for each row
  std::function<Tensor(const Tensors&, const LossOptions&)> loss;
  std::function<Result(const std::vector<Row>&, std::size_t rows, std::size_t size)> truth;
};

inline std::size_t rows_of(const Tensors& x) { return static_cast<std::size_t>(x[0].size(0)); }
inline std::size_t size_of(const Tensors& x) { return static_cast<std::size_t>(x[0].size(1)); }

/// 1, -1, -1 and, for losses that take it, 0.
inline Row signs(std::size_t count, bool with_zero) {
  Row values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = i % 3 == 0 ? 1 : with_zero && i % 23 == 22 ? 0 : -1;
  return values;
}
inline Row shares(std::size_t count) {
  Row values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i % 5) / 4;
  return values;
}
inline std::int64_t label_of(std::size_t row, std::size_t classes) {
  return static_cast<std::int64_t>((row * 31 + classes / 2) % classes);
}
/// Lists of 0 to 4 classes, of which some occur twice.
inline std::vector<std::vector<std::int64_t>> lists(std::size_t rows, std::size_t classes) {
  std::vector<std::vector<std::int64_t>> all(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < std::min(row % 5, classes); ++j)
      all[row].push_back(static_cast<std::int64_t>((row * 17 + (j % 3) * 5) % classes));
  }
  return all;
}
inline Row class_weights(std::size_t classes) {
  Row weights(classes);
  for (std::size_t k = 0; k < classes; ++k) weights[k] = 0.5 + static_cast<double>(k % 4);
  return weights;
}
inline Tensor label_tensor(std::size_t rows, std::size_t classes) {
  std::vector<std::int64_t> labels(rows);
  for (std::size_t row = 0; row < rows; ++row) labels[row] = label_of(row, classes);
  return Tensor::from(labels);
}
inline Tensor list_tensor(std::size_t rows, std::size_t classes) {
  std::vector<std::int64_t> target(rows * classes, -1);
  const auto all = lists(rows, classes);
  for (std::size_t row = 0; row < rows; ++row)
    std::ranges::copy(all[row], target.begin() + static_cast<std::ptrdiff_t>(row * classes));
  return Tensor::from(target, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(classes)});
}
inline std::vector<std::vector<std::int64_t>> own_labels(std::size_t rows, std::size_t classes) {
  std::vector<std::vector<std::int64_t>> own(rows);
  for (std::size_t row = 0; row < rows; ++row) own[row] = {label_of(row, classes)};
  return own;
}

inline std::vector<Case> cases() {
  std::vector<Case> all;
  for (double p : {1.0, 2.0}) {
    for (bool swap : {false, true}) {
      const TripletMargin loss{.margin = 1.5, .p = p, .eps = 0.125, .swap = swap};
      all.push_back({.name = fmt::format("triplet_margin p={} swap={}", p, swap),
                     .inputs = 3,
                     .loss = [=](const Tensors& x,
                                 const LossOptions& o) { return F::triplet_margin_loss(x[0], x[1], x[2], loss, o); },
                     .truth =
                         [=](const std::vector<Row>& x, std::size_t rows, std::size_t size) {
                           return truth::triplet_margin(x, rows, size, loss.margin, p, loss.eps, swap);
                         }});
    }
    const MultiMargin loss{.p = p, .margin = 0.75};
    for (bool weighted : {false, true}) {
      all.push_back({.name = fmt::format("multi_margin p={} weighted={}", p, weighted),
                     .inputs = 1,
                     .loss =
                         [=](const Tensors& x, LossOptions o) {
                           if (o.weight.defined() || weighted) {
                             const Tensor ones = Tensor::ones({x[0].size(1)}, x[0].dtype());
                             const bool recorded = o.weight.defined();
                             o.weight = weighted ? Tensor::from(class_weights(size_of(x))).to(x[0].dtype()) : ones;
                             if (recorded) o.weight.set_requires_grad();
                           }
                           return F::multi_margin_loss(x[0], label_tensor(rows_of(x), size_of(x)), loss, o);
                         },
                     .truth =
                         [=](const std::vector<Row>& x, std::size_t rows, std::size_t size) {
                           return truth::margins(x[0], own_labels(rows, size), size, loss.margin, p,
                                                 weighted ? class_weights(size) : Row{});
                         }});
    }
  }
  all.push_back({.name = "multilabel_margin",
                 .inputs = 1,
                 .loss =
                     [](const Tensors& x, const LossOptions& o) {
                       return F::multilabel_margin_loss(x[0], list_tensor(rows_of(x), size_of(x)), {}, o);
                     },
                 .truth = [](const std::vector<Row>& x, std::size_t rows,
                             std::size_t size) { return truth::margins(x[0], lists(rows, size), size, 1, 1, {}); }});
  all.push_back({.name = "cosine_embedding",
                 .inputs = 2,
                 .loss =
                     [](const Tensors& x, const LossOptions& o) {
                       const Tensor t = Tensor::from(signs(rows_of(x), true));
                       return F::cosine_embedding_loss(x[0], x[1], t.to(x[0].dtype()), {.margin = -0.25}, o);
                     },
                 .truth = [](const std::vector<Row>& x, std::size_t rows,
                             std::size_t size) { return truth::cosine_embedding(x, signs(rows, true), size, -0.25); }});
  all.push_back({.name = "margin_ranking",
                 .inputs = 2,
                 .elementwise = true,
                 .loss =
                     [](const Tensors& x, const LossOptions& o) {
                       const Tensor t = Tensor::from(signs(rows_of(x) * size_of(x), false)).reshape(x[0].shape());
                       return F::margin_ranking_loss(x[0], x[1], t.to(x[0].dtype()), {.margin = 0.25}, o);
                     },
                 .truth = [](const std::vector<Row>& x, std::size_t rows,
                             std::size_t size) { return truth::margin_ranking(x, signs(rows * size, false), 0.25); }});
  all.push_back(
      {.name = "multilabel_soft_margin",
       .inputs = 1,
       .loss =
           [](const Tensors& x, LossOptions o) {
             if (o.weight.defined()) o.weight = Tensor::ones(x[0].shape(), x[0].dtype());
             const Tensor t = Tensor::from(shares(rows_of(x) * size_of(x))).reshape(x[0].shape());
             return F::multilabel_soft_margin_loss(x[0], t.to(x[0].dtype()), {}, o);
           },
       .truth = [](const std::vector<Row>& x, std::size_t rows,
                   std::size_t size) { return truth::multilabel_soft_margin(x[0], shares(rows * size), size); }});
  return all;
}

}  // namespace perdita::comparing
