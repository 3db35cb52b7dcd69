#include "perdita/core/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "perdita/core/error.hpp"

namespace perdita {
namespace {

TEST(ParallelFor, VisitsEveryItemOnce) {
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<std::atomic<int>> visits(1001);
    parallel_for(1001, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
}

TEST(ParallelFor, RethrowsTheFirstErrorByItemOrder) {
  set_num_threads(2);
  try {
    parallel_for(100, [](std::int64_t i) {
      if (i == 40 || i == 90) fail<ValueError>("item {}", i);
    });
    FAIL() << "expected ValueError";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "item 40");
  }
}

TEST(ParallelFor, ThreadCountIsChecked) { EXPECT_THROW(set_num_threads(0), ValueError); }

}  // namespace
}  // namespace perdita
