#include "perdita/report/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/core/file.hpp"
#include "perdita/data/json.hpp"
#include "perdita/report/html.hpp"

namespace perdita::report {

namespace fs = std::filesystem;

namespace {

// Within the folder. Renaming the first to the second is the moment of replacement; once the old files are gone it is
// renamed to the third, whose files are then moved to their places.
constexpr const char* growing = ".perdita-new";
constexpr const char* prepared = ".perdita-replacing";
constexpr const char* moving = ".perdita-moving";

void check(const std::error_code& error, std::string_view what, const fs::path& path) {
  if (error) fail<FileError>("cannot {} {}: {}", what, path.string(), error.message());
}

void move_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(error, "replace", to);
}

void delete_all(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  check(error, "remove", path);
}

std::vector<std::string> with_charts(std::vector<std::string> names, std::span<const std::string_view> charts) {
  for (std::string_view chart : charts) {
    for (const char* end : {".svg", ".png"}) names.push_back(std::string(chart) + end);
  }
  return names;
}

std::vector<std::string> run_files() {
  return with_charts({"checkpoint.safetensors", "history.jsonl", "model.safetensors", "report.html", "suspects.csv",
                      "diagnosis.json", "config.json", "events.out.tfevents"},
                     report::run_chart_names());
}

std::vector<std::string> comparison_files() {
  constexpr std::array<std::string_view, 2> charts{"results", "recall"};
  return with_charts({"comparison.json", "comparison.csv", "report.html"}, charts);
}

/// Whether Comparison names a run's folder so.
bool names_a_run(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  return name.find_first_not_of("0123456789") == name.find('-') && end != name.npos && end + 1 < name.size() &&
         name.substr(0, end + 1).ends_with("-seed-");
}

/// Files of an earlier run or comparison in `folder`, which may also contain other files.
std::vector<fs::path> leftovers(const fs::path& folder, bool of_comparison) {
  std::vector<fs::path> found;
  for (const std::string& name : of_comparison ? comparison_files() : run_files()) {
    for (const char* end : {"", ".partial"}) found.push_back(folder / (name + end));
  }
  std::error_code error;
  if (!of_comparison || !fs::is_directory(folder / "runs", error)) return found;
  for (const auto& entry : fs::directory_iterator(folder / "runs", error)) {
    if (entry.is_directory(error) && names_a_run(entry.path().filename().string())) found.push_back(entry.path());
  }
  return found;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// Whether the file is the config.json of a run. Other programs have files of this name, too.
bool holds_config(const fs::path& path) {
  try {
    const auto config = data::parse_json<nlohmann::ordered_json>(read_file(path), path.string());
    return config.is_object() && config.contains("data") && (config.contains("loss") || config.contains("recorder"));
  } catch (const Error&) {
    return false;
  }
}

/// Moves what `from` holds into `to`, and what its folder "runs" holds into that of `to`.
void move_files(const fs::path& from, const fs::path& to) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) entries.push_back(entry.path());
  check(error, "read", from);
  for (const fs::path& entry : entries) {
    const fs::path target = to / entry.filename();
    if (entry.filename() == "runs" && fs::is_directory(target, error)) {
      move_files(entry, target);
    } else {
      move_to(entry, target);
    }
  }
  delete_all(from);
}

}  // namespace

Folder::Folder(const fs::path& path) : path_(path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!fs::is_directory(path)) {
    fail<FileError>("cannot create the folder {}: {}", path.string(),
                    error ? error.message() : std::string("a file of this name exists"));
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
                    number == EWOULDBLOCK ? "another process is writing to it" : std::strerror(number));
  }
  complete_replacement();
  delete_all(path_ / growing);
}

Folder::Folder(Folder&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      staged_(std::exchange(other.staged_, false)) {}

Folder::~Folder() {
  std::error_code ignored;
  if (staged_) fs::remove_all(path_ / growing, ignored);
  if (descriptor_ >= 0) ::close(descriptor_);
}

fs::path Folder::files() const { return staged_ ? path_ / growing : path_; }

void Folder::stage() {
  std::error_code error;
  fs::create_directory(path_ / growing, error);
  check(error, "create the folder", path_ / growing);
  staged_ = true;
}

void Folder::replace() {
  move_to(path_ / growing, path_ / prepared);
  staged_ = false;
  ::fsync(descriptor_);
  complete_replacement();
}

void Folder::complete_replacement() const {
  if (is_there(path_ / prepared)) {
    const bool is_comparison = is_there(path_ / prepared / "comparison.json");
    for (const fs::path& old : leftovers(path_, is_comparison)) delete_all(old);
    move_to(path_ / prepared, path_ / moving);
  }
  if (is_there(path_ / moving)) move_files(path_ / moving, path_);
}

Occupant occupant_of(const fs::path& path) {
  if (!is_occupied(path)) return Occupant::nothing;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return Occupant::conflict;
  for (const fs::path& folder : {path, path / prepared, path / moving}) {
    if (is_there(folder / "comparison.json")) return Occupant::comparison;
    if (is_there(folder / "checkpoint.safetensors")) return Occupant::run;
    if (holds_config(folder / "config.json")) return Occupant::run;
  }
  const auto is_taken = [&](const std::string& name) { return is_there(path / name); };
  return std::ranges::any_of(run_files(), is_taken) || std::ranges::any_of(comparison_files(), is_taken)
             ? Occupant::conflict
             : Occupant::strangers;
}

void check_replaceable(const fs::path& path, Occupant occupant, Occupant wanted) {
  const bool strangers_may_stay = wanted == Occupant::run && occupant == Occupant::strangers;
  if (occupant == Occupant::nothing || occupant == wanted || strangers_may_stay) return;
  const std::string_view name = wanted == Occupant::run ? "run" : "comparison";
  const std::string_view found = occupant == Occupant::run          ? "a run"
                                 : occupant == Occupant::comparison ? "a comparison"
                                                                    : "other files";
  fail<FileError>(
      "the folder {} does not contain a {} to replace, but {} (valid: a new or empty folder, or one with a {})",
      path.string(), name, found, name);
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

Folder new_run_folder(const fs::path& path, bool overwrite, std::string_view config) {
  const Occupant occupant = occupant_of(path);
  if (occupant != Occupant::nothing) {
    if (!overwrite) fail<FileError>("the folder {} is not empty (valid: a new or empty folder)", path.string());
    check_replaceable(path, occupant, Occupant::run);
  }
  Folder folder(path);
  if (occupant == Occupant::run) folder.stage();
  write_file_atomically(folder.config(), config);
  return folder;
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

}  // namespace perdita::report
