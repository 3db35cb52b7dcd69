// What the data tests share: a folder of their own, and the message of an exception.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "perdita/core/array.hpp"
#include "perdita/core/file.hpp"

namespace perdita {

/// A fresh folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "perdita_data_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The folder that make_files.py has filled, once a process.
inline const Folder& python_files() {
  static const Folder* folder = [] {
    auto* made = new Folder;
    const std::string command = "python3 '" PERDITA_TESTS_DIR "/data/make_files.py' '" + made->path().string() + "'";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    std::atexit([] { delete &python_files(); });
    return made;
  }();
  return *folder;
}

/// What E says when the call throws it; a text that matches nothing otherwise.
template <class E, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "(no exception)";
}

/// The call must succeed or throw a DataError: anything else is a defect in a reader.
template <class Call>
bool parses_or_refuses(const Call& call) {
  try {
    call();
    return true;
  } catch (const DataError&) {
    return false;
  }
}

/// Tries the parser on the bytes cut off at every length, then with every byte changed in several ways. Cut-off files
/// must be refused; changed ones must do no harm.
template <class Parse>
void try_damaged(const std::string& bytes, const Parse& parse) {
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // A copy of just that size, so that the address sanitizer sees a read beyond it.
    const std::string cut(bytes.data(), length);
    EXPECT_FALSE(parses_or_refuses([&] { parse(cut); })) << "cut off at " << length << " of " << bytes.size();
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int change : {0x01, 0x10, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ change);
      parses_or_refuses([&] { parse(changed); });
    }
  }
}

}  // namespace perdita

/// EXPECT that `text` contains `part`, showing both.
#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "message: " << (text) << "\nlacks: " << (part)
