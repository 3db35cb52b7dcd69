// The folder of a run or a comparison: made, checked and locked, so that two processes never write to one. What it
// holds is replaced in one step, once what takes its place has proved itself.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace perdita::report {

class Folder {
 public:
  /// Makes the folder where it is missing, and locks it until the object is gone. A replacement that another process
  /// was killed in is completed, or undone where it had not begun to replace anything. Throws FileError when the folder
  /// cannot be made or written to, or another process holds it.
  explicit Folder(const std::filesystem::path& path);
  Folder(Folder&& other) noexcept;
  Folder& operator=(Folder&&) = delete;
  /// What was staged and not put in place is removed.
  ~Folder();

  /// From now on files() is a new folder within this one, and what was there stays as it was until replace().
  void stage();
  bool is_staged() const { return staged_; }
  /// Puts the staged files in place of those of the earlier run or comparison, and of nothing else: a crash leaves
  /// either the old ones or the new ones, as the next Folder sees them. Open files stay open.
  void replace();

  const std::filesystem::path& path() const { return path_; }
  /// Where the files are written: path(), or the folder within it that stage() made.
  std::filesystem::path files() const;
  std::filesystem::path config() const { return files() / "config.json"; }
  std::filesystem::path history() const { return files() / "history.jsonl"; }
  std::filesystem::path checkpoint() const { return files() / "checkpoint.safetensors"; }
  std::filesystem::path events() const { return files() / "events.out.tfevents"; }
  std::filesystem::path model() const { return files() / "model.safetensors"; }

 private:
  void complete_replacement() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool staged_ = false;
};

/// What lies in a folder that a command is about to write to.
enum class Occupant {
  nothing,     ///< no such folder, or an empty one
  run,         ///< files of `perdita train` or of a Recorder, maybe with others
  comparison,  ///< files of `perdita compare`, maybe with others
  strangers,   ///< other files, none of which has a name that a run would use
  conflict,    ///< other files, some with such names; or no folder at all
};
/// Throws FileError where the folder cannot be read.
Occupant occupant_of(const std::filesystem::path& path);

/// Throws FileError, which says what is there, where a `wanted` (run or comparison) that takes the folder would replace
/// anything else. Strangers stay beside it.
void check_replaceable(const std::filesystem::path& path, Occupant occupant, Occupant wanted);

/// Whether there is a file or folder of this name that is not an empty folder. Throws FileError.
bool is_occupied(const std::filesystem::path& path);

/// Makes the folder of a new run, with its config.json. With `overwrite`, a run that is there is replaced, which is
/// staged: replace() is to be called when the new run has proved itself. Throws FileError if the folder holds anything
/// that would be lost otherwise, and as Folder().
Folder new_run_folder(const std::filesystem::path& path, bool overwrite, std::string_view config);

/// A name for runs on these data: "fashion-mnist", "houses" for csv:houses.csv,target=price, "moons".
std::string folder_name(std::string_view data);

/// The first of runs/NAME-1, runs/NAME-2, ... that does not exist.
std::filesystem::path next_free_folder(std::string_view name);

}  // namespace perdita::report
