#include "perdita/core/buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace perdita {
namespace {

TEST(Buffer, IsAlignedAndHoldsWhatWasAskedFor) {
  for (std::size_t bytes : {0UL, 1UL, 63UL, 64UL, 65UL, 80UL, 81UL, 1000UL, 4096UL, 5000000UL}) {
    Buffer buffer = Buffer::allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
    EXPECT_EQ(buffer.size(), bytes);
    std::memset(buffer.data(), 0xff, bytes);  // the sanitizers see a block that is too small
  }
}

TEST(Buffer, SteadyStateTakesNothingFromTheSystem) {
  const auto step = [] {
    Buffer a = Buffer::allocate(1000), b = Buffer::allocate(123456);
    Buffer c = a;
    EXPECT_FALSE(a.is_unique());
  };
  step();
  const auto before = buffer_statistics();
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(buffer_statistics().system_allocations, before.system_allocations);
  EXPECT_EQ(buffer_statistics().bytes_in_use, before.bytes_in_use);
}

TEST(Buffer, WrapReleasesOnce) {
  int released = 0;
  float data[4];
  {
    Buffer buffer = Buffer::wrap(
        data, sizeof data, [](void* context) { ++*static_cast<int*>(context); }, &released);
    Buffer copy = buffer;
    EXPECT_EQ(copy.data(), data);
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace perdita
