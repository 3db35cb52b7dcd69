#include "perdita/data/idx.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "data/files.hpp"

namespace perdita::data {
namespace {

std::string header(std::initializer_list<int> bytes) {
  std::string text;
  for (int byte : bytes) text += static_cast<char>(byte);
  return text;
}

int element(int i) { return 37 * i % 101; }

template <class T>
void expect_elements(const std::string& name, const auto& expected) {
  for (const char* end : {".idx", ".idx.gz"}) {
    const Array array = read_idx(python_files() / (name + end));
    EXPECT_EQ(array.shape, (Shape{2, 3, 4}));
    for (int i = 0; i < 24; ++i) EXPECT_EQ(array.data<T>()[i], expected(i)) << name << end << " element " << i;
  }
}

TEST(Idx, ReadsEveryTypeThatPythonWrote) {
  expect_elements<std::uint8_t>("u1", [](int i) { return element(i); });
  expect_elements<std::int32_t>("i1", [](int i) { return element(i) - 50; });
  expect_elements<std::int32_t>("i2", [](int i) { return (element(i) - 50) * 300; });
  expect_elements<std::int32_t>("i4", [](int i) { return (element(i) - 50) * 70000; });
  expect_elements<float>("f4", [](int i) { return static_cast<float>(element(i)) - 49.5f; });
  expect_elements<double>("f8", [](int i) { return element(i) - 49.5; });
}

TEST(Idx, ReadsGzipOfSeveralMembers) {
  const Array array = read_idx(python_files() / "members.idx.gz");
  ASSERT_EQ(array.shape, (Shape{24}));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(array.data<std::uint8_t>()[i], element(i));
}

TEST(Idx, ReadsEmptyArrays) {
  EXPECT_EQ(parse_idx(header({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 9}), "a").shape, (Shape{0, 9}));
}

TEST(Idx, RefusesDamagedFiles) {
  for (const char* name : {"u1.idx", "i2.idx", "f8.idx", "u1.idx.gz", "members.idx.gz"}) {
    SCOPED_TRACE(name);
    try_damaged(read_file(python_files() / name), [](const std::string& bytes) { return parse_idx(bytes, "damaged"); });
  }
}

TEST(Idx, ErrorsNameTheFileAndTheByte) {
  const auto message = [](const std::string& bytes) {
    return message_of<DataError>([&] { parse_idx(bytes, "some/file"); });
  };
  EXPECT_EQ(message(header({0, 0, 7, 1, 0, 0, 0, 1, 5})),
            "read_idx: some/file: byte 2, the element type, is 0x07 (valid: 08 uint8, 09 int8, 0b int16, 0c int32, "
            "0d float32, 0e float64)");
  EXPECT_EQ(message(header({0, 0, 8, 9})), "read_idx: some/file: byte 3, the rank, is 9 (valid: 1..8)");
  EXPECT_EQ(message(header({0, 0, 8, 1, 0, 0, 0, 3, 1, 2})),
            "read_idx: some/file: the file ends at byte 10, but shape [3] requires 11 bytes (is the file truncated?)");
  EXPECT_EQ(message(header({0, 0, 8, 1, 127, 0, 0, 0, 1, 2})),
            "read_idx: some/file: the header specifies shape [2130706432] of 1-byte elements, more than a file of 10 "
            "bytes can "
            "contain");
  EXPECT_EQ(message(header({0, 0, 8, 1, 0, 0, 0, 1, 5, 6})),
            "read_idx: some/file: the file continues after byte 9, where the data of shape [1] end");
  EXPECT_CONTAINS(message("\x89PNG\r\n"), "not an IDX file: it begins with bytes 89 50 4e 47");
  EXPECT_CONTAINS(message(""), "the file has 0 bytes, fewer than the 4 bytes");
  EXPECT_CONTAINS(message(header({0, 0, 8, 3, 0, 0})),
                  "the file ends within its header, which has 16 bytes for rank 3");
  // Sizes whose product overflows 64 bits.
  EXPECT_CONTAINS(message(header({0, 0, 14, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})),
                  "more than a file of 16 bytes can contain");
}

TEST(Idx, MissingFileIsTheSystemsWord) {
  const std::string message = message_of<FileError>([] { read_idx("/nowhere/train-images-idx3-ubyte"); });
  EXPECT_CONTAINS(message, "/nowhere/train-images-idx3-ubyte");
  EXPECT_CONTAINS(message, "No such file or directory");
}

}  // namespace
}  // namespace perdita::data
