#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "fuzz.hpp"
#include "perdita/data/rows.hpp"

namespace {

using namespace perdita;

/// Reads all rows, a few at a time, and some of them twice where that is allowed.
void read_all(data::RowReader& reader) {
  constexpr std::int64_t step = 7, most_rows = 50'000, most_bytes = std::int64_t{1} << 20;
  if (reader.row_bytes() > most_bytes) return;  // room for a row is the caller's
  std::vector<char> room(static_cast<std::size_t>(step * reader.row_bytes())), again = room;
  std::int64_t rows = 0;
  for (std::int64_t got = step; got == step && rows < most_rows; rows += got) {
    got = reader.read(rows, step, room.data());
    require(got >= 0 && got <= step);
    if (!reader.any_order) continue;
    require(reader.read(rows, step, again.data()) == got);
    require(room == again);
  }
  if (reader.rows && rows < most_rows) require(rows == *reader.rows);
}

}  // namespace

// An NPY, NPZ or text file behind a first byte that chooses the options: whether there is a header, which array or
// column is read, and the separator.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("fuzz", 0);
  if (size == 0) return 0;
  require(::ftruncate(file, 0) == 0 && ::pwrite(file, data + 1, size - 1, 0) == static_cast<ssize_t>(size - 1));
  constexpr std::array<const char*, 4> parts{"", ":0", ":a", ":labels"};
  const data::CsvFormat options{.header = static_cast<data::CsvFormat::Header>(data[0] % 3),
                                .separator = "\0,;\t|"[data[0] / 12 % 5]};
  try {
    read_all(*data::open_rows(fmt::format("/proc/self/fd/{}{}", file, parts[data[0] / 3 % parts.size()]), options));
  } catch (const DataError&) {
  } catch (const ValueError&) {  // there is no such array or column
  }
  return 0;
}
