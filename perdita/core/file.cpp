#include "perdita/core/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include "perdita/core/error.hpp"

namespace perdita {
namespace fs = std::filesystem;
namespace {

std::string reason(int error_number) { return std::generic_category().message(error_number); }

/// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Closes a descriptor when the scope ends.
struct Closer {
  int descriptor;
  ~Closer() { ::close(descriptor); }
};

/// Linux moves at most 2 GiB in one call; smaller pieces also keep Ctrl-C responsive.
constexpr std::size_t piece = std::size_t{64} << 20;

/// 0, or the error number of the write that failed.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return ::write(descriptor, bytes.data(), std::min(bytes.size(), piece)); });
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// A rename is on the disk when its folder is. File systems that cannot do this say so; the rename stands.
void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const int descriptor = retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return;
  const Closer closer{descriptor};
  ::fsync(descriptor);
}

}  // namespace

std::string read_file(const fs::path& path) {
  const int descriptor = retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) fail<FileError>("read_file: cannot open {}: {}", path.string(), reason(errno));
  const Closer closer{descriptor};
  struct stat status {};
  // A size is only a hint: files in /proc say 0, and a file may grow while it is read.
  std::size_t room = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size + 1 : 4096;
  std::string bytes;
  for (std::size_t used = 0;;) {
    bytes.resize(std::max(room, used + 1));
    const std::size_t wanted = std::min(bytes.size() - used, piece);
    const ssize_t got = retry([&] { return ::read(descriptor, bytes.data() + used, wanted); });
    if (got < 0) fail<FileError>("read_file: cannot read {}: {}", path.string(), reason(errno));
    used += static_cast<std::size_t>(got);
    if (got == 0) {
      bytes.resize(used);
      return bytes;
    }
    if (used == bytes.size()) room = 2 * used;
  }
}

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = retry([&] { return ::open(path_.c_str(), O_RDONLY | O_CLOEXEC); });
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) < 0) {
    const int error_number = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    fail<FileError>("read_file: cannot open {}: {}", path_.string(), reason(error_number));
  }
  is_regular_ = S_ISREG(status.st_mode);
  if (is_regular_) size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(std::uint64_t offset, void* to, std::size_t count) const {
  auto* const bytes = static_cast<char*>(to);
  for (std::size_t done = 0; done < count;) {
    const std::size_t wanted = std::min(count - done, piece);
    const ssize_t got = retry([&] {
      return is_regular_ ? ::pread(descriptor_, bytes + done, wanted, static_cast<off_t>(offset + done))
                         : ::read(descriptor_, bytes + done, wanted);
    });
    if (got < 0) fail<FileError>("read_file: cannot read {}: {}", path_.string(), reason(errno));
    if (got == 0) return done;
    done += static_cast<std::size_t>(got);
  }
  return count;
}

AtomicFile::AtomicFile(fs::path path) : asked_(std::move(path)) {
  std::error_code ignored;  // a dangling link or an unreadable folder: open() below says what is wrong
  target_ = fs::is_symlink(asked_, ignored) ? fs::weakly_canonical(asked_, ignored) : asked_;
  if (target_.empty()) target_ = asked_;
  struct stat status {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail_with(EISDIR);
  if (!exists || S_ISREG(status.st_mode)) {
    open_partial();
    if (exists) ::fchmod(descriptor_, status.st_mode & 07777);  // as far as allowed, the new file keeps the mode
    return;
  }
  descriptor_ = retry([&] { return ::open(target_.c_str(), O_WRONLY | O_CLOEXEC); });
  if (descriptor_ < 0) fail_with(errno);
}

void AtomicFile::open_partial() {
  partial_ = target_;
  partial_ += ".partial";
  for (;;) {
    descriptor_ = retry([&] { return ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666); });
    if (descriptor_ < 0) {
      partial_.clear();  // not ours: nothing to remove
      fail_with(errno);
    }
    retry([&] { return ::flock(descriptor_, LOCK_EX); });
    // The writer that held the lock has renamed its file meanwhile: then ours is already the finished one.
    // clang-format off
    struct stat ours {}, named {};
    // clang-format on
    if (::fstat(descriptor_, &ours) == 0 && ::lstat(partial_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
        ours.st_dev == named.st_dev) {
      break;
    }
    ::close(descriptor_);
  }
  if (retry([&] { return ::ftruncate(descriptor_, 0); }) < 0) {
    const int error_number = errno;
    ::close(descriptor_);  // no destructor runs for a constructor that throws
    fail_with(error_number);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  if (!partial_.empty()) ::unlink(partial_.c_str());  // before the lock goes with the descriptor
  ::close(descriptor_);
}

void AtomicFile::write(std::string_view bytes) {
  if (const int error_number = write_all(descriptor_, bytes)) fail_with(error_number);
}

void AtomicFile::commit() {
  if (!partial_.empty()) {
    if (retry([&] { return ::fsync(descriptor_); }) < 0) fail_with(errno);
    if (::rename(partial_.c_str(), target_.c_str()) < 0) fail_with(errno);
    partial_.clear();
  }
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) < 0 && errno != EINTR) fail_with(errno);
  sync_folder_of(target_);
}

void AtomicFile::fail_with(int error_number) const {
  fail<FileError>("write_file: cannot write {}: {}", asked_.string(), reason(error_number));
}

AppendFile::AppendFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = retry([&] { return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666); });
  if (descriptor_ < 0) fail_with(errno);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendFile::append(std::string_view bytes) {
  struct stat before {};
  const bool known = ::fstat(descriptor_, &before) == 0 && S_ISREG(before.st_mode);
  const int error_number = write_all(descriptor_, bytes);
  if (error_number == 0) return;
  if (known) retry([&] { return ::ftruncate(descriptor_, before.st_size); });
  fail_with(error_number);
}

void AppendFile::truncate(std::size_t size) {
  if (retry([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) < 0) fail_with(errno);
}

void AppendFile::sync() {
  // EINVAL: a pipe or a terminal, which have no disk.
  if (retry([&] { return ::fdatasync(descriptor_); }) < 0 && errno != EINVAL) fail_with(errno);
}

void AppendFile::fail_with(int error_number) const {
  fail<FileError>("write_file: cannot write {}: {}", path_.string(), reason(error_number));
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace perdita
