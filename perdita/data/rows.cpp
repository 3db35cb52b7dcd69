#include "perdita/data/rows.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"
#include "perdita/data/npy_header.hpp"
#include "perdita/data/row_readers.hpp"
#include "perdita/data/zip.hpp"

namespace perdita::data {

namespace {

namespace fs = std::filesystem;
using namespace detail;

class ArrayRows : public RowReader {
 public:
  ArrayRows(Array array, std::string array_name) : array_(std::move(array)) {
    if (array_.shape.rank() < 1) fail<ShapeError>("rows_of: {} has shape [] (valid: [N, ...])", array_name);
    name = std::move(array_name);
    dtype = array_.dtype;
    rows = array_.shape[0];
    row_shape = array_.shape;
    row_shape.erase(0);
    any_order = true;
  }
  std::int64_t read(std::int64_t first, std::int64_t count, void* to) override {
    count = std::clamp<std::int64_t>(*rows - first, 0, count);
    if (count > 0)
      std::memcpy(to, static_cast<const char*>(array_.buffer.data()) + first * row_bytes(),
                  static_cast<std::size_t>(count * row_bytes()));
    return count;
  }

 private:
  Array array_;
};

const ZipMember& find_member(const std::vector<ZipMember>& members, const std::string& wanted,
                             const std::string& file) {
  if (wanted.empty() && members.size() == 1) return members.front();
  std::vector<std::string> names;
  for (const ZipMember& member : members) {
    if (!wanted.empty() && (member.name == wanted || member.name == wanted + ".npy")) return member;
    names.push_back(printable(member.name.substr(0, member.name.rfind(".npy"))));
  }
  if (wanted.empty())
    fail<ValueError>("read_npz: {} contains {} arrays, select one with FILE:ARRAY (valid: {})", file, names.size(),
                     fmt::join(names, ", "));
  fail<ValueError>("read_npz: {} does not contain an array {} (valid: {})", file, printable(wanted),
                   fmt::join(names, ", "));
}

std::unique_ptr<RowReader> npz_rows(std::shared_ptr<const InputFile> file, const std::string& wanted) {
  const std::vector<ZipMember> members = list_zip(*file);
  const ZipMember& member = find_member(members, wanted, file->path().string());
  const std::uint64_t data_at = find_zip_data(*file, member);
  const std::string shown = printable(member.name);
  std::string name = fmt::format("{}:{}", file->path().string(), std::string_view(shown).substr(1, shown.size() - 2));
  if (member.method == 0) {
    check_stored(*file, member, data_at);
    return npy_rows(std::move(file), data_at, member.size, std::move(name));
  }
  return npy_rows(inflated_stream(file_stream(file, data_at, member.packed_size), member.size, member.crc, name), name);
}

}  // namespace

std::pair<std::filesystem::path, std::string> detail::split_spec(const std::string& spec) {
  std::error_code ignored;
  const std::size_t colon = spec.rfind(':');
  if (colon == std::string::npos || fs::exists(spec, ignored) || !fs::exists(spec.substr(0, colon), ignored))
    return {spec, ""};
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

std::unique_ptr<RowReader> open_rows(const std::string& spec, const RowOptions& options) {
  const auto [path, part] = split_spec(spec);
  auto file = std::make_shared<const InputFile>(path);
  if (!file->is_regular() && path.extension() == ".npy")
    return npy_rows(file_stream(file, 0, std::numeric_limits<std::uint64_t>::max()), path.string());
  char start[6] = {};
  const std::size_t known = file->is_regular() ? file->read(0, start, sizeof start) : 0;
  const std::string_view magic(start, known);
  if (magic == npy_magic) {
    if (!part.empty())
      fail<ValueError>("open_rows: {}: an NPY file contains a single array without a name (valid: FILE.npy)", spec);
    return npy_rows(file, 0, file->size(), path.string());
  }
  if (magic.starts_with("PK")) return npz_rows(std::move(file), part);
  const std::string extension = path.extension().string();
  if (extension == ".npy") npy_preamble_bytes(magic, path.string());  // which says what is wrong
  if (extension == ".npz") list_zip(*file);
  const bool is_utf16 = magic.starts_with("\xff\xfe") || magic.starts_with("\xfe\xff");  // which csv_rows() names
  if ((magic.find('\0') != std::string_view::npos && !is_utf16) || magic.starts_with("\x1f\x8b"))
    fail<DataError>("open_rows: {}: the file is neither NPY nor NPZ nor CSV (valid: FILE.npy, FILE.npz, FILE.csv)",
                    path.string());
  return csv_rows(std::move(file), part, options);
}

std::unique_ptr<RowReader> rows_of(Array array, std::string name) {
  return std::make_unique<ArrayRows>(std::move(array), std::move(name));
}

}  // namespace perdita::data
