// Matrix products against sums in double, with sizes around those of tiles and blocks, in all layouts.
#include "perdita/kernels/matrix_product.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace perdita::kernels {
namespace {

struct Layout {
  bool a_is_turned, b_is_turned, accumulates;
};

/// The largest error of an element, relative to the sum of the sizes of its terms. Elements behind the columns of c
/// stay.
template <class T>
double largest_error(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Layout& layout) {
  constexpr std::int64_t gap = 3;
  std::mt19937 random(static_cast<unsigned>(rows * 7 + columns * 3 + depth));
  std::normal_distribution<double> normal;
  const auto numbers = [&](std::int64_t count) {
    std::vector<T> result(static_cast<std::size_t>(count));
    for (T& x : result) x = static_cast<T>(normal(random));
    return result;
  };
  const std::vector<T> a = numbers(rows * depth), b = numbers(depth * columns);
  std::vector<T> c = numbers(rows * (columns + gap));
  const std::vector<T> before = c;
  const ProductTask<T> task{.rows = rows,
                            .columns = columns,
                            .depth = depth,
                            .a = {a.data(), layout.a_is_turned ? 1 : depth, layout.a_is_turned ? rows : 1},
                            .b = {b.data(), layout.b_is_turned ? 1 : columns, layout.b_is_turned ? depth : 1},
                            .c = c.data(),
                            .c_row_step = columns + gap,
                            .accumulates = layout.accumulates};
  matrix_product(task);
  double largest = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns + gap; ++j) {
      const auto at = static_cast<std::size_t>(i * (columns + gap) + j);
      const bool is_kept = layout.accumulates || j >= columns;
      double sum = is_kept ? static_cast<double>(before[at]) : 0, size = 1;
      for (std::int64_t p = 0; p < depth && j < columns; ++p) {
        const double term = static_cast<double>(task.a.at(i, p)) * static_cast<double>(task.b.at(p, j));
        sum += term;
        size += std::abs(term);
      }
      largest = std::max(largest, std::abs(sum - static_cast<double>(c[at])) / size);
    }
  }
  return largest;
}

TEST(MatrixProduct, IsTheSumOfItsTerms) {
  for (const std::int64_t rows : {0, 1, 5, 12, 13, 150})
    for (const std::int64_t columns : {0, 1, 3, 4, 7, 32, 33})
      for (const std::int64_t depth : {0, 1, 5, 192, 193})
        for (const Layout& layout :
             {Layout{false, false, false}, {true, false, true}, {false, true, false}, {true, true, true}}) {
          EXPECT_LT((largest_error<float>(rows, columns, depth, layout)), 1e-6)
              << rows << " " << columns << " " << depth;
          EXPECT_LT((largest_error<double>(rows, columns, depth, layout)), 1e-14)
              << rows << " " << columns << " " << depth;
        }
}

TEST(MatrixProduct, HasMoreColumnsThanABlock) {
  EXPECT_LT((largest_error<float>(5, 2100, 200, {false, false, true})), 1e-6);
}

}  // namespace
}  // namespace perdita::kernels
