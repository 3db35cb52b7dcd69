#include "perdita/core/file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "perdita/core/error.hpp"

namespace perdita {
namespace {
namespace fs = std::filesystem;

/// A fresh folder that goes with the test.
class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "perdita_file_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// The names in the folder: a leftover partial file is seen here.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_)) all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }
  static std::string message_of(const auto& call) {
    try {
      call();
    } catch (const FileError& error) {
      return error.what();
    }
    return "no FileError";
  }
  fs::path folder_;
};
/// No file can grow beyond `bytes` while this lives.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

using Names = std::vector<std::string>;

TEST_F(File, ComesBackByteForByte) {
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes.push_back(static_cast<char>(i * 31 % 257));
  for (const std::string& text : {std::string(), std::string(1, '\0'), bytes}) {
    write_file_atomically(folder_ / "a.bin", text);
    EXPECT_EQ(read_file(folder_ / "a.bin"), text);
    EXPECT_EQ(fs::file_size(folder_ / "a.bin"), text.size());
  }
  EXPECT_EQ(names(), Names{"a.bin"});
}

TEST_F(File, ReadsWhatHasNoSize) {
  EXPECT_NE(read_file("/proc/self/status").find("Name:"), std::string::npos);
  EXPECT_EQ(read_file("/dev/null"), "");
}

TEST_F(File, ErrorsNameThePathAndTheReason) {
  const fs::path missing = folder_ / "none" / "x";
  EXPECT_EQ(message_of([&] { read_file(missing); }),
            "read_file: cannot open " + missing.string() + ": No such file or directory");
  EXPECT_EQ(message_of([&] { write_file_atomically(missing, "a"); }),
            "write_file: cannot write " + missing.string() + ": No such file or directory");
  EXPECT_EQ(message_of([&] { read_file(folder_); }), "read_file: cannot read " + folder_.string() + ": Is a directory");
  EXPECT_EQ(message_of([&] { write_file_atomically(folder_, "a"); }),
            "write_file: cannot write " + folder_.string() + ": Is a directory");
  EXPECT_EQ(message_of([&] { write_file_atomically("/dev/full", "a"); }),
            "write_file: cannot write /dev/full: No space left on device");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));  // a device is written to, never replaced
}

TEST_F(File, NothingIsVisibleBeforeCommit) {
  write_file_atomically(folder_ / "a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.write("new, but never finished");
    EXPECT_EQ(read_file(folder_ / "a"), "old");
    EXPECT_EQ(names(), (Names{"a", "a.partial"}));
  }
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(File, AFullDiskLeavesTheOldFileAndNoOther) {
  write_file_atomically(folder_ / "a", "old");
  const std::string message = message_of([&] {
    const SmallDisk disk(4096);
    write_file_atomically(folder_ / "a", std::string(1 << 20, 'x'));
  });
  EXPECT_EQ(message, "write_file: cannot write " + (folder_ / "a").string() + ": File too large");
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(File, APartialFileOfAKilledProcessIsReused) {
  std::ofstream(folder_ / "a.partial") << "longer than what comes next";
  write_file_atomically(folder_ / "a", "new");
  EXPECT_EQ(read_file(folder_ / "a"), "new");
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(File, FollowsLinksAndKeepsTheMode) {
  write_file_atomically(folder_ / "real", "old");
  fs::permissions(folder_ / "real", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("real", folder_ / "link");
  write_file_atomically(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "real"), "new");
  EXPECT_EQ(fs::status(folder_ / "real").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(File, AppendingAddsAllOrNothing) {
  AppendFile file(folder_ / "log");
  file.append("one\n");
  EXPECT_EQ(read_file(folder_ / "log"), "one\n");  // visible at once
  const std::string message = message_of([&] {
    const SmallDisk disk(10);
    file.append("longer than the six bytes that are left\n");
  });
  EXPECT_EQ(message, "write_file: cannot write " + (folder_ / "log").string() + ": File too large");
  AppendFile moved = std::move(file);
  moved.append("two\n");
  moved.sync();
  EXPECT_EQ(read_file(folder_ / "log"), "one\ntwo\n");
  moved.truncate(4);
  AppendFile(folder_ / "log").append("three\n");
  EXPECT_EQ(read_file(folder_ / "log"), "one\nthree\n");
}

TEST_F(File, WritersOfOnePathTakeTurns) {
  std::vector<std::thread> writers;
  for (char letter : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 20; ++i) write_file_atomically(folder_ / "shared", std::string(100000, letter));
    });
  }
  for (auto& writer : writers) writer.join();
  const std::string bytes = read_file(folder_ / "shared");
  ASSERT_EQ(bytes.size(), 100000u);
  EXPECT_EQ(bytes, std::string(100000, bytes[0]));
  EXPECT_EQ(names(), Names{"shared"});
}

}  // namespace
}  // namespace perdita
