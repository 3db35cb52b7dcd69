#include "perdita/core/error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace perdita {
namespace {

template <class... Args>
std::string message_of(fmt::format_string<detail::Shown<Args>...> text, Args&&... args) {
  try {
    fail<ValueError>(text, std::forward<Args>(args)...);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Error, MessagesShowNanWithoutItsSign) {
  const double negative = std::copysign(std::nan(""), -1.0);
  ASSERT_TRUE(std::signbit(negative));
  EXPECT_EQ(message_of("got {}", negative), "got nan");
  EXPECT_EQ(message_of("got {:.3g} and {}", static_cast<float>(negative), -1.5), "got nan and -1.5");
  EXPECT_EQ(message_of("{} has {} of {}", std::string("a"), 3, "b"), "a has 3 of b");
}

}  // namespace
}  // namespace perdita
