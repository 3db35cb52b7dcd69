#include "perdita/core/parallel.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

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

// libgomp's threads are not there in the child, which would wait for them for ever: alarm() ends it then.
TEST(ParallelFor, RunsInTheChildOfAFork) {
  set_num_threads(2);
  const auto sum_of_items = [] {
    std::atomic<std::int64_t> sum = 0;
    parallel_for(100, [&](std::int64_t i) { sum += i; });
    return sum.load();
  };
  ASSERT_EQ(sum_of_items(), 4950);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    const bool is_single = num_threads() == 1;
    set_num_threads(3);
    _exit(is_single && sum_of_items() == 4950 && num_threads() == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(num_threads(), 2);
  EXPECT_EQ(sum_of_items(), 4950);
}

TEST(ParallelFor, ThreadCountIsChecked) { EXPECT_THROW(set_num_threads(0), ValueError); }

}  // namespace
}  // namespace perdita
