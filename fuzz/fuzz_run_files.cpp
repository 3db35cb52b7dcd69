#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

#include "fuzz.hpp"
#include "perdita/core/file.hpp"
#include "perdita/evaluate/history.hpp"
#include "perdita/train/comparison.hpp"
#include "perdita/train/evidence.hpp"
#include "perdita/train/suspects.hpp"
#include "perdita/train/trainer.hpp"

namespace {

using namespace perdita;
namespace fs = std::filesystem;

constexpr const char* data_name = "synthetic:moons,samples=40";

/// A folder in memory for the file that a run would be resumed from.
const fs::path& folder() {
  static const fs::path path = [] {
    const fs::path made = fs::path("/dev/shm") / fmt::format("perdita-fuzz-{}", ::getpid());
    fs::create_directories(made);
    return made;
  }();
  return path;
}

void read_config(std::string_view text) {
  const train::Config config = train::config_from_json(text, "config.json");
  const std::string written = train::to_json(config);
  require(train::to_json(train::config_from_json(written, "written")) == written);
}

void read_history(std::string_view text) {
  const fs::path file = folder() / "history.jsonl";
  write_file_atomically(file, text);
  for (const evaluate::Record& record : evaluate::read_history(file)) {
    require(record.epoch >= 0 && record.step >= 0);
    evaluate::record_from_json(evaluate::to_json(record));
  }
  evaluate::History::resume(file, 1);
}

/// As --resume does: read, restore, and what a finished run looks at.
void read_checkpoint(std::string_view bytes) {
  static const train::Problem problem =
      train::prepare({.data = data_name, .hidden = {3}, .batch_size = 16, .epochs = 2, .threads = 1});
  const fs::path file = folder() / "checkpoint.safetensors";
  write_file_atomically(file, bytes);
  const train::Checkpoint checkpoint = train::read_checkpoint(file);
  train::Trainer trainer(problem);
  trainer.restore(checkpoint);
  trainer.take_best();
  train::find_suspects(problem, trainer.margin_tracker());
  diagnose::Evidence evidence;
  train::measure_contradictions(trainer.model(), problem, trainer.margin_tracker(), evidence);
}

/// On small data of ours: what a comparison costs is what its configuration asks for.
void read_comparison(std::string_view text) {
  const std::size_t options = text.find("\"options\"");
  if (text.size() > 4000 || options == text.npos || text.find(data_name) == text.npos) return;
  for (const char* costly : {"hidden", "threads", "data_", "fashion", "csv", "npy", "idx", "class_weights", "FILE"}) {
    if (text.find(costly) != text.npos) return;
  }
  if (text.find("synthetic:") != text.rfind("synthetic:")) return;
  write_file_atomically(folder() / "comparison.json", text);
  const train::Comparison comparison = train::Comparison::resume(folder());
  require(comparison.runs_done() <= comparison.runs());
  evaluate::comparison_table(comparison.results());
  evaluate::notes(comparison.results());
}

}  // namespace

// The first byte chooses the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array readers{read_config, read_history, read_checkpoint, read_comparison};
  try {
    readers[data[0] % readers.size()]({reinterpret_cast<const char*>(data + 1), size - 1});
  } catch (const Error&) {
  }
  return 0;
}
