#include "perdita/data/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "perdita/core/error.hpp"
#include "perdita/data/bytes.hpp"

namespace perdita::data::detail {

namespace {

constexpr std::uint32_t member_signature = 0x04034b50, directory_signature = 0x02014b50, end_signature = 0x06054b50,
                        end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr std::size_t member_bytes = 30, directory_bytes = 46, end_bytes = 22, end64_bytes = 56, locator64_bytes = 20;
constexpr std::uint64_t most_directory_bytes = std::uint64_t{64} << 20;

[[noreturn]] void refuse(const InputFile& file, std::string_view what) {
  fail<DataError>("read_npz: {}: {} (is the file truncated, or not an NPZ file?)", file.path().string(), what);
}

std::string bytes_at(const InputFile& file, std::uint64_t offset, std::uint64_t count, std::string_view what) {
  if (offset > file.size() || count > file.size() - offset) refuse(file, fmt::format("{} lies outside the file", what));
  std::string bytes(static_cast<std::size_t>(count), '\0');
  if (file.read(offset, bytes.data(), bytes.size()) != bytes.size()) refuse(file, fmt::format("{} is missing", what));
  return bytes;
}

template <class T>
T number(std::string_view bytes, std::size_t at) {
  return load<T>(&bytes[at], std::endian::little);
}

struct Directory {
  std::uint64_t entries, bytes, offset;
};

Directory find_directory(const InputFile& file) {
  // The end record is the last thing but for a comment of at most 65535 bytes.
  const std::uint64_t tail_bytes = std::min<std::uint64_t>(file.size(), end_bytes + 65535);
  const std::uint64_t tail_at = file.size() - tail_bytes;
  const std::string tail = bytes_at(file, tail_at, tail_bytes, "the end of the file");
  std::optional<std::size_t> end;
  for (std::size_t at = tail.size() < end_bytes ? 0 : tail.size() - end_bytes + 1; at-- > 0 && !end;) {
    if (number<std::uint32_t>(tail, at) == end_signature) end = at;
  }
  if (!end) refuse(file, "the ZIP directory is missing");
  const Directory small{number<std::uint16_t>(tail, *end + 10), number<std::uint32_t>(tail, *end + 12),
                        number<std::uint32_t>(tail, *end + 16)};
  if (*end < locator64_bytes || number<std::uint32_t>(tail, *end - locator64_bytes) != locator64_signature)
    return small;
  const auto at64 = number<std::uint64_t>(tail, *end - locator64_bytes + 8);
  const std::string end64 = bytes_at(file, at64, end64_bytes, "the ZIP64 end record");
  if (number<std::uint32_t>(end64, 0) != end64_signature) refuse(file, "the ZIP64 end record is malformed");
  return {number<std::uint64_t>(end64, 32), number<std::uint64_t>(end64, 40), number<std::uint64_t>(end64, 48)};
}

/// Sizes and offset that did not fit in 32 bits stand in a field of their own, in this order.
void read_zip64(std::string_view extra, ZipMember& member) {
  while (extra.size() >= 4) {
    const auto id = number<std::uint16_t>(extra, 0);
    const std::size_t size = std::min<std::size_t>(number<std::uint16_t>(extra, 2), extra.size() - 4);
    if (id == 1) {
      std::string_view field = extra.substr(4, size);
      for (std::uint64_t* value : {&member.size, &member.packed_size, &member.header_at}) {
        if (*value != 0xffffffff || field.size() < 8) continue;
        *value = number<std::uint64_t>(field, 0);
        field.remove_prefix(8);
      }
    }
    extra.remove_prefix(4 + size);
  }
}

}  // namespace

std::vector<ZipMember> list_zip(const InputFile& file) {
  const Directory directory = find_directory(file);
  if (directory.bytes > most_directory_bytes) refuse(file, "the ZIP directory is larger than 64 MiB");
  const std::string bytes = bytes_at(file, directory.offset, directory.bytes, "the ZIP directory");
  std::vector<ZipMember> members;
  std::string_view rest = bytes;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (rest.size() < directory_bytes || number<std::uint32_t>(rest, 0) != directory_signature)
      refuse(file, fmt::format("entry {} of the ZIP directory is malformed", i));
    const std::size_t name = number<std::uint16_t>(rest, 28), extra = number<std::uint16_t>(rest, 30),
                      comment = number<std::uint16_t>(rest, 32);
    if (rest.size() - directory_bytes < name + extra + comment)
      refuse(file, fmt::format("entry {} of the ZIP directory is truncated", i));
    ZipMember member{.name = std::string(rest.substr(directory_bytes, name)),
                     .flags = number<std::uint16_t>(rest, 8),
                     .method = number<std::uint16_t>(rest, 10),
                     .crc = number<std::uint32_t>(rest, 16),
                     .packed_size = number<std::uint32_t>(rest, 20),
                     .size = number<std::uint32_t>(rest, 24),
                     .header_at = number<std::uint32_t>(rest, 42)};
    read_zip64(rest.substr(directory_bytes + name, extra), member);
    members.push_back(std::move(member));
    rest.remove_prefix(directory_bytes + name + extra + comment);
  }
  return members;
}

std::uint64_t find_zip_data(const InputFile& file, const ZipMember& member) {
  if (member.flags & 1) refuse(file, fmt::format("{} is encrypted", printable(member.name)));
  if (member.method != 0 && member.method != 8) {
    refuse(file, fmt::format("{} uses compression method {}, which is not stored (0) or deflated (8)",
                             printable(member.name), member.method));
  }
  const std::string header = bytes_at(file, member.header_at, member_bytes, "a member's header");
  if (number<std::uint32_t>(header, 0) != member_signature) {
    refuse(file, fmt::format("the header of {} is malformed", printable(member.name)));
  }
  const std::uint64_t data_at =
      member.header_at + member_bytes + number<std::uint16_t>(header, 26) + number<std::uint16_t>(header, 28);
  if (data_at > file.size() || member.packed_size > file.size() - data_at ||
      (member.method == 0 && member.size != member.packed_size)) {
    refuse(file, fmt::format("the data of {} lie outside the file", printable(member.name)));
  }
  return data_at;
}

void check_stored(const InputFile& file, const ZipMember& member, std::uint64_t data_at) {
  std::vector<char> room(std::size_t{1} << 20);
  uLong checksum = 0;
  for (std::uint64_t at = 0; at < member.size; at += room.size()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), member.size - at));
    if (file.read(data_at + at, room.data(), count) != count)
      refuse(file, fmt::format("{} was truncated while it was being read", printable(member.name)));
    checksum = crc32_z(checksum, reinterpret_cast<const Bytef*>(room.data()), count);
  }
  if (checksum == member.crc) return;
  fail<DataError>("read_npz: {}: the checksum of {} does not match, the file is corrupt", file.path().string(),
                  printable(member.name));
}

}  // namespace perdita::data::detail
