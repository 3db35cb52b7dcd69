// Sequential streams of bytes: a section of a file, and the decompressed contents of such a section.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "perdita/core/file.hpp"

namespace perdita::data::detail {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Fills up to `count` bytes; fewer only at the end.
  virtual std::size_t read(void* to, std::size_t count) = 0;
  /// Upper bound of the number of bytes. Sizes in headers are compared with it before memory is allocated.
  virtual std::uint64_t most_bytes() const = 0;
};

/// `size` bytes of the file from `offset` on.
std::unique_ptr<ByteStream> file_stream(std::shared_ptr<const InputFile> file, std::uint64_t offset,
                                        std::uint64_t size);

/// The decompressed contents of raw deflate data (RFC 1951): `size` bytes with the checksum `crc`. `name` is used in
/// messages. Reading throws DataError if the data are corrupt, too short or too long.
std::unique_ptr<ByteStream> inflated_stream(std::unique_ptr<ByteStream> packed, std::uint64_t size, std::uint32_t crc,
                                            std::string name);

}  // namespace perdita::data::detail
