// Files read whole, and files that are either the old one or the new one, never half of it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace perdita {

/// The bytes of a file (a pipe or device is read to its end).
/// Throws FileError that names the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

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

/// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace perdita
