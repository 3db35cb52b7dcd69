#include "perdita/data/npy.hpp"

#include <gtest/gtest.h>

#include "data/files.hpp"

namespace perdita::data {
namespace {

using namespace std::string_literals;

int element(int i) { return 37 * i % 101; }

template <class T>
void expect_elements(const std::string& name, const auto& expected) {
  for (const char* version : {".v1", ".v2", ".v3"}) {
    for (const char* order : {".npy", ".fortran.npy"}) {
      SCOPED_TRACE(name + version + order);
      const Array array = read_npy(python_files() / (name + version + order));
      EXPECT_EQ(array.shape, (Shape{3, 4, 2}));
      for (int i = 0; i < 24; ++i) EXPECT_EQ(array.data<T>()[i], expected(i)) << "element " << i;
    }
  }
}

TEST(Npy, ReadsEveryTypeVersionAndOrder) {
  const auto half = [](int i) { return static_cast<float>(element(i)) - 49.5f; };
  expect_elements<std::uint8_t>("u1.le", element);
  expect_elements<std::int32_t>("i4.le", [](int i) { return element(i) - 50; });
  expect_elements<std::int32_t>("i4.be", [](int i) { return element(i) - 50; });
  expect_elements<std::int64_t>("i8.le", [](int i) { return (element(i) - 50LL) * (1LL << 40); });
  expect_elements<float>("f4.le", half);
  expect_elements<double>("f8.le", half);
  expect_elements<double>("f8.be", half);
  expect_elements<bool>("b1.le", [](int i) { return element(i) % 2 == 1; });
}

TEST(Npy, ReadsScalarsVectorsAndEmptyArrays) {
  const Array scalar = read_npy(python_files() / "scalar.npy"), vector = read_npy(python_files() / "vector.npy");
  EXPECT_EQ(scalar.shape, Shape{});
  EXPECT_EQ(*scalar.data<double>(), 2.5);
  EXPECT_EQ(vector.shape, Shape{2});
  EXPECT_EQ(vector.data<std::int64_t>()[1], 8);
  EXPECT_EQ(read_npy(python_files() / "empty.npy").shape, (Shape{0, 3}));
}

TEST(Npy, WritesWhatPythonWroteByteForByte) {
  for (const char* name :
       {"u1.le.v1", "i4.le.v1", "i8.le.v1", "f4.le.v1", "f8.le.v1", "b1.le.v1", "scalar", "vector", "empty"}) {
    const std::string bytes = read_file(python_files() / (name + ".npy"s));
    EXPECT_EQ(encode_npy(parse_npy(bytes, name)), bytes) << name;
  }
  Folder folder;
  const Array array = read_npy(python_files() / "f4.le.v1.npy");
  write_npy(folder / "a.npy", array);
  EXPECT_EQ(read_file(folder / "a.npy"), encode_npy(array));
  EXPECT_THROW(write_npy("/nowhere/a.npy", array), FileError);
}

// numpy.save(numpy.arange(3, dtype='<i4')) of NumPy 2.4, kept as bytes.
TEST(Npy, ReadsAndWritesNumPysOwnBytes) {
  const std::string bytes = "\x93NUMPY\x01\x00v\x00{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }"s +
                            std::string(60, ' ') + "\n" + "\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"s;
  const Array array = parse_npy(bytes, "numpy");
  ASSERT_EQ(array.shape, Shape{3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(array.data<std::int32_t>()[i], i);
  EXPECT_EQ(encode_npy(array), bytes);
}

TEST(Npy, RefusesDamagedFiles) {
  for (const char* name : {"f4.le.v1.npy", "b1.le.v1.npy", "i4.be.v2.fortran.npy", "scalar.npy"}) {
    SCOPED_TRACE(name);
    try_damaged(read_file(python_files() / name), [](const std::string& bytes) { return parse_npy(bytes, "damaged"); });
  }
}

/// An NPY 1.0 file with this header text and so many bytes of elements.
std::string file_with(const std::string& header, std::size_t data_bytes = 0) {
  return "\x93NUMPY\x01\x00"s + static_cast<char>(header.size()) + '\x00' + header + std::string(data_bytes, '\x00');
}

std::string message(const std::string& bytes) {
  return message_of<DataError>([&] { parse_npy(bytes, "x.npy"); });
}

TEST(Npy, HeadersThatPythonAllowsAreRead) {
  EXPECT_EQ(parse_npy(file_with("{\"shape\":(2 ,3),'fortran_order':False,\n'descr':'>u1'}", 6), "x").shape,
            (Shape{2, 3}));
  EXPECT_EQ(parse_npy(file_with("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }  \n", 8), "x").shape,
            Shape{2});
}

TEST(Npy, ErrorsSayWhatIsWrongWithTheHeader) {
  const auto with_descr = [](const std::string& descr) {
    return file_with("{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,), }", 4);
  };
  EXPECT_CONTAINS(message(with_descr("'<f2'")), "x.npy: the header has element type '<f2' (valid: '<f4', '<f8',");
  EXPECT_CONTAINS(message(with_descr("'|O'")), "element type '|O'");
  EXPECT_CONTAINS(message(with_descr("'|f4'")), "element type '|f4'");
  EXPECT_CONTAINS(message(with_descr("''")), "element type ''");
  EXPECT_CONTAINS(message(with_descr("[('a', '<f4')]")), "structured array");
  const auto with_shape = [](const std::string& shape) {
    return file_with("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}", 4);
  };
  EXPECT_CONTAINS(message(with_shape("(-1,)")), "invalid shape");
  EXPECT_CONTAINS(message(with_shape("(99999999999999999999,)")), "invalid shape");
  EXPECT_CONTAINS(message(with_shape("(1,1,1,1,1,1,1,1,1)")), "too many dimensions (valid: up to 8)");
  EXPECT_CONTAINS(message(with_shape("3")), "malformed at character");
  EXPECT_CONTAINS(message(with_shape("(4294967296,4294967296)")), "requires more than any file can contain");
  EXPECT_CONTAINS(message(with_shape("(0,4611686018427387904,4611686018427387904)")),
                  "requires more than any file can contain");
  EXPECT_CONTAINS(message(with_shape("(2,)")),
                  "there are 4 bytes of data after byte 65, but shape [2] of float32 requires 8 (is");
  EXPECT_CONTAINS(message(with_shape("(0,)")),
                  "there are 4 bytes of data after byte 65, but shape [0] of float32 requires 0");
  EXPECT_CONTAINS(message(file_with("{'descr': '<f4', 'shape': (1,), }", 4)),
                  "does not contain the key 'fortran_order'");
  EXPECT_CONTAINS(message(file_with("{'descr': '<f4', 'descr': '<f4'}", 4)), "contains the key 'descr' twice");
  EXPECT_CONTAINS(message(file_with("{'descr': '<f4", 4)), "unclosed quote");
  EXPECT_CONTAINS(message(file_with("{'fortran_order': 1}", 4)), "a value of fortran_order that is not a bool");
  EXPECT_CONTAINS(message(file_with("{'descr': '<f4', 'fortran_order': True, 'shape': ()} x", 4)),
                  "continues after the dict");
  EXPECT_CONTAINS(message("PK\x03\x04 an npz"), "not an NPY file: it begins with 'PK\\x03\\x04 a'");
  EXPECT_CONTAINS(message("\x93NUMPY\x04\x00\x00\x00"s), "version 4.0 (valid: 1.0, 2.0, 3.0)");
  EXPECT_CONTAINS(message("\x93NUMPY\x02\x00\xff\xff\xff\xff"s),
                  "header should end at byte 4294967307, but the file has 12");
}

TEST(Npy, NumbersOf16BitsAreNotWritten) {
  for (const DType dtype : {DType::bfloat16, DType::float16})
    EXPECT_THROW(encode_npy({dtype, {2}, Buffer::allocate(4)}), DTypeError);
}

TEST(Npy, ABoolIsZeroOrOne) {
  std::string bytes = file_with("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", 3);
  bytes[bytes.size() - 2] = 2;
  EXPECT_CONTAINS(message(bytes), fmt::format("byte {} is 2, in an array of bools (valid: 0, 1)", bytes.size() - 2));
}

}  // namespace
}  // namespace perdita::data
