#include "perdita/train/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/report/html.hpp"

namespace perdita::train {

namespace fs = std::filesystem;

Folder::Folder(const fs::path& path) : path_(path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!fs::is_directory(path)) {
    fail<FileError>("cannot make the folder {}: {}", path.string(),
                    error ? error.message() : std::string("something else has this name"));
  }
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    fail<FileError>("cannot write to the folder {}: {}", path.string(), std::strerror(errno));
  }
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) fail<FileError>("cannot open the folder {}: {}", path.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int number = errno;
    ::close(descriptor_);
    fail<FileError>("cannot use the folder {}: {}", path.string(),
                    number == EWOULDBLOCK ? "another perdita train is writing to it" : std::strerror(number));
  }
}

Folder::Folder(Folder&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Folder::~Folder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Folder::clear() const {
  std::vector<std::string> names{"checkpoint.safetensors", "history.jsonl", "model.safetensors",  "report.html",
                                 "suspects.csv",           "config.json",   "events.out.tfevents"};
  for (std::string_view chart : report::run_chart_names()) {
    for (const char* end : {".svg", ".png"}) names.push_back(std::string(chart) + end);
  }
  for (const std::string& name : names) {
    for (const char* end : {"", ".partial"}) {
      std::error_code error;
      fs::remove(path_ / (name + end), error);
      if (error) fail<FileError>("cannot remove {}: {}", (path_ / name).string(), error.message());
    }
  }
}

bool is_occupied(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return false;
  if (!fs::is_directory(status)) return true;
  const bool empty = fs::is_empty(path, error);
  if (error) fail<FileError>("cannot read the folder {}: {}", path.string(), error.message());
  return !empty;
}

std::string folder_name(std::string_view data) {
  const std::size_t colon = data.find(':');
  if (colon != std::string_view::npos) data.remove_prefix(colon + 1);
  const fs::path path(data.substr(0, data.find(',')));
  const std::string stem = path.filename().empty() ? path.parent_path().filename().string() : path.stem().string();
  return stem.empty() || stem[0] == '.' ? "run" : stem;
}

fs::path next_free_folder(std::string_view name) {
  for (int number = 1;; ++number) {
    fs::path path = fs::path("runs") / fmt::format("{}-{}", name, number);
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(path, ignored))) return path;
  }
}

}  // namespace perdita::train
