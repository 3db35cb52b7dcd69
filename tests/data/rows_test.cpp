// Rows read in pieces are those of the whole file.
#include "perdita/data/rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "data/files.hpp"
#include "perdita/data/npy.hpp"

namespace perdita::data {
namespace {

using namespace std::string_literals;
using Numbers = std::vector<float>;
using Doubles = std::vector<double>;

/// All rows, `step` at a time.
template <class T = float>
std::vector<T> read_all(RowReader& reader, std::int64_t step) {
  EXPECT_EQ(reader.dtype, dtype_of<T>());
  std::vector<T> all, some(static_cast<std::size_t>(step * reader.row_elements()));
  for (std::int64_t first = 0;; first += step) {
    const std::int64_t got = reader.read(first, step, some.data());
    all.insert(all.end(), some.begin(), some.begin() + got * reader.row_elements());
    if (got < step) return all;
  }
}

std::string in_files(std::string_view name) { return (python_files() / name).string(); }

Numbers quarters() {
  Numbers numbers;
  for (int i = 0; i < 21; ++i) numbers.push_back(static_cast<float>(i) / 4);
  return numbers;
}

TEST(Rows, OfEveryKindOfFileAreTheSame) {
  for (const char* name :
       {"one.npz", "stored.npz:logits", "deflated.npz:logits", "deflated.npz:logits.npy", "columns.npy", "big.npy"}) {
    for (std::int64_t step : {1, 2, 7, 100}) {
      SCOPED_TRACE(fmt::format("{} by {}", name, step));
      const auto reader = open_rows(in_files(name));
      EXPECT_EQ(reader->row_shape, Shape{3});
      EXPECT_EQ(reader->rows, 7);
      EXPECT_EQ(read_all(*reader, step), quarters());
    }
  }
  for (const char* name : {"stored.npz:labels", "deflated.npz:labels"}) {
    EXPECT_EQ(read_all<std::int64_t>(*open_rows(in_files(name)), 4), (std::vector<std::int64_t>{0, 1, 2, 0, 1, 2, 0}));
  }
}

TEST(Rows, OfNpyAreThoseThatReadNpyGives) {
  for (const char* name : {"u1.le.v1.npy", "i4.be.v2.npy", "f4.le.v3.npy", "f8.be.v1.npy", "b1.le.v1.npy"}) {
    SCOPED_TRACE(name);
    const Array whole = read_npy(in_files(name));
    const auto reader = open_rows(in_files(name));
    EXPECT_EQ(reader->dtype, whole.dtype);
    EXPECT_EQ(reader->row_shape, (Shape{4, 2}));
    std::vector<char> rows(static_cast<std::size_t>(2 * reader->row_bytes()));
    EXPECT_EQ(reader->read(1, 5, rows.data()), 2);  // of three, from the second on
    EXPECT_EQ(
        std::memcmp(rows.data(), static_cast<const char*>(whole.buffer.data()) + reader->row_bytes(), rows.size()), 0);
    EXPECT_EQ(rows_of(whole, "array")->read(1, 5, rows.data()), 2);
  }
}

TEST(Rows, WhatCannotBeStreamedIsRefusedByName) {
  EXPECT_CONTAINS(message_of<DataError>([] { open_rows(in_files("f4.le.v1.fortran.npy")); }), "Fortran order");
  EXPECT_CONTAINS(message_of<DataError>([] { open_rows(in_files("columns.npz")); }), "Fortran order");
  EXPECT_CONTAINS(message_of<DataError>([] { open_rows(in_files("scalar.npy")); }), "shape []");
  EXPECT_CONTAINS(message_of<ValueError>([] { open_rows(in_files("stored.npz")); }), "'logits', 'labels'");
  EXPECT_CONTAINS(message_of<ValueError>([] { open_rows(in_files("stored.npz:other")); }),
                  "does not contain an array 'other'");
  EXPECT_CONTAINS(message_of<FileError>([] { open_rows(in_files("nowhere.npy")); }), "nowhere.npy");
}

/// Writes the bytes and reads all rows.
void parse_file(const Folder& folder, const char* name, const std::string& bytes) {
  write_file_atomically(folder / name, bytes);
  const auto reader = open_rows((folder / name).string() + (std::string(name).ends_with("z") ? ":logits" : ""));
  std::vector<char> row(static_cast<std::size_t>(std::min<std::int64_t>(reader->row_bytes(), 1 << 20)) + 1);
  if (reader->row_bytes() > 1 << 20) return;
  for (std::int64_t first = 0; reader->read(first, 1, row.data()) == 1 && first < 100; ++first) {
  }
}

TEST(Rows, DamagedFilesAreRefused) {
  Folder folder;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    SCOPED_TRACE(name);
    try_damaged(read_file(in_files(name)), [&](const std::string& bytes) {
      try {
        parse_file(folder, name, bytes);
      } catch (const ValueError& error) {  // another name among the members
        throw DataError(error.what());
      } catch (const FileError& error) {  // no NPZ any more: taken for a file whose name has a colon
        throw DataError(error.what());
      }
    });
  }
  const std::string npy = read_file(in_files("big.npy"));
  for (std::size_t length = 0; length < npy.size(); ++length)
    EXPECT_THROW(parse_file(folder, "cut.npy", npy.substr(0, length)), DataError) << length;
  EXPECT_THROW(parse_file(folder, "long.npy", npy + "x"), DataError);
}

TEST(Rows, ACorruptMemberIsToldByItsChecksum) {
  Folder folder;
  const std::string bytes = read_file(in_files("deflated.npz"));
  int told = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    try {
      parse_file(folder, "a.npz", changed);
    } catch (const Error& error) {
      told += std::string(error.what()).find("checksum") != std::string::npos;
    }
  }
  EXPECT_GT(told, 0);
}

// Whatever byte of a stored or deflated member's data is flipped, the file is refused.
TEST(Rows, EveryFlippedByteOfAMemberIsFound) {
  Folder folder;
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    SCOPED_TRACE(name);
    const std::string bytes = read_file(in_files(name));
    const std::size_t name_at = bytes.find(".npy"), end = bytes.find("PK", name_at);
    ASSERT_LT(name_at + 100, end);
    for (std::size_t at = name_at + 30; at < end; ++at) {  // behind the local header and what extra it has
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 0x10);
      EXPECT_THROW(parse_file(folder, "a.npz", changed), DataError) << at;
    }
  }
}

std::unique_ptr<RowReader> csv(const Folder& folder, const std::string& text, const std::string& column = "",
                               RowOptions::Header header = RowOptions::Header::detect) {
  write_file_atomically(folder / "a.csv", text);
  return open_rows((folder / "a.csv").string() + column, {.header = header});
}

TEST(Rows, OfText) {
  Folder folder;
  const Doubles expected{1, 2.5, -3, 4};
  for (const char* text : {"1,2.5\n-3,4\n", "a,b\r\n1,2.5\r\n\r\n-3,4", "1;2.5\n-3;4\n", "x\ty\n1\t2.5\n-3\t4\n",
                           "\xef\xbb\xbf\"a\",\"b\n\"\n1,\"2.5\"\n-3,4\n", "1,2.5\r-3,4\r"}) {
    SCOPED_TRACE(text);
    const auto reader = csv(folder, text);
    EXPECT_EQ(reader->row_shape, Shape{2});
    EXPECT_FALSE(reader->rows);
    EXPECT_EQ(read_all<double>(*reader, 1), expected);
  }
  const std::string named = "a,b\n1,2.5\n-3,4\n";
  EXPECT_EQ(read_all<double>(*csv(folder, named, ":b"), 10), (Doubles{2.5, 4}));
  EXPECT_EQ(read_all<double>(*csv(folder, named, ":0"), 10), (Doubles{1, -3}));
  EXPECT_EQ(csv(folder, named, ":0")->row_shape, Shape{});
  EXPECT_EQ(read_all<double>(*csv(folder, named, ":-1"), 10), (Doubles{2.5, 4}));
  EXPECT_EQ(read_all<double>(*csv(folder, "2019,b\n1,2.5\n-3,4\n", ":b"), 10), (Doubles{2.5, 4}));
  EXPECT_EQ(read_all<double>(*csv(folder, "0,1\n5,6\n", "", RowOptions::Header::yes), 10), (Doubles{5, 6}));
  EXPECT_EQ(csv(folder, "7\n8\n")->row_shape, Shape{});
  const Doubles odd = read_all<double>(*csv(folder, "nan,inf\n-inf,1e99\n"), 10);
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(odd[0]) && odd[1] == inf && odd[2] == -inf && odd[3] == 1e99);
}

TEST(Rows, OfTextAreInDoublePrecision) {
  Folder folder;
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(read_all<double>(*csv(folder, "1000000001\n1000000002\n0.1\n9007199254740993\n5e-324\n"), 10),
            (Doubles{1000000001, 1000000002, 0.1, 9007199254740992, 5e-324}));
  EXPECT_EQ(read_all<double>(*csv(folder, "1e400\n-1e400\n1e-400\n-1e-400\n"), 10), (Doubles{inf, -inf, 0, -0.0}));
  const std::string zeros(400, '0');  // the exponent alone does not tell what is too large and what too small
  EXPECT_EQ(read_all<double>(*csv(folder, "0." + zeros + "1e5\n1" + zeros + "e-5\n1" + zeros + ".5\n"), 10),
            (Doubles{0, inf, inf}));
  EXPECT_EQ(read_all<double>(*csv(folder, "1e99999999999999999999\n1e-99999999999999999999\n0e999\n"), 10),
            (Doubles{inf, 0, 0}));
}

TEST(Rows, OfOddText) {
  Folder folder;
  const Doubles expected{1, 2};
  // A line break, a semicolon and a tab within the quotes of a header say nothing of the separator.
  EXPECT_EQ(csv(folder, "\"a\nb\";c\n1;2\n")->row_shape, Shape{2});
  EXPECT_EQ(read_all<double>(*csv(folder, "\"a\nb\";c\n1;2\n"), 10), expected);
  EXPECT_EQ(read_all<double>(*csv(folder, "\"a\r\nb,\"\tc\n1\t2\n"), 10), expected);
  EXPECT_EQ(read_all<double>(*csv(folder, "\"a;\tb\",c\n1,2\n"), 10), expected);
  EXPECT_EQ(read_all<double>(*csv(folder, "\n\n \n1;2\n"), 10), expected);
  EXPECT_EQ(read_all<double>(*csv(folder,
                                  "\xef\xbb\xbf"
                                  "1,2\r\n\r\n"),
                             10),
            expected);
  EXPECT_EQ(read_all<double>(*csv(folder, std::string(100000, '\n') + "1\n2"), 10), expected);
  const Doubles first = read_all<double>(*csv(folder, "nan\n1\n2\n"), 10);  // is no header
  ASSERT_EQ(first.size(), 3u);
  EXPECT_TRUE(std::isnan(first[0]));
}

TEST(Rows, BadTextIsToldByItsLine) {
  Folder folder;
  const auto message = [&](const std::string& text, const std::string& column = "") {
    return message_of<DataError>([&] { read_all<double>(*csv(folder, text, column), 3); });
  };
  EXPECT_CONTAINS(message("1,2\n3,x\n"),
                  "line 2, column 1: the value is not a number, got 'x' (valid: a number such as -1.5 or 2e3)");
  EXPECT_CONTAINS(message("1,2\n3,\n"), "line 2, column 1: the value is missing, got '' (valid: a number, or NaN)");
  EXPECT_CONTAINS(message("1,2\n3\n"), "line 2 has 1 fields (valid: 2");
  EXPECT_CONTAINS(message("1,2\n3,4,5\n"), "line 2 has 3 fields");
  EXPECT_CONTAINS(message("a,b\n3,\n"), "line 2, column 1 'b': the value is missing");
  EXPECT_CONTAINS(message(",0,1\n0,0.5,0.5\n"), "index=False");
  EXPECT_CONTAINS(message("NaN,dog\n1,cat\n", ":0"), "may be a header or data, got 'dog'");
  EXPECT_CONTAINS(message("a,b\n"), "no data after the header");
  EXPECT_CONTAINS(message("a,a\n1,2\n", ":a"), "two columns are named 'a' (valid: an index, -2..1)");
  EXPECT_CONTAINS(message("a,b\n1,2\n", ":c"), "column 'c' does not exist (valid: -2..1, 'a', 'b')");
  EXPECT_CONTAINS(message("1\n0x10\n"), "not a number, got '0x10'");
  EXPECT_CONTAINS(message("1\n1_000\n"), "not a number, got '1_000'");
  EXPECT_CONTAINS(message("1\n1 000\n"), "not a number, got '1 000'");
  EXPECT_CONTAINS(message("1\n+-1\n"), "not a number, got '+-1'");
  EXPECT_CONTAINS(message("1000000\n2\0\n"s), "not a number, got '2\\x00'");
  EXPECT_CONTAINS(message("1\n2\x1b[31m\n"), "not a number, got '2\\x1b[31m'");
  EXPECT_CONTAINS(message("1\n\"2\n3\n"), "line 2: a quoted field is not closed");
  EXPECT_CONTAINS(message("1\n\"2\"x\n"), "line 2: 'x' follows a closing quote");
  EXPECT_CONTAINS(message("\xff\xfe"
                          "1\0"s),
                  "UTF-16");
  EXPECT_CONTAINS(message(""), "empty");
  EXPECT_CONTAINS(message("\x1f\x8b\x08"), "neither");
}

TEST(Rows, OfTextThatIsLongerThanAPiece) {
  Folder folder;
  std::string text;
  for (int i = 0; i < 300000; ++i) text += fmt::format("{},{}\n", i % 1000, i % 7);
  ASSERT_GT(text.size(), std::size_t{2} << 20 >> 1);
  const Doubles all = read_all<double>(*csv(folder, text), 1 << 14);
  ASSERT_EQ(all.size(), 600000u);
  for (std::size_t i = 0; i < 300000; ++i) {
    ASSERT_EQ(all[2 * i], static_cast<double>(i % 1000));
    ASSERT_EQ(all[2 * i + 1], static_cast<double>(i % 7));
  }
  EXPECT_CONTAINS(message_of<DataError>([&] { read_all<double>(*csv(folder, text + "5,?x\n"), 1 << 14); }),
                  "line 300001,");
  const std::string wide = [] {  // one line that is longer than a piece
    std::string line = "1";
    for (int i = 0; i < 700000; ++i) line += ",1";
    return line + "\n";
  }();
  EXPECT_EQ(read_all<double>(*csv(folder, wide + wide), 1).size(), 1400002u);
}

}  // namespace
}  // namespace perdita::data
