#include "perdita/tensor/matmul.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "perdita/core/parallel.hpp"
#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

using detail::gemm;
using detail::Matrix;

template <class T>
void compare_with_loops(std::uint64_t seed, double tolerance) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 40; ++round) {
    const auto size = [&](std::int64_t most) {
      return 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
    };
    const std::int64_t m = size(round % 4 ? 70 : 300), n = size(round % 4 ? 70 : 300), k = size(150),
                       extra = size(3) - 1;
    const bool turn_a = random() % 2, turn_b = random() % 2, accumulate = random() % 2;
    const std::int64_t a_step = (turn_a ? m : k) + extra, b_step = (turn_b ? k : n) + extra, c_step = n + extra;
    const DType dtype = dtype_of<T>();
    const Tensor a = Tensor::randn({turn_a ? k : m, a_step}, random(), 0, dtype),
                 b = Tensor::randn({turn_b ? n : k, b_step}, random(), 0, dtype);
    const Tensor c = Tensor::randn({m, c_step}, random(), 0, dtype), before = c.clone();
    gemm(m, n, k, Matrix<T>{a.data<T>(), a_step, turn_a}, Matrix<T>{b.data<T>(), b_step, turn_b}, c.mutable_data<T>(),
         c_step, accumulate);
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < c_step; ++j) {
        double expected = before.data<T>()[i * c_step + j];
        if (j < n && !accumulate) expected = 0;
        for (std::int64_t p = 0; j < n && p < k; ++p) {
          expected += static_cast<double>(turn_a ? a.data<T>()[p * a_step + i] : a.data<T>()[i * a_step + p]) *
                      static_cast<double>(turn_b ? b.data<T>()[j * b_step + p] : b.data<T>()[p * b_step + j]);
        }
        ASSERT_NEAR(c.data<T>()[i * c_step + j], expected, tolerance)
            << m << " x " << k << " x " << n << " turned " << turn_a << turn_b << " seed " << seed;
      }
    }
  }
}

TEST(Gemm, InFloatIsThatOfLoops) { compare_with_loops<float>(std::random_device{}(), 1e-4); }
TEST(Gemm, InDoubleIsThatOfLoops) { compare_with_loops<double>(std::random_device{}(), 1e-11); }

TEST(Gemm, DoesNotDependOnThreads) {
  std::mt19937_64 random(std::random_device{}());
  for (int round = 0; round < 30; ++round) {
    const std::int64_t m = 1 + static_cast<std::int64_t>(random() % 400),
                       n = 1 + static_cast<std::int64_t>(random() % 400),
                       k = 1 + static_cast<std::int64_t>(random() % 900);
    const Tensor a = random() % 2 ? Tensor::randn({m, k}, 1) : Tensor::randn({k, m}, 1).t();
    const Tensor b = random() % 2 ? Tensor::randn({k, n}, 2) : Tensor::randn({n, k}, 2).t();
    set_num_threads(1);
    const auto one = matmul(a, b).to_vector<float>();
    for (const int threads : {2, 3}) {
      set_num_threads(threads);
      ASSERT_EQ(matmul(a, b).to_vector<float>(), one) << m << " x " << k << " x " << n << ", threads " << threads;
    }
    set_num_threads(2);
  }
}

TEST(Matmul, TakesViewsAndBatches) {
  const Tensor a = Tensor::randn({3, 4, 5}, 1), b = Tensor::randn({3, 5, 2}, 2);
  const Tensor all = matmul(a, b);
  ASSERT_EQ(all.shape(), (Shape{3, 4, 2}));
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor one = matmul(a.select(0, i), b.select(0, i));
    for (std::int64_t r = 0; r < 4; ++r) {
      for (std::int64_t c = 0; c < 2; ++c) {
        float expected = 0;
        for (std::int64_t p = 0; p < 5; ++p)
          expected += a.data<float>()[i * 20 + r * 5 + p] * b.data<float>()[i * 10 + p * 2 + c];
        EXPECT_NEAR(one.data<float>()[r * 2 + c], expected, 1e-5);
        EXPECT_NEAR(all.data<float>()[i * 8 + r * 2 + c], expected, 1e-5);
      }
    }
  }
  const Tensor x = Tensor::randn({6, 6}, 3);  // views that are neither plain nor turned
  const Tensor strided = x.slice(1, 0, 6, 2).slice(0, 0, 6, 2);
  EXPECT_EQ(matmul(strided, strided).to_vector<float>(), matmul(strided.clone(), strided.clone()).to_vector<float>());
  EXPECT_EQ(matmul(Tensor::ones({2, 0}), Tensor::ones({0, 2})).to_vector<float>(), (std::vector<float>{0, 0, 0, 0}));
  EXPECT_EQ(matmul(Tensor::ones({3}), Tensor::ones({3})).item(), 3);
  const Tensor column = Tensor::ones({1, 4}).expand({3, 4});
  EXPECT_EQ(matmul(column, Tensor::ones({4, 1})).to_vector<float>(), (std::vector<float>{4, 4, 4}));
}

TEST(Matmul, SaysWhatDoesNotFit) {
  try {
    matmul(Tensor::ones({2, 3}), Tensor::ones({2, 3}));
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "matmul: shapes [2, 3] and [2, 3] (valid: [N,K] x [K,M], [B,N,K] x [B,K,M], or rank 1 for a vector)");
  }
  EXPECT_THROW(matmul(Tensor::ones({2, 3}), Tensor::ones({3}, DType::float64)), DTypeError);
  EXPECT_THROW(matmul(Tensor::ones({}), Tensor::ones({3})), ShapeError);
}

// oneDNN's threads are OpenMP's, which a forked child does not have.
TEST(Matmul, RunsInTheChildOfAFork) {
  set_num_threads(2);
  const auto corner = [] {
    return matmul(Tensor::full({512, 600}, 0.5), Tensor::full({600, 512}, 2.0)).select(0, 511).select(0, 511).item();
  };
  ASSERT_EQ(corner(), 600.0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(corner() == 600.0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace perdita
