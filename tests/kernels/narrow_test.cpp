// Numbers of 16 bits against the definition of their formats: sign, exponent, fraction.
#include "perdita/kernels/narrow.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "perdita/kernels/gather.hpp"
#include "perdita/kernels/stream.hpp"

using namespace perdita;

namespace {

struct Format {
  DType dtype;
  int exponent_bits, fraction_bits;

  double value(unsigned bits) const {
    const int largest = (1 << exponent_bits) - 1, bias = largest / 2;
    const int exponent = static_cast<int>(bits >> fraction_bits) & largest;
    const double fraction = std::ldexp(static_cast<double>(bits & ((1u << fraction_bits) - 1)), -fraction_bits);
    const double sign = (bits >> 15) != 0 ? -1 : 1;
    if (exponent == largest) return fraction == 0 ? sign * INFINITY : NAN;
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
    return sign * std::ldexp(1 + fraction, exponent - bias);
  }
};

constexpr Format formats[] = {{DType::bfloat16, 8, 7}, {DType::float16, 5, 10}};

std::vector<std::uint16_t> all_patterns() {
  std::vector<std::uint16_t> patterns(65536);
  for (unsigned i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  return patterns;
}

std::uint16_t narrowed(float x, DType dtype) {
  std::uint16_t bits;
  detail::narrow(&bits, dtype, &x, 1);
  return bits;
}

}  // namespace

TEST(Narrow, EveryPatternIsRead) {
  const std::vector<std::uint16_t> patterns = all_patterns();
  for (const Format& format : formats) {
    std::vector<float> read(patterns.size());
    detail::widen(read.data(), patterns.data(), format.dtype, std::ssize(read));
    for (unsigned i = 0; i < patterns.size(); ++i) {
      const double expected = format.value(i);
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(read[i])) << i;
      else
        EXPECT_TRUE(read[i] == expected && std::signbit(read[i]) == std::signbit(expected)) << i << " " << read[i];
    }
  }
}

TEST(Narrow, EveryNumberComesBack) {
  const std::vector<std::uint16_t> patterns = all_patterns();
  for (const Format& format : formats) {
    std::vector<float> read(patterns.size());
    std::vector<std::uint16_t> written(patterns.size());
    detail::widen(read.data(), patterns.data(), format.dtype, std::ssize(read));
    detail::narrow(written.data(), format.dtype, read.data(), std::ssize(read));
    for (unsigned i = 0; i < patterns.size(); ++i) {
      if (std::isnan(format.value(i)))
        EXPECT_TRUE(std::isnan(format.value(written[i]))) << i;
      else
        EXPECT_EQ(written[i], i);
    }
  }
}

// Between two neighbours: what is nearer to one is rounded to it, and the middle to the one with an even last bit.
TEST(Narrow, RoundsToNearestEven) {
  for (const Format& format : formats) {
    const unsigned infinity = static_cast<unsigned>((1 << format.exponent_bits) - 1) << format.fraction_bits;
    for (unsigned i = 0; i < infinity; ++i) {
      const unsigned above = i + 1;
      // Beyond the largest number, infinity is where the next one would be.
      const double low = format.value(i),
                   step = i + 1 == infinity ? low - format.value(i - 1) : format.value(above) - low;
      const auto middle = static_cast<float>(low + step / 2);
      EXPECT_EQ(narrowed(middle, format.dtype), i % 2 == 0 ? i : above) << i;
      if (format.dtype == DType::bfloat16 && i < 128) continue;  // float32 has no more bits there
      EXPECT_EQ(narrowed(std::nextafter(middle, 0.0f), format.dtype), i) << i;
      EXPECT_EQ(narrowed(std::nextafter(middle, INFINITY), format.dtype), above) << i;
      EXPECT_EQ(narrowed(-middle, format.dtype), (i % 2 == 0 ? i : above) | 0x8000u) << i;
    }
  }
}

TEST(Narrow, LengthsThatFillNoRegister) {
  for (std::int64_t count = 0; count < 70; ++count) {
    std::vector<float> numbers(static_cast<std::size_t>(count) + 1, 1.5f), back(numbers.size(), -1.0f);
    std::vector<std::uint16_t> bits(numbers.size(), 7);
    detail::narrow(bits.data(), DType::float16, numbers.data(), count);
    EXPECT_EQ(bits.back(), 7);
    detail::widen(back.data(), bits.data(), DType::float16, count);
    EXPECT_EQ(back.back(), -1.0f);
    for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(back[static_cast<std::size_t>(i)], 1.5f);
  }
}

TEST(Narrow, StreamingWritesTheSame) {
  std::vector<float> numbers(3000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 0.37f * static_cast<float>(i) - 200;
  for (std::int64_t count : {0, 1, 31, 32, 33, 300, 2900}) {
    for (std::int64_t offset = 0; offset < 40; offset += 3) {
      std::vector<std::uint16_t> plain(3000, 7), streamed = plain;
      detail::narrow(plain.data() + offset, DType::bfloat16, numbers.data(), count);
      detail::narrow(streamed.data() + offset, DType::bfloat16, numbers.data(), count, true);
      detail::end_streaming();
      EXPECT_EQ(plain, streamed) << count << " " << offset;
    }
  }
}

// A broadcast number is read once, although the block has many elements.
TEST(Narrow, OneNumberIsRepeated) {
  std::vector<float> block(100, -1.0f);
  const std::vector<std::uint16_t> number(1, 0x3fc0);  // 1.5
  const detail::StridedArray array = detail::strided_array(number.data(), DType::bfloat16, {1}, {1});
  detail::gather(block.data(), array, 0, 90);
  for (std::size_t i = 0; i < 90; ++i) EXPECT_EQ(block[i], 1.5f);
}
