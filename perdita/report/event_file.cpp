#include "perdita/report/event_file.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "perdita/core/crc32c.hpp"

namespace perdita::report {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

template <class T>
std::string bytes_of(T number) {
  return {reinterpret_cast<const char*>(&number), sizeof(T)};
}

/// A protocol buffer under construction.
class Message {
 public:
  Message& number(int field, double value) { return add(field, 1, bytes_of(value)); }
  Message& number(int field, float value) { return add(field, 5, bytes_of(value)); }
  Message& integer(int field, std::int64_t value) { return add(field, 0, varint(static_cast<std::uint64_t>(value))); }
  Message& text(int field, std::string_view value) { return add(field, 2, varint(value.size()) + std::string(value)); }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  Message& numbers(int field, std::span<const double> values) {
    return text(field, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  const std::string& bytes() const { return bytes_; }

 private:
  static std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
  }
  Message& add(int field, unsigned wire_type, const std::string& content) {
    bytes_ += varint(static_cast<unsigned>(field) << 3 | wire_type) + content;
    return *this;
  }
  std::string bytes_;
};

Message event_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Message().number(1, std::chrono::duration<double>(now).count());
}

Message event_of(std::int64_t step, const Message& value) {
  return event_now().integer(2, step).message(5, Message().message(1, value));
}

/// Counts between limits, as HistogramProto has them: bucket i holds what is at most limit i and above the one before.
struct Buckets {
  std::vector<double> limits, counts;
};

Buckets buckets_of(const std::vector<double>& sorted) {
  constexpr int most = 60;
  const double low = sorted.front(), high = sorted.back();
  if (low == high) return {{high}, {static_cast<double>(sorted.size())}};
  Buckets buckets;
  auto from = sorted.begin();
  for (int i = 1; i <= most; ++i) {
    const double limit = i == most ? high : low + (high - low) * i / most;
    const auto past = std::upper_bound(from, sorted.end(), limit);
    buckets.limits.push_back(limit);
    buckets.counts.push_back(static_cast<double>(past - from));
    from = past;
  }
  return buckets;
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& path) : file_(path) {
  file_.truncate(0);
  write(event_now().text(3, "brain.Event:2").bytes());
}

void EventFile::add_scalar(std::string_view tag, std::int64_t step, double value) {
  write(event_of(step, Message().text(1, tag).number(2, static_cast<float>(value))).bytes());
}

void EventFile::add_histogram(std::string_view tag, std::int64_t step, std::span<const float> values) {
  std::vector<double> sorted;
  double sum = 0, squares = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const auto x = static_cast<double>(value);
    sorted.push_back(x), sum += x, squares += x * x;
  }
  if (sorted.empty()) return;
  std::ranges::sort(sorted);
  const Buckets buckets = buckets_of(sorted);
  const Message histogram = Message()
                                .number(1, sorted.front())
                                .number(2, sorted.back())
                                .number(3, static_cast<double>(sorted.size()))
                                .number(4, sum)
                                .number(5, squares)
                                .numbers(6, buckets.limits)
                                .numbers(7, buckets.counts);
  write(event_of(step, Message().text(1, tag).message(5, histogram)).bytes());
}

void EventFile::write(std::string_view event) {
  const std::string length = bytes_of(static_cast<std::uint64_t>(event.size()));
  file_.append(length + bytes_of(masked_crc32c(length)) + std::string(event) + bytes_of(masked_crc32c(event)));
}

}  // namespace perdita::report
