#include "perdita/data/safetensors.hpp"

#include <gtest/gtest.h>

#include "data/files.hpp"

namespace perdita::data {
namespace {

using namespace std::string_literals;

/// A file with this JSON header and data.
std::string file_with(const std::string& header, const std::string& data = "") {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  return bytes + header + data;
}

template <class T>
Array array_of(const Shape& shape, std::initializer_list<T> values) {
  Array array = Array::empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), array.data<T>());
  return array;
}

TEST(SafeTensors, ReadsWhatPythonWrote) {
  const SafeTensors content = read_safetensors(python_files() / "model.safetensors");
  ASSERT_EQ(content.tensors.size(), 7u);
  const Array& weight = content.tensors.at("weight");
  EXPECT_EQ(weight.shape, (Shape{2, 3}));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(weight.data<float>()[i], static_cast<float>(37 * i % 101) - 49.5f);
  EXPECT_EQ(content.tensors.at("step").shape, Shape{});
  EXPECT_EQ(*content.tensors.at("step").data<std::int64_t>(), 123456789012345);
  EXPECT_EQ(content.tensors.at("none").shape, (Shape{0, 5}));
  EXPECT_TRUE(content.tensors.at("mask").data<bool>()[2]);
  EXPECT_FALSE(content.tensors.at("mask").data<bool>()[1]);
  EXPECT_EQ(content.tensors.at("q\"\xc3\xa4\n").data<std::uint8_t>()[3], 10);
  EXPECT_EQ(content.tensors.at("doubles").data<double>()[1], -12.5);
  EXPECT_EQ(content.tensors.at("ints").data<std::int32_t>()[1], -13);
  EXPECT_EQ(content.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"note", "\xc3\xbc\0"s}}));
}

// The layout that the format's reference writer chooses: widest first, then by name; offsets from zero; header padded
// with spaces to a multiple of eight.
TEST(SafeTensors, WritesTheReferenceLayoutByteForByte) {
  SafeTensors content;
  content.tensors.emplace("b", array_of<float>({2}, {1.0f, -2.0f}));
  content.tensors.emplace("a", array_of<float>({1, 1}, {0.5f}));
  content.tensors.emplace("mask", array_of<bool>({1}, {true}));
  content.tensors.emplace("n", array_of<std::int64_t>({}, {258}));
  const std::string header = R"({"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                             R"("a":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]},)"
                             R"("b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
                             R"("mask":{"dtype":"BOOL","shape":[1],"data_offsets":[20,21]}})";
  const std::string data = "\x02\x01\0\0\0\0\0\0"s + "\0\0\0\x3f"s + "\0\0\x80\x3f\0\0\0\xc0"s + "\x01"s;
  const std::string padding((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(encode_safetensors(content), file_with(header + padding, data));
  content.metadata = {{"b", "2"}, {"a", "1"}};
  EXPECT_EQ(encode_safetensors(content).substr(8, 33), R"({"__metadata__":{"a":"1","b":"2"})");
}

TEST(SafeTensors, SurvivesARoundTripThroughAFile) {
  const SafeTensors content = read_safetensors(python_files() / "model.safetensors");
  Folder folder;
  write_safetensors(folder / "copy.safetensors", content);
  const SafeTensors copy = read_safetensors(folder / "copy.safetensors");
  EXPECT_EQ(copy.metadata, content.metadata);
  ASSERT_EQ(copy.tensors.size(), content.tensors.size());
  for (const auto& [name, array] : content.tensors) {
    const Array& other = copy.tensors.at(name);
    EXPECT_EQ(other.dtype, array.dtype);
    EXPECT_EQ(other.shape, array.shape);
    EXPECT_EQ(std::memcmp(other.buffer.data(), array.buffer.data(), array.bytes()), 0) << name;
  }
  EXPECT_EQ(encode_safetensors(copy), encode_safetensors(content));
  EXPECT_TRUE(parse_safetensors(encode_safetensors({}), "empty").tensors.empty());
}

TEST(SafeTensors, RefusesDamagedFiles) {
  try_damaged(read_file(python_files() / "model.safetensors"),
              [](const std::string& bytes) { return parse_safetensors(bytes, "damaged"); });
}

std::string message(const std::string& header, const std::string& data = "") {
  return message_of<DataError>([&] { parse_safetensors(file_with(header, data), "m.st"); });
}

TEST(SafeTensors, ErrorsNameTheTensor) {
  const auto one = [](const std::string& fields) { return message("{\"w\":{" + fields + "}}", "abcd"); };
  EXPECT_EQ(one(R"("dtype":"BF16","shape":[2],"data_offsets":[0,4])"),
            "read_safetensors: m.st: tensor 'w': dtype '\"BF16\"' (valid: BOOL, U8, I32, I64, F32, F64)");
  EXPECT_EQ(
      one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"),
      "read_safetensors: m.st: tensor 'w': data_offsets [0, 4] do not fit (valid: end - begin = 8 for shape [2] of "
      "float32)");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "data_offsets [4, 0] do not fit");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "leave a gap");
  EXPECT_CONTAINS(one(R"("dtype":"U8","shape":[3],"data_offsets":[0,3])"),
                  "4 bytes of data, but the tensors require 3");
  EXPECT_CONTAINS(one(R"("dtype":"U8","shape":[5],"data_offsets":[0,5])"),
                  "the tensors require 5 (is the file truncated?)");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "shape has the entry '-1'");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "shape has the entry '1.0'");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4])"), "0 to 2^63 - 1");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])"), "beyond 2^63");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"),
                  "9 dimensions (valid: up to 8)");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":4,"data_offsets":[0,4])"), "shape is not a list");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "data_offsets is not a pair");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1])"), "missing or unknown fields");
  EXPECT_CONTAINS(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1)"), "missing or unknown fields");
  EXPECT_CONTAINS(one(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"),
                  "contains the key 'dtype' twice");
  EXPECT_CONTAINS(one(R"("dtype":"BOOL","shape":[4],"data_offsets":[0,4])"), "byte 63 is 97, in an array of bools");
}

TEST(SafeTensors, ErrorsOfTheWholeFile) {
  const std::string u8 = R"({"dtype":"U8","shape":[2],"data_offsets":[)";
  EXPECT_CONTAINS(message("{\"a\":" + u8 + "0,2]},\"b\":" + u8 + "1,3]}}", "xyz"), "tensor 'b' begins at byte 1");
  EXPECT_CONTAINS(message("{\"a\":" + u8 + "0,2]},\"b\":" + u8 + "1,3]}}", "xyz"), "overlap");
  EXPECT_CONTAINS(message("{\"a\":" + u8 + "0,2]},\"a\":" + u8 + "2,4]}}", "wxyz"), "contains the key 'a' twice");
  EXPECT_CONTAINS(message(R"({"__metadata__":{"a":1}})"), "__metadata__ has a number at 'a' (valid: a string)");
  EXPECT_CONTAINS(message(R"({"__metadata__":[]})"), "__metadata__ is not a JSON object");
  EXPECT_CONTAINS(message("[]"), "byte 8 is not '{'");
  EXPECT_CONTAINS(message("{"), "not valid JSON");
  EXPECT_CONTAINS(message("{\"\xff\":1}"), "not valid JSON");
  EXPECT_CONTAINS(message("{} x"), "not valid JSON");
  EXPECT_CONTAINS(message("{\"a\":" + std::string(200000, '[') + std::string(200000, ']') + "}"),
                  "the header is nested too deeply at character 68 (valid: up to 64 levels)");
  const auto whole = [](const std::string& bytes) {
    return message_of<DataError>([&] { parse_safetensors(bytes, "m.st"); });
  };
  EXPECT_CONTAINS(whole("abc"), "the file has 3 bytes, fewer than the 8 bytes");
  EXPECT_CONTAINS(whole("\x80\x02}q\x00)q\x01."s), "is this a safetensors file?");
  EXPECT_CONTAINS(whole("\x10\0\0\0\0\0\0\0{}"s), "should end at byte 24, but the file has 10 bytes");
  EXPECT_CONTAINS(whole(std::string(8, '\0')), "byte 8 is not '{'");
}

TEST(SafeTensors, NumbersOf16BitsAreNotWritten) {
  for (const DType dtype : {DType::bfloat16, DType::float16})
    EXPECT_THROW(encode_safetensors({{{"a", {dtype, {2}, Buffer::allocate(4)}}}, {}}), DTypeError);
}

TEST(SafeTensors, NamesThatCannotBeWrittenAreRefused) {
  const Array array = array_of<float>({1}, {1.0f});
  EXPECT_THROW(encode_safetensors({{{"__metadata__", array}}, {}}), ValueError);
  EXPECT_THROW(encode_safetensors({{{"\xff", array}}, {}}), ValueError);
  EXPECT_THROW(write_safetensors("/nowhere/model.safetensors", {}), FileError);
}

}  // namespace
}  // namespace perdita::data
