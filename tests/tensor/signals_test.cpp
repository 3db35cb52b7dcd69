// Signals may come while a product is computed: a handler must find the thread's own stack.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "perdita/tensor/all.hpp"

namespace perdita {
namespace {

std::atomic<std::uintptr_t> stack_begin, stack_end;
std::atomic<int> handled, astray;

void look_at_stack(int) {
  const auto address = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (address < stack_begin || address >= stack_end) ++astray;
  ++handled;
}

void remember_stack_of_this_thread() {
  pthread_attr_t attributes;
  void* begin = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
  pthread_attr_getstack(&attributes, &begin, &size);
  pthread_attr_destroy(&attributes);
  stack_begin = reinterpret_cast<std::uintptr_t>(begin);
  stack_end = stack_begin + size;
}

/// Sends this thread one signal after another.
class Disturbance {
 public:
  explicit Disturbance(int signal) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = look_at_stack;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, &before_);
    sender_ = std::jthread([signal, target = pthread_self()](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        pthread_kill(target, signal);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    });
  }
  Disturbance(const Disturbance&) = delete;
  Disturbance& operator=(const Disturbance&) = delete;
  ~Disturbance() {
    sender_ = {};
    ::sigaction(signal_, &before_, nullptr);
  }

 private:
  int signal_;
  struct sigaction before_ {};
  std::jthread sender_;
};

struct Product {
  std::int64_t m, n, k;
  bool a_transposed, b_transposed;
};

class ProductUnderSignals : public testing::TestWithParam<Product> {};

// Some kernels of oneDNN use the stack pointer for a workspace in the heap, where a signal's frame overwrote what was
// next to it.
TEST_P(ProductUnderSignals, LeavesTheStackToHandlers) {
  const auto& [m, n, k, a_transposed, b_transposed] = GetParam();
  const Tensor a = Tensor::ones(a_transposed ? Shape{k, m} : Shape{m, k});
  const Tensor b = Tensor::ones(b_transposed ? Shape{n, k} : Shape{k, n});
  remember_stack_of_this_thread();
  handled = astray = 0;
  const Disturbance disturbance(SIGUSR1);
  while (handled < 200) {
    const Tensor c = matmul(a_transposed ? a.t() : a, b_transposed ? b.t() : b);
    ASSERT_EQ(c.reshape({m * n}).select(0, m * n - 1).item(), static_cast<double>(k));
  }
  EXPECT_EQ(astray, 0) << "of " << handled << " signals";
}

INSTANTIATE_TEST_SUITE_P(Shapes, ProductUnderSignals,
                         testing::Values(Product{128, 256, 784, false, true}, Product{784, 256, 128, true, false},
                                         Product{256, 10, 128, true, false}, Product{128, 256, 784, false, false},
                                         Product{256, 64, 3000, true, true}));

}  // namespace
}  // namespace perdita
