// Files read whole or in pieces, files that are either the old one or the new one, and files that only grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace perdita {

/// The bytes of a file (a pipe or device is read to its end).
/// Throws FileError that names the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// A file that is read from any place, also by several threads at once. Pipes and devices are read from front to back.
class InputFile {
 public:
  /// Throws FileError that names the path and the system's reason, as does read().
  explicit InputFile(std::filesystem::path path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  /// A file on a disk, whose size is known and which may be read from any place.
  bool is_regular() const { return is_regular_; }
  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  /// Fills up to `count` bytes from `offset` on (a pipe: the next ones); fewer only at the end.
  std::size_t read(std::uint64_t offset, void* to, std::size_t count) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool is_regular_ = false;
  std::uint64_t size_ = 0;
};

/// A file that appears at `path` only when commit() has succeeded: what stood there before stays untouched
/// until then, whatever happens. The bytes go to `path` + ".partial" in the same folder, reach the disk
/// (fsync) and are renamed. Two writers of the same path take turns. An error or an exception removes the
/// partial file; one that a killed process left behind is reused by the next writer.
/// Symbolic links are followed; pipes and devices (/dev/stdout) are written directly.
class AtomicFile {
 public:
  /// Throws FileError, as do write() and commit().
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::string_view bytes);
  /// Makes the file visible. Nothing may be written afterwards.
  void commit();

 private:
  void open_partial();
  [[noreturn]] void fail_with(int error_number) const;

  std::filesystem::path asked_;    // as the caller named it: what messages say
  std::filesystem::path target_;   // links followed
  std::filesystem::path partial_;  // empty when the target is written directly
  int descriptor_ = -1;
};

/// A file that grows by whole pieces, each handed to the system in one call before append() returns: a killed
/// process loses none of them. Throws FileError.
class AppendFile {
 public:
  /// Creates the file if it is missing; what it holds stays.
  explicit AppendFile(std::filesystem::path path);
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  /// All of `bytes`, or none: when the disk is full, the part that was written is cut off again.
  void append(std::string_view bytes);
  /// Cuts the file to its first `size` bytes.
  void truncate(std::size_t size);
  /// Waits until the disk has it: what a power cut can't take back.
  void sync();
  const std::filesystem::path& path() const { return path_; }

 private:
  [[noreturn]] void fail_with(int error_number) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace perdita
