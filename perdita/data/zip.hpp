// The directory of a ZIP archive, which is what an NPZ file is (APPNOTE 6.3.10, sections 4.3 and 4.5.3).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "perdita/core/file.hpp"

namespace perdita::data::detail {

struct ZipMember {
  std::string name;
  std::uint16_t flags = 0, method = 0;  ///< of methods: 0 stored, 8 deflated
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0, size = 0;
  std::uint64_t header_at = 0;  ///< where the member's own header begins
};

/// The members, as the directory at the file's end lists them (also ZIP64). Throws DataError that names what is wrong.
std::vector<ZipMember> list_zip(const InputFile& file);

/// Where the member's data begin. Throws DataError for a member that is encrypted, packed by another method than
/// deflate, or does not lie within the file.
std::uint64_t find_zip_data(const InputFile& file, const ZipMember& member);

/// Reads the bytes of a stored member, which begin at `data_at`. Throws DataError if they do not have its checksum.
void check_stored(const InputFile& file, const ZipMember& member, std::uint64_t data_at);

}  // namespace perdita::data::detail
