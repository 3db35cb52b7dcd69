// The folder of a run: made, checked and locked, so that two processes never write to one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace perdita::train {

class Folder {
 public:
  /// Makes the folder where it is missing, and locks it until the object is gone. Throws FileError when it cannot be
  /// made or written to, or another process holds it.
  explicit Folder(const std::filesystem::path& path);
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  ~Folder();

  /// Removes the files of an earlier run, and nothing else.
  void clear() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.json"; }
  std::filesystem::path history() const { return path_ / "history.jsonl"; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path events() const { return path_ / "events.out.tfevents"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Whether there is a file or folder of this name that is not an empty folder. Throws FileError.
bool is_occupied(const std::filesystem::path& path);

/// A name for runs on these data: "fashion-mnist", "houses" for csv:houses.csv,target=price, "moons".
std::string folder_name(std::string_view data);

/// The first of runs/NAME-1, runs/NAME-2, ... that does not exist.
std::filesystem::path next_free_folder(std::string_view name);

}  // namespace perdita::train
